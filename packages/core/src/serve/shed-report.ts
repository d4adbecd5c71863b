/** What a worker has refused, gathered for main: one message a moment, however much it was. */
import type { FromHost } from './messages.ts';

/** How long refusals are gathered, ms. */
const GATHER_MS = 100;

export class ShedReport {
  readonly #server: number;
  readonly #tell: (message: FromHost) => void;
  #routes = new Map<string, { count: number; retryAfterMs: number }>();

  constructor(server: number, tell: (message: FromHost) => void) {
    this.#server = server;
    this.#tell = tell;
  }

  readonly add = (route: string, retryAfterMs: number): void => {
    if (this.#routes.size === 0) setTimeout(() => this.#send(), GATHER_MS).unref();
    const found = this.#routes.get(route);
    if (found === undefined) this.#routes.set(route, { count: 1, retryAfterMs });
    else { found.count++; found.retryAfterMs = retryAfterMs; }
  };

  #send(): void {
    const routes = this.#routes;
    this.#routes = new Map();
    for (const [route, { count, retryAfterMs }] of routes) this.#tell({ event: 'shed', server: this.#server, route, count, retryAfterMs });
  }
}
