/**
 * Shares of roots across workers. Each worker is fair by itself; but a root that has work on one worker only, beside others that have it everywhere, would
 * get a part of that worker instead of its part of all. So tickets differ by worker: where a root that has had less than its due over all has work, it
 * gets more, the others there less. Damped: what a period of 50 ms shows of a root that begins fifteen times a second is dice, so what was used is smoothed
 * over half a second (`smoothed`), and factors go a part of the way; they are 1 where nobody is short. Pure.
 */

export interface Share {
  readonly tickets: number;
  /** Processor time on each worker in a period, smoothed, ms. */
  readonly usedMs: readonly number[];
  readonly isRunnable: readonly boolean[];
}

const FACTOR_MAX = 16;
const STEP = 2;
/** Part of the way, in the exponent, that a factor goes in a period. */
const DAMPING = 0.15;
/** Weight of a period of 50 ms in what was used. */
const WEIGHT = 0.1;
const PERIOD_MS = 50;
/** A share within this part of its due is as it should be. */
const TOLERANCE = 0.05;

/** @param ms  used in a period of `periodMs`. @returns what is used in 50 ms, on average */
export function smoothed(before: number, ms: number, periodMs: number): number {
  if (!(periodMs > 0)) return before;
  const kept = (1 - WEIGHT) ** (periodMs / PERIOD_MS);
  return before * kept + ms * PERIOD_MS / periodMs * (1 - kept);
}

/** @param factors  of each root on all workers, as they are; in the order of `shares` */
export function rebalance(factors: readonly number[], shares: readonly Share[]): number[] {
  const used = shares.map(({ usedMs }) => usedMs.reduce((sum, ms) => sum + ms, 0));
  const due = dueOf(shares, used);
  return levelled(shares, shares.map((share, k) => {
    const factor = factors[k] ?? 1;
    if (!share.isRunnable.some(Boolean) || (due[k] as number) <= 0) return towards(factor, 1);
    const ratio = (due[k] as number) / Math.max(used[k] as number, 1e-3);
    return Math.abs(ratio - 1) <= TOLERANCE ? factor : towards(factor, Math.max(1 / FACTOR_MAX, Math.min(FACTOR_MAX, factor * ratio ** DAMPING)));
  }));
}

/**
 * Only how factors stand to each other matters. Noise alone makes all of them grow (of a share that is short by a tenth more is added than is taken from one
 * that has as much too much), up to the bound, where those that have reached it would lose; so the least of those that compete is at most 1.
 */
function levelled(shares: readonly Share[], factors: readonly number[]): number[] {
  let least = Infinity;
  for (const [k, share] of shares.entries()) if (share.isRunnable.some(Boolean)) least = Math.min(least, factors[k] as number);
  return least === Infinity || least <= 1 ? [...factors] : factors.map((factor, k) => ((shares[k] as Share).isRunnable.some(Boolean) ? factor / least : factor));
}

const towards = (factor: number, wanted: number): number => Math.max(factor / STEP, Math.min(factor * STEP, wanted));

/** Max-min by tickets: who wants less than a share has what it wants, the rest is shared by the others. Who has nothing waiting wants what it used. */
function dueOf(shares: readonly Share[], used: readonly number[]): number[] {
  const due = shares.map(() => 0);
  let left = used.reduce((sum, ms) => sum + ms, 0);
  let open = shares.map((_, k) => k);
  while (open.length > 0) {
    const tickets = open.reduce((sum, k) => sum + (shares[k] as Share).tickets, 0);
    const content = open.filter((k) => !(shares[k] as Share).isRunnable.some(Boolean) && (used[k] as number) <= left * (shares[k] as Share).tickets / tickets);
    if (content.length === 0) {
      for (const k of open) due[k] = left * (shares[k] as Share).tickets / tickets;
      return due;
    }
    for (const k of content) { due[k] = used[k] as number; left -= used[k] as number; }
    open = open.filter((k) => !content.includes(k));
  }
  return due;
}
