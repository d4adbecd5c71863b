/**
 * Shares of roots across workers. Each worker is fair by itself; but a root that has work on one worker only, beside others that have it everywhere, would
 * get a part of that worker instead of its part of all. So tickets differ by worker: where a root that has had less than its due over all has work, it
 * gets more. Who has work on all workers has his part on each, and needs nothing; nor does who has work now and then, for he has what he wants: to go by what
 * such have used is to go by dice, and when more comes, the dice of a while ago would say who gets it. Damped: what a period of 50 ms shows of a root that
 * begins fifteen times a second is dice too, so what was used, and where it had work, is smoothed over half a second, and factors go a part of the way. Pure.
 */

export interface Share {
  readonly tickets: number;
  /** Processor time on each worker in a period, smoothed, ms. */
  readonly usedMs: readonly number[];
  /** Part of the time in which it had something to run on each, smoothed. */
  readonly presence: readonly number[];
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
/** Who has something to run on a worker for so great a part of the time could use more of it. */
const PRESSED = 0.75;
/** And has work on some workers alone where it has it elsewhere for less than this part of that. */
const UNEVEN = 0.5;

/** @param ms  used in a period of `periodMs`. @returns what is used in 50 ms, on average */
export function smoothed(before: number, ms: number, periodMs: number): number {
  if (!(periodMs > 0)) return before;
  const kept = (1 - WEIGHT) ** (periodMs / PERIOD_MS);
  return before * kept + ms * PERIOD_MS / periodMs * (1 - kept);
}

/** Whether it has something to run there, smoothed alike. */
export const presenceOf = (before: number, isRunnable: boolean, periodMs: number): number => smoothed(before * PERIOD_MS, isRunnable ? periodMs : 0, periodMs) / PERIOD_MS;

/** It could use more of a worker. */
const isPressed = ({ presence }: Share): boolean => Math.max(...presence) >= PRESSED;
/** Its work is on some workers, more than on others. */
const isUneven = ({ presence }: Share): boolean => Math.min(...presence) < UNEVEN * Math.max(...presence);

/** @param factors  of each root on all workers, as they are; in the order of `shares` */
export function rebalance(factors: readonly number[], shares: readonly Share[]): number[] {
  const used = shares.map(({ usedMs }) => usedMs.reduce((sum, ms) => sum + ms, 0));
  const due = dueOf(shares, used);
  return levelled(shares, shares.map((share, k) => {
    const factor = factors[k] ?? 1;
    if (!isPressed(share) || !isUneven(share) || (due[k] as number) <= 0) return towards(factor, 1);
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
  for (const [k, share] of shares.entries()) if (isPressed(share)) least = Math.min(least, factors[k] as number);
  return least === Infinity || least <= 1 ? [...factors] : factors.map((factor, k) => (isPressed(shares[k] as Share) ? factor / least : factor));
}

const towards = (factor: number, wanted: number): number => Math.max(factor / STEP, Math.min(factor * STEP, wanted));

/** Max-min by tickets: who wants less than a share has what it wants, the rest is shared by the others. Who hardly waits wants what it used. */
function dueOf(shares: readonly Share[], used: readonly number[]): number[] {
  const due = shares.map(() => 0);
  let left = used.reduce((sum, ms) => sum + ms, 0);
  let open = shares.map((_, k) => k);
  while (open.length > 0) {
    const tickets = open.reduce((sum, k) => sum + (shares[k] as Share).tickets, 0);
    const content = open.filter((k) => !isPressed(shares[k] as Share) && (used[k] as number) <= left * (shares[k] as Share).tickets / tickets);
    if (content.length === 0) {
      for (const k of open) due[k] = left * (shares[k] as Share).tickets / tickets;
      return due;
    }
    for (const k of content) { due[k] = used[k] as number; left -= used[k] as number; }
    open = open.filter((k) => !content.includes(k));
  }
  return due;
}
