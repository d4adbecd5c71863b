// The connections of a run: as many as there are requests in flight, up to a bound.
import { Connection } from './client.ts';

export class Connections {
  readonly #target: { host: string; port: number };
  readonly #max: number;
  // Used in turn, the longest unused first. Taking the last used would let the client find the server's idle thread, and
  // so hide a blocked one: real clients are strangers to each other and cannot do that.
  #idle: Connection[] = [];
  #waiting: ((connection: Connection) => void)[] = [];
  #open = 0;
  #openMax = 0;

  constructor(target: { host: string; port: number }, { initial, max }: { initial: number; max: number }, ready: Connection[] = []) {
    this.#target = target;
    this.#max = max;
    this.#idle.push(...ready);
    this.#open = this.#openMax = ready.length;
    while (this.#open < Math.min(initial, max)) this.#idle.push(this.#connect());
  }

  get openMax(): number {
    return this.#openMax;
  }

  /** Calls `use` with a connection, at once unless `max` requests are in flight: then when one of them has ended. */
  acquire(use: (connection: Connection) => void): void {
    for (let connection = this.#idle.shift(); connection !== undefined; connection = this.#idle.shift()) {
      if (connection.usable) return use(connection);
      this.#open--;
    }
    if (this.#open < this.#max) use(this.#connect());
    else this.#waiting.push(use);
  }

  release(connection: Connection): void {
    const next = this.#waiting.shift();
    if (connection.usable && next === undefined) {
      this.#idle.push(connection);
      return;
    }
    if (connection.usable) return next?.(connection);
    this.#open--;
    if (next !== undefined) next(this.#connect());
  }

  close(): void {
    for (const connection of this.#idle) connection.close();
    this.#idle = [];
  }

  #connect(): Connection {
    this.#openMax = Math.max(this.#openMax, ++this.#open);
    return new Connection(this.#target);
  }
}
