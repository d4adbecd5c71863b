/**
 * Whether a worker settles: it has begun to run something that it had not run before, and that has just held up everything else. The first requests of a
 * route take five to twenty times what later ones take, for their code is not compiled, and where they are long they hold the worker until lanes have them.
 * What gathers meanwhile is worked off as a burst is: queues that stand and rates that were seen while nothing could be taken up say nothing of what follows,
 * and to refuse by them is to refuse what would be served. A real overload is one still when the worker has settled. Pure; allocates nothing.
 */

/** From the first request of a route on, ms: lanes have started by then, and code that is called often is compiled. */
const NEW_MS = 3000;
/** So long after something held it up what gathered meanwhile is worked off, ms. */
const STALLED_MS = 500;

export class Settling {
  readonly #worker: { readonly stalledAt: number };
  #newSince = -Infinity;

  /** @param worker  tells when something had last held up everything else, ms */
  constructor(worker: { readonly stalledAt: number }) { this.#worker = worker; }

  /** A route has its first request. */
  began(nowMs: number): void { this.#newSince = nowMs; }
  settles(nowMs: number): boolean { return nowMs - this.#newSince < NEW_MS && nowMs - this.#worker.stalledAt < STALLED_MS; }
}
