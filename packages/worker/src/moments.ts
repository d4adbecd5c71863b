/** Mean and variance of what is seen one after the other, the recent weighing most. Pure. Source: West, CACM 22(9), 1979, with exponential weights. */

export interface Moments { readonly mean: number; readonly variance: number }

export const NOTHING: Moments = { mean: 0, variance: 0 };

/** Moments of a stream of values. A value that is no finite number is not counted. */
export class Ewma implements Moments {
  mean = 0;
  variance = 0;
  #count = 0;
  readonly #weight: number;

  /** @param weight  of a new value, once there have been enough: 0.05 looks back over some twenty */
  constructor(weight = 0.05) { this.#weight = weight; }

  add(value: number): void {
    if (!Number.isFinite(value)) return;
    const weight = Math.max(this.#weight, 1 / ++this.#count);
    const off = value - this.mean;
    this.mean += weight * off;
    this.variance = (1 - weight) * (this.variance + weight * off * off);
  }
  get count(): number { return this.#count; }
}

/** What `count` values with this sum and sum of squares say; nothing when there are none, or when they are no numbers. */
export function momentsOf(count: number, sum: number, squares: number): Moments {
  if (!(count > 0) || !Number.isFinite(sum) || !Number.isFinite(squares)) return NOTHING;
  const mean = sum / count;
  return { mean, variance: Math.max(0, squares / count - mean * mean) };
}

/** Old moments and those of `count` new values, each new value weighing `weight` as it would one at a time. */
export function blend(old: Moments, fresh: Moments, count: number, weight = 0.05): Moments {
  if (count <= 0) return old;
  const share = 1 - (1 - weight) ** count;
  const off = fresh.mean - old.mean;
  return { mean: old.mean + share * off, variance: (1 - share) * old.variance + share * fresh.variance + share * (1 - share) * off * off };
}
