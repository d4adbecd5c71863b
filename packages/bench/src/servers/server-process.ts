// The driver's side of a measured server: starts its process, asks it, ends it. No process outlives the driver: each ends
// when its channel closes, and is killed when it does not end in time.
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { FromServer, ServerArguments, ServerUsage, ToServer } from './protocol.ts';

const readyMs = 60_000;
const usageMs = 10_000;
const stopMs = 5_000;

type MessageOf<T extends FromServer['type']> = Extract<FromServer, { type: T }>;

export class ServerProcess implements AsyncDisposable {
  readonly port: number;
  readonly #child: ChildProcess;

  /** Of the server's first process. */
  get pid(): number { return this.#child.pid as number; }

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  /**
   * Forks `file`, one of the servers beside this one, and waits until it listens. Rejects with the reason when it does not.
   * @param env  besides our own; where BENCH_SERVER_CPUS names processors (`0,1`), all servers run on these alone, by taskset: a small machine inside of a large one
   * @param flags  of Node, for it and its processes
   */
  static async start(file: URL, { app, port, cores, keepAliveMs = 5000 }: ServerArguments, env: NodeJS.ProcessEnv = {}, flags: readonly string[] = []): Promise<ServerProcess> {
    // Its output goes to our standard error: standard output belongs to the results.
    const { BENCH_SERVER_CPUS: cpus } = process.env;
    const onCpus = cpus === undefined ? { execArgv: [...process.execArgv, ...flags] } : { execPath: 'taskset', execArgv: ['-c', cpus, process.execPath, ...process.execArgv, ...flags] };
    const child = fork(file, [app.href, String(port), String(cores), String(keepAliveMs)], { stdio: ['ignore', 2, 2, 'ipc'], env: { ...process.env, ...env }, ...onCpus });
    try {
      const ready = await nextMessage(child, 'ready', readyMs);
      return new ServerProcess(child, ready.port);
    } catch (error) {
      await endProcess(child);
      throw error;
    }
  }

  /** Its first process lives. */
  get isUp(): boolean { return this.#child.connected; }

  async usage(): Promise<ServerUsage> {
    if (!this.#child.connected) throw new Error('the server ended under load');
    const reply = nextMessage(this.#child, 'usage', usageMs);
    this.#child.send({ type: 'usage' } satisfies ToServer);
    return (await reply).usage;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.connected) this.#child.send({ type: 'stop' } satisfies ToServer);
    await endProcess(this.#child);
  }
}

async function nextMessage<T extends FromServer['type']>(child: ChildProcess, type: T, withinMs: number): Promise<MessageOf<T>> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => { settle(() => { reject(new Error(`no ${type} message from the server within ${withinMs} ms`)); }); }, withinMs);
    const onExit = (code: number | null, signal: string | null): void => { settle(() => { reject(new Error(`the server ended (${signal ?? code}) before its ${type} message`)); }); };
    const onMessage = (message: FromServer): void => {
      if (message.type === 'failed') settle(() => { reject(new Error(message.message)); });
      else if (message.type === type) settle(() => { resolve(message as MessageOf<T>); });
    };
    const settle = (then: () => void): void => {
      clearTimeout(timer);
      child.off('exit', onExit).off('message', onMessage);
      then();
    };
    child.on('exit', onExit).on('message', onMessage);
  });
}

/** Waits for the process to end; after `stopMs`, kills it. */
export async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  const timer = setTimeout(() => child.kill('SIGKILL'), stopMs);
  await exited;
  clearTimeout(timer);
}
