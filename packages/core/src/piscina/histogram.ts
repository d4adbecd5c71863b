/** Run and wait times of tasks as piscina reports them: milliseconds, with a resolution of one microsecond. */
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';

/** The percentiles of a summary, by the names they have in it. */
const PERCENTILES = {
  p0_001: 0.001, p0_01: 0.01, p0_1: 0.1, p1: 1, p2_5: 2.5, p10: 10, p25: 25, p50: 50, p75: 75, p90: 90, p97_5: 97.5, p99: 99, p99_9: 99.9, p99_99: 99.99, p99_999: 99.999,
} as const;

export type HistogramSummary = Readonly<Record<'average' | 'mean' | 'stddev' | 'min' | 'max' | keyof typeof PERCENTILES, number>>;

export interface Histogram {
  readonly runTime: HistogramSummary;
  readonly waitTime: HistogramSummary;
  resetRunTime(): void;
  resetWaitTime(): void;
}

/** One kind of time. */
export class Times {
  readonly #histogram: RecordableHistogram = createHistogram();

  record(ms: number): void { this.#histogram.record(Math.max(1, Math.trunc(ms * 1000))); }
  reset(): void { this.#histogram.reset(); }
  get count(): number { return this.#histogram.count; }

  get summary(): HistogramSummary {
    const { mean, stddev, min, max } = this.#histogram;
    const inMs = (microseconds: number): number => microseconds / 1000;
    const percentiles = Object.fromEntries(Object.entries(PERCENTILES).map(([name, share]) => [name, inMs(this.#histogram.percentile(share))])) as Record<keyof typeof PERCENTILES, number>;
    return { average: inMs(mean), mean: inMs(mean), stddev: inMs(stddev), min: inMs(min), max: inMs(max), ...percentiles };
  }
}
