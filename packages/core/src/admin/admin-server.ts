/**
 * The admin port: what operators and their tools read of a pool. On 127.0.0.1 only, reads only: nothing here changes anything, so nothing needs a
 * token. Requests that a web page on another site makes a browser send are refused by their Host.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Histogram } from 'node:perf_hooks';
import { listenError } from '../serve/address.ts';
import { versionOf } from '../version.ts';
import { takeDump } from '../thread-dump.ts';
import { assetOf } from './dashboard.ts';
import { metricsText } from './metrics.ts';
import type { Observed } from './observed.ts';
import { readinessOf } from './readiness.ts';
import type { RouteTimes } from './route-times.ts';

const HOST = '127.0.0.1';
const LOCAL = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/;

export interface AdminParts {
  readonly pool: Observed;
  readonly times: RouteTimes;
  isDraining(): boolean;
}

interface Answer { readonly status: number; readonly type: string; readonly body: string | Buffer }
const json = (status: number, value: unknown): Answer => ({ status, type: 'application/json', body: JSON.stringify(value) });
const text = (status: number, body: string): Answer => ({ status, type: 'text/plain; charset=utf-8', body: `${body}\n` });

export class AdminServer {
  readonly #parts: AdminParts;
  readonly #server: Server;
  readonly #version = versionOf();
  url = '';

  private constructor(parts: AdminParts) {
    this.#parts = parts;
    this.#server = createServer((req, res) => { void this.#answer(req, res); });
    this.#server.unref();
  }

  /** Rejects with CAP_ERR_OPTION when the port cannot be had. */
  static async open(port: number, parts: AdminParts): Promise<AdminServer> {
    const admin = new AdminServer(parts);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    admin.#server.once('error', reject).listen({ port, host: HOST }, resolve);
    await promise.catch((error: unknown) => { throw listenError(error, HOST, port); });
    admin.url = `http://${HOST}:${(admin.#server.address() as AddressInfo).port}`;
    return admin;
  }

  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    await promise;
  }

  async #answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { status, type, body } = await this.#find(req).catch((error: unknown) => text(500, String(error)));
    res.writeHead(status, {
      'content-type': type, 'content-length': Buffer.byteLength(body), 'cache-control': 'no-store', 'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'self'; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'", ...status === 405 ? { allow: 'GET, HEAD' } : {},
    });
    res.end(req.method === 'HEAD' ? undefined : body);
  }

  async #find({ method, url = '/', headers }: IncomingMessage): Promise<Answer> {
    if (!LOCAL.test(headers.host ?? '')) return text(403, 'the admin port answers to localhost and 127.0.0.1 only');
    if (method !== 'GET' && method !== 'HEAD') return text(405, 'the admin port only reads');
    const { pool } = this.#parts;
    const [path = '/'] = url.split('?', 1);
    switch (path) {
      case '/livez': return text(200, 'ok');
      case '/readyz': {
        const { isReady, reason } = this.#readiness();
        return text(isReady ? 200 : 503, reason);
      }
      case '/metrics': return { status: 200, type: 'text/plain; version=0.0.4; charset=utf-8', body: metricsText({ stats: pool.stats(), health: pool.health(), isReady: this.#readiness().isReady, version: this.#version, routes: this.#parts.times.merged(), functions: pool.histograms() }) };
      case '/stats.json': return json(200, this.#snapshot());
      case '/graph.json': return json(200, pool.graph());
      case '/threads.json': return json(200, await pool.threads());
      case '/dump.json': return json(200, await takeDump(pool));
      default: return assetOf(path) ?? text(404, 'there is /, /metrics, /livez, /readyz, /stats.json, /graph.json, /threads.json, /dump.json');
    }
  }

  #readiness(): ReturnType<typeof readinessOf> { return readinessOf(this.#parts.pool.health(), this.#parts.isDraining()); }

  /** What `capriccio top` and the dashboard draw from. Times of requests in milliseconds. */
  #snapshot(): unknown {
    const { pool, times } = this.#parts;
    const routes = [...times.merged()].map(([route, histogram]) => ({ route, ...inMs(histogram) }));
    const functions = [...pool.histograms()].map(([name, { all, failed }]) => ({ name, ...inMs(all), errors: failed.count }));
    return { version: this.#version, node: process.versions.node, pid: process.pid, at: Date.now(), uptimeMs: process.uptime() * 1000, ready: this.#readiness(), health: pool.health(), stats: pool.stats(), routes, functions };
  }
}

const inMs = (times: Histogram): { readonly count: number; readonly meanMs: number; readonly p50Ms: number; readonly p99Ms: number } => (times.count === 0
  ? { count: 0, meanMs: 0, p50Ms: 0, p99Ms: 0 }
  : { count: times.count, meanMs: times.mean / 1000, p50Ms: times.percentile(50) / 1000, p99Ms: times.percentile(99) / 1000 });
