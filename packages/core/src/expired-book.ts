/** Requests that were taken and not served before their deadlines, and how the pool's users are told. What is refused at arrival: shed-book.ts. */
import type { PoolStats } from './pool-stats.ts';

/** Of the event 'expired'. */
export interface Expired {
  readonly route: string;
  /** How many since the last event of this route. */
  readonly expired: number;
}

/** How long those of one route are gathered for one event, ms. */
const GATHER_MS = 100;
/** Routes that are counted apart. */
const ROUTES_MAX = 1000;
const OTHERS = '(others)';

export class ExpiredBook {
  readonly #emit: (expired: Expired) => void;
  readonly #byRoute = new Map<string, number>();
  readonly #gathering = new Map<string, number>();
  #requests = 0;

  constructor(emit: (expired: Expired) => void) { this.#emit = emit; }

  readonly note = (route: string, expired: number): void => {
    this.#requests += expired;
    const name = this.#byRoute.has(route) || this.#byRoute.size < ROUTES_MAX ? route : OTHERS;
    this.#byRoute.set(name, (this.#byRoute.get(name) ?? 0) + expired);
    const before = this.#gathering.get(route);
    if (before === undefined) setTimeout(() => this.#tell(route), GATHER_MS).unref();
    this.#gathering.set(route, (before ?? 0) + expired);
  };

  #tell(route: string): void {
    const expired = this.#gathering.get(route) as number;
    this.#gathering.delete(route);
    this.#emit({ route, expired });
  }

  counts(): PoolStats['expired'] { return { requests: this.#requests, byRoute: Object.fromEntries(this.#byRoute) }; }
}
