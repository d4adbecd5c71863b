/** What has been refused, and how the pool's users are told. */
import type { PoolStats } from './pool-stats.ts';

import { sharedNow } from '@capriccio/worker';
import { OverloadWatch } from './overload-watch.ts';

/** Of the event 'overload'. */
export interface Overload {
  readonly what: 'request' | 'call';
  /** Route, or function. */
  readonly root: string;
  /** How many since the last event of this root. */
  readonly refused: number;
  /** What those that were refused were told. */
  readonly retryAfterMs: number;
}

/** How long refused calls of one function are gathered for one event, ms. */
const GATHER_MS = 100;
/** Roots that are counted apart. */
const ROOTS_MAX = 1000;
const OTHERS = '(others)';

export class ShedBook {
  readonly #emit: (overload: Overload) => void;
  readonly #byRoot = new Map<string, number>();
  readonly #told = new Map<string, number>();
  readonly #gathering = new Map<string, Overload>();
  readonly #watch = new OverloadWatch();
  readonly #begun: () => number;
  #requests = 0;
  #calls = 0;

  /** @param begun  how much the pool has begun, ever */
  constructor(emit: (overload: Overload) => void, begun: () => number) {
    this.#emit = emit;
    this.#begun = begun;
  }

  get isOverloaded(): boolean { return this.#watch.isOverloaded(sharedNow()); }

  readonly noteRequests = (route: string, refused: number, retryAfterMs: number): void => this.note('request', route, refused, retryAfterMs);
  note(what: Overload['what'], root: string, refused: number, retryAfterMs: number): void {
    if (what === 'request') this.#requests += refused;
    else this.#calls += refused;
    const name = this.#byRoot.has(root) || this.#byRoot.size < ROOTS_MAX ? root : OTHERS;
    this.#byRoot.set(name, (this.#byRoot.get(name) ?? 0) + refused);
    this.#told.set(name, retryAfterMs);
    const before = this.#gathering.get(root);
    this.#watch.note(sharedNow(), refused, this.#begun);
    if (before === undefined) setTimeout(() => this.#tell(root), GATHER_MS).unref();
    this.#gathering.set(root, { what, root, refused: (before?.refused ?? 0) + refused, retryAfterMs });
  }

  #tell(root: string): void {
    const overload = this.#gathering.get(root) as Overload;
    this.#gathering.delete(root);
    this.#emit(overload);
  }

  counts(): PoolStats['refused'] {
    return { requests: this.#requests, calls: this.#calls, byRoot: Object.fromEntries(this.#byRoot), retryAfterMs: Object.fromEntries(this.#told) };
  }
}
