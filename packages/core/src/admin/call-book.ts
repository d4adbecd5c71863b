/** How long calls of each function took, and how many failed: the histograms of all isolates, which each records into its own (call-times.ts of the worker). */
import type { Histogram } from 'node:perf_hooks';
import { timesHistogram, type TimesKind } from '@capriccio/worker';
import { RouteTimes } from './route-times.ts';

/** Calls of one function, from every core, microseconds from the call to its end. */
export interface FunctionHistograms {
  /** Of all that have ended. */
  readonly all: Histogram;
  /** Of these, those that rejected: its `count` is how many. */
  readonly failed: Histogram;
}

/** An isolate has made one. */
export interface MadeHistogram { readonly name: string; readonly kind: TimesKind; readonly histogram: Histogram }

export class CallBook {
  readonly #times: Readonly<Record<TimesKind, RouteTimes>> = { all: new RouteTimes(timesHistogram), failed: new RouteTimes(timesHistogram) };

  add(core: number, { name, kind, histogram }: MadeHistogram): void { this.#times[kind].add(core, name, histogram); }
  forget(core: number): void { for (const times of Object.values(this.#times)) times.forget(core); }

  /** By function, `images.ts#resize`. */
  merged(): Map<string, FunctionHistograms> {
    const failed = this.#times.failed.merged();
    return new Map([...this.#times.all.merged()].map(([name, all]) => [name, { all, failed: failed.get(name) ?? timesHistogram() }]));
  }
}
