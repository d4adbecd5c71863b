/**
 * How long calls of each function take, from the call to its end, whether it waited, ran or failed: in histograms of this isolate that main reads as they
 * stand (admin/call-book.ts of the core). Nothing is measured, and no call is larger, before somebody asks for it. A timed call costs two looks at
 * the clock, 24 bytes and what `record` costs, 0.3 us in all.
 */
import { createHistogram, type Histogram, type RecordableHistogram } from 'node:perf_hooks';
import type { FailureRecord } from '@capriccio/shared';
import { Call, type CallOptions, type Target } from './call.ts';
import { sharedNow } from './clock.ts';

/** Functions of an isolate that are told apart; the rest is one. */
const FUNCTIONS_MAX = 200;
export const OTHER_FUNCTIONS = 'others';
/** An hour, microseconds: what takes longer counts as that. With two digits a histogram takes 26 KB. */
const LONGEST_US = 3_600_000_000;

/** What makes them here and puts them together on main: those of one kind can be added. */
export const timesHistogram = (): RecordableHistogram => createHistogram({ lowest: 1, highest: LONGEST_US, figures: 2 });

/** All calls of a function, and those that failed. */
export type TimesKind = 'all' | 'failed';
/** A histogram has been made: main keeps it. */
export type TellTimes = (name: string, kind: TimesKind, histogram: Histogram) => void;

interface FunctionTimes { readonly name: string; readonly all: RecordableHistogram; failed: RecordableHistogram | undefined }

export class CallTimes {
  readonly #tell: TellTimes;
  readonly #byName = new Map<string, FunctionTimes>();
  readonly #byTarget = new WeakMap<Target, FunctionTimes>();

  constructor(tell: TellTimes) { this.#tell = tell; }

  /** A call that is measured from now to its end. */
  call(target: Target, options: CallOptions | undefined, resolve: (value: unknown, failure?: FailureRecord) => void, reject?: (error: unknown) => void): Call {
    return new TimedCall(this, target, options, resolve, reject);
  }

  record(target: Target, ms: number): void { this.#of(target).all.record(microseconds(ms)); }
  recordFailure(target: Target, ms: number): void {
    const times = this.#of(target);
    if (times.failed === undefined) this.#tell(times.name, 'failed', times.failed = timesHistogram());
    times.failed.record(microseconds(ms));
  }

  #of(target: Target): FunctionTimes {
    let times = this.#byTarget.get(target);
    if (times === undefined) this.#byTarget.set(target, times = this.#named(target.label));
    return times;
  }
  /** By what messages call a function: two modules of one name in different folders are one. */
  #named(label: string): FunctionTimes {
    const name = this.#byName.has(label) || this.#byName.size < FUNCTIONS_MAX ? label : OTHER_FUNCTIONS;
    let times = this.#byName.get(name);
    if (times === undefined) {
      this.#byName.set(name, times = { name, all: timesHistogram(), failed: undefined });
      this.#tell(name, 'all', times.all);
    }
    return times;
  }
}

/** Calls into a stream are part of one that has been measured. */
export function callOf(times: CallTimes | undefined, target: Target, options: CallOptions | undefined, resolve: (value: unknown, failure?: FailureRecord) => void): Call {
  return times === undefined || options?.on !== undefined ? new Call(target, options, resolve) : times.call(target, options, resolve);
}

const microseconds = (ms: number): number => Math.min(LONGEST_US, Math.max(1, Math.round(ms * 1000)));

class TimedCall extends Call {
  readonly #times: CallTimes;
  readonly #madeAtMs = sharedNow();

  constructor(times: CallTimes, target: Target, options: CallOptions | undefined, resolve: (value: unknown, failure?: FailureRecord) => void, reject?: (error: unknown) => void) {
    super(target, options, resolve, reject);
    this.#times = times;
  }

  override end(): void {
    super.end();
    this.#times.record(this.target, sharedNow() - this.#madeAtMs);
  }
  override fail(error: unknown): void {
    this.#times.recordFailure(this.target, sharedNow() - this.#madeAtMs);
    super.fail(error);
  }
  override failAs(record: FailureRecord, where: string): void {
    this.#times.recordFailure(this.target, sharedNow() - this.#madeAtMs);
    super.failAs(record, where);
  }
}
