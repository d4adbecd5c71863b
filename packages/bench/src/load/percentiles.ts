// Exact percentiles: a run is bounded in count, so its samples are kept and sorted rather than binned.

export interface Summary { count: number; mean: number; p50: number; p90: number; p99: number; p999: number; max: number }

/**
 * The smallest sample that at least `share` of all samples do not exceed (nearest rank).
 * @param sorted ascending, not empty
 * @param share  above 0, at most 1
 */
export function percentile(sorted: Float64Array, share: number): number {
  // 0.999 * 1000 is 999.0000000000001 in floating point; without the tolerance the rank would be one too high.
  const rank = Math.max(1, Math.ceil(share * sorted.length - 1e-9));
  const value = sorted[rank - 1];
  if (value === undefined) throw new RangeError('the percentile of no samples');
  return value;
}

/** Sorts a copy. All zero when there is no sample. */
export function summarise(samples: readonly number[]): Summary {
  if (samples.length === 0) return { count: 0, mean: 0, p50: 0, p90: 0, p99: 0, p999: 0, max: 0 };
  const sorted = Float64Array.from(samples).toSorted();
  const at = (share: number): number => percentile(sorted, share);
  const mean = sorted.reduce((sum, sample) => sum + sample, 0) / sorted.length;
  return { count: sorted.length, mean, p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max: at(1) };
}
