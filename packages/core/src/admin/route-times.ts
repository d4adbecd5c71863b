/** How long the requests of each route took, or the calls of each function. Workers record into histograms of their own that this thread can read as they stand. */
import { createHistogram, type Histogram, type RecordableHistogram } from 'node:perf_hooks';

/** Routes that are kept apart; the rest is one. */
const ROUTES_MAX = 200;
const OTHERS = 'others';

export class RouteTimes {
  readonly #byRoute = new Map<string, Map<number, Histogram>>();
  /** Of workers that have died: what they had counted still counts. */
  readonly #past = new Map<string, RecordableHistogram>();
  readonly #make: () => RecordableHistogram;

  /** @param make  histograms like those that are added */
  constructor(make: () => RecordableHistogram = createHistogram) { this.#make = make; }

  add(core: number, route: string, histogram: Histogram): void {
    const name = this.#byRoute.has(route) || this.#byRoute.size < ROUTES_MAX ? route : OTHERS;
    const cores = this.#byRoute.get(name) ?? new Map<number, Histogram>();
    this.#byRoute.set(name, cores);
    const before = cores.get(core);
    if (before !== undefined) this.#keep(name, before);
    cores.set(core, histogram);
  }

  forget(core: number): void {
    for (const [route, cores] of this.#byRoute) {
      const gone = cores.get(core);
      if (gone === undefined) continue;
      this.#keep(route, gone);
      cores.delete(core);
    }
  }
  #keep(route: string, histogram: Histogram): void {
    const past = this.#past.get(route) ?? this.#make();
    past.add(histogram as RecordableHistogram);
    this.#past.set(route, past);
  }

  /** All cores of each route together, microseconds. */
  merged(): Map<string, Histogram> {
    const all = new Map<string, Histogram>();
    for (const [route, cores] of this.#byRoute) {
      const sum = this.#make();
      for (const one of [...cores.values(), this.#past.get(route)]) if (one !== undefined && one.count > 0) sum.add(one as RecordableHistogram);
      all.set(route, sum);
    }
    return all;
  }
}
