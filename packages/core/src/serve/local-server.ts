/**
 * `serve` in a pool of cores: 0: the application runs in this thread, so that a debugger, a profiler and coverage see it as any program. The host is a
 * worker's (host.ts), and connections come to it as they come to a worker; there is nobody to place them on, no lanes, and nobody watches from outside.
 */
import { createServer, type Server } from 'node:net';
import type { Histogram } from 'node:perf_hooks';
import { CapriccioError } from '@capriccio/shared';
import { loadModule, type Runtime } from '@capriccio/worker';
import { AdminServer } from '../admin/admin-server.ts';
import type { Observed } from '../admin/observed.ts';
import { RouteTimes } from '../admin/route-times.ts';
import { checkNumber, checkObject } from '../check.ts';
import { loadApp } from '../http/app-shape.ts';
import { WriteCoalescer } from '../http/coalesce.ts';
import { refuseConnection } from './acceptor.ts';
import { listenOn, openError, urlOf } from './address.ts';
import { Host, reportUnlessGone } from './host.ts';
import type { PoolServer } from './pool-server.ts';
import type { FullServeOptions } from './serve-options.ts';
import { UnservedReport } from './unserved-report.ts';

/** What it needs of its pool, which need not close it once it is closed. */
export interface LocalServerHost {
  readonly runtime: Runtime;
  readonly observed: Observed;
  onClosed(): void;
  onShed(route: string, count: number, retryAfterMs: number): void;
  onExpired(route: string, count: number): void;
}

export class LocalServer implements PoolServer {
  port = 0;
  readonly #parts: LocalServerHost;
  readonly #options: FullServeOptions;
  readonly #appUrl: string;
  readonly #listener: Server;
  readonly #times = new RouteTimes();
  #host: Host | undefined;
  #connections = 0;
  #admin: AdminServer | undefined;
  #closed: Promise<void> | undefined;
  readonly #onAbort = (): void => { void this.close(); };

  constructor(parts: LocalServerHost, appUrl: string, options: FullServeOptions) {
    this.#parts = parts;
    this.#appUrl = appUrl;
    this.#options = options;
    this.#listener = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => {
      if (this.#host === undefined || this.#connections >= options.connectionsMax) { refuseConnection(socket); return; }
      this.#host.take(socket);
      socket.destroy();                                                  // its handle has gone over to another
    });
  }

  get url(): string { return urlOf(this.#options.host, this.port); }
  get adminUrl(): string | undefined { return this.#admin?.url; }
  histograms(): ReadonlyMap<string, Histogram> { return this.#times.merged(); }

  /** Loads the app and listens. Rejects with CAP_ERR_MODULE or the app's own error, CAP_ERR_OPTION for the port. */
  async open(): Promise<void> {
    const { port, host, signal, adminPort } = this.#options;
    if (signal?.aborted === true) throw new CapriccioError('CAP_ERR_CANCELLED', 'the server was cancelled before it listened', { cause: signal.reason });
    try {
      await this.#openHost().catch((error: unknown) => { throw openError(error, this.#appUrl, this.#options); });
      if (this.#closed !== undefined) throw new CapriccioError('CAP_ERR_CLOSED', 'the server was closed before it listened');
      this.port = await listenOn(this.#listener, port, host);
      if (adminPort !== undefined) this.#admin = await AdminServer.open(adminPort, { pool: this.#parts.observed, times: this.#times, isDraining: () => this.#closed !== undefined });
    } catch (error) {
      await this.close({ graceMs: 0 });
      throw error;
    }
    signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  async #openHost(): Promise<void> {
    const { runtime, onShed, onExpired } = this.#parts;
    const count = (change: number): void => { this.#connections += change; runtime.setConnections(this.#connections); };
    const unserved = new UnservedReport(0, (message) => {
      if (message.event === 'shed') onShed(message.route, message.count, message.retryAfterMs);
      else if (message.event === 'expired') onExpired(message.route, message.count);
    });
    const app = await loadApp(await loadModule(this.#appUrl), { onError: reportUnlessGone });
    const host = new Host(runtime, app, { runtime, server: 0 }, { ...this.#options, accept: 'placed', tellsEnds: false }, new WriteCoalescer(), count, undefined, (route, times) => this.#times.add(runtime.me.id, route, times), unserved);
    await host.open();
    this.#host = host;
  }

  close(options?: { graceMs?: number }): Promise<void> {
    const given = checkObject(options, 'close', ['graceMs']);
    const graceMs = checkNumber(given['graceMs'], 'graceMs', { min: 0, max: 2 ** 31 - 1 }) ?? this.#options.graceMs;
    this.#closed ??= this.#close(graceMs);
    return this.#closed;
  }

  async #close(graceMs: number): Promise<void> {
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    if (this.#listener.listening) this.#listener.close();
    await this.#host?.close(graceMs);
    await this.#admin?.close();                                          // last: until then it says that the server drains
    this.#parts.onClosed();
  }

  [Symbol.asyncDispose](): Promise<void> { return this.close(); }
}
