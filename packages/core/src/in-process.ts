/** A pool without workers, for debugging: the runtime of a worker in this thread, and a port from it to itself. Next: pool.ts. */
import { MessageChannel, receiveMessageOnPort, type MessagePort } from 'node:worker_threads';
import type { TypedHook } from '@capriccio/compiler/hook';
import type { Layout } from '@capriccio/shared';
import { Runtime, setRuntime, setWhereUnparsed, type Envelope, type PortMessage, type Postman, type WorkerStart } from '@capriccio/worker';
import { emptyGraph, type GraphData } from './graph.ts';
import type { LocalGraph } from './local-graph.ts';
import type { FullPoolOptions } from './options.ts';
import { LocalServer, type LocalServerHost } from './serve/local-server.ts';
import type { FullServeOptions } from './serve/serve-options.ts';
import * as workerPlugin from './worker-plugin.ts';

const MAIN = 0;
const SELF = 1;

export class InProcess implements Postman {
  readonly #runtime: Runtime;
  readonly #port: MessagePort;
  readonly #receive: (envelope: Envelope) => void;
  readonly #makeGraph: () => Promise<LocalGraph | undefined>;
  #graph: LocalGraph | undefined;
  #hook: TypedHook | undefined;
  readonly #servers = new Set<LocalServer>();

  /** @param graph  memory of the blocking graph  @param receive  takes what the runtime tells main */
  constructor(buffer: SharedArrayBuffer, layout: Layout, graph: SharedArrayBuffer, options: FullPoolOptions, receive: (message: PortMessage) => void) {
    const { port1, port2 } = new MessageChannel();
    const { sliceMs, quantumMs, retriesMax, cancelGraceMs, deadlock, limits } = options;
    const isRecorded = !options.without.includes('recorder');
    const start: WorkerStart = {
      buffer, layout, id: SELF, seat: 0, serial: 1, port: port2, sharedBuffers: [], plugins: [],
      sliceMs, quantumMs, retriesMax, cancelGraceMs, deadlock, compile: undefined, isInspected: false, stacks: {}, isSpare: false, mayBlock: false,
      ...isRecorded ? { graph, hasWindows: false, hasForecasts: false, hasBrake: false } : {},
    };
    this.#makeGraph = async () => (isRecorded ? new (await import('./local-graph.ts')).LocalGraph(graph, layout.participantCount, SELF, limits) : undefined);
    this.#port = port1;
    this.#runtime = new Runtime(start);
    setRuntime(this.#runtime);
    workerPlugin.install(this.#runtime);
    this.#receive = ({ to, from, message, moved }) => {
      if (to === SELF) port1.postMessage({ to, from, message } satisfies Envelope, moved as never);   // from itself to itself
      else receive(message);
    };
    port1.on('message', this.#receive);
    port1.unref();
    port2.unref();
  }

  get runtime(): Runtime { return this.#runtime; }
  get servers(): Iterable<LocalServer> { return this.#servers; }
  async start(): Promise<void> {
    const { installTypedHook } = await import('@capriccio/compiler/hook');
    const hook = this.#hook = installTypedHook();
    setWhereUnparsed(() => hook.whereUnparsed());
    this.#graph = await this.#makeGraph();
    this.#runtime.start();
  }

  graph(): GraphData { return this.#graph?.read() ?? emptyGraph; }

  /** Rejects with what keeps it from being served. */
  async serve({ onClosed, ...host }: Pick<LocalServerHost, 'observed' | 'onShed' | 'onExpired' | 'onClosed'>, url: string, options: FullServeOptions): Promise<LocalServer> {
    const server = new LocalServer({ ...host, runtime: this.#runtime, onClosed: () => { this.#servers.delete(server); onClosed(); } }, url, options);
    this.#servers.add(server);
    await server.open();
    return server;
  }

  close(): void {
    this.#port.close();
    this.#hook?.remove();
    setWhereUnparsed(() => undefined);
    setRuntime(undefined);
  }

  post(to: number, message: PortMessage, transfer: readonly unknown[] = []): void { this.#port.postMessage({ to, from: MAIN, message } satisfies Envelope, transfer as never[]); }
  broadcast(message: PortMessage): void { this.#port.postMessage({ to: SELF, from: MAIN, message } satisfies Envelope); }
  receiveNow(): void {
    this.#runtime.mail.receiveNow();
    for (let received = receiveMessageOnPort(this.#port); received !== undefined; received = receiveMessageOnPort(this.#port)) this.#receive(received.message as Envelope);
  }
}
