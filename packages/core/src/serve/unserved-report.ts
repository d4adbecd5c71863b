/** What a worker has answered 503, gathered for main: one message a moment and route, however many it were. */
import type { IncomingMessage } from 'node:http';
import type { FromHost } from './messages.ts';

/** Who is told of requests that are not served. */
export interface Unserved {
  /** One was refused at arrival. */
  shed(route: string, retryAfterMs: number): void;
  /** One was taken, and its deadline has passed. @param req  it, as this worker has it */
  expired(route: string, req: IncomingMessage): void;
}

/** How long they are gathered, ms. */
const GATHER_MS = 100;

export class UnservedReport implements Unserved {
  readonly #server: number;
  readonly #tell: (message: FromHost) => void;
  #shed = new Map<string, { count: number; retryAfterMs: number }>();
  #expired = new Map<string, number>();
  #isDue = false;

  constructor(server: number, tell: (message: FromHost) => void) {
    this.#server = server;
    this.#tell = tell;
  }

  shed(route: string, retryAfterMs: number): void {
    this.#sendSoon();
    const found = this.#shed.get(route);
    if (found === undefined) this.#shed.set(route, { count: 1, retryAfterMs });
    else { found.count++; found.retryAfterMs = retryAfterMs; }
  }

  expired(route: string): void {
    this.#sendSoon();
    this.#expired.set(route, (this.#expired.get(route) ?? 0) + 1);
  }

  #sendSoon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    setTimeout(() => this.#send(), GATHER_MS).unref();
  }

  #send(): void {
    const [shed, expired, server] = [this.#shed, this.#expired, this.#server];
    this.#isDue = false;
    this.#shed = new Map();
    this.#expired = new Map();
    for (const [route, { count, retryAfterMs }] of shed) this.#tell({ event: 'shed', server, route, count, retryAfterMs });
    for (const [route, count] of expired) this.#tell({ event: 'expired', server, route, count });
  }
}
