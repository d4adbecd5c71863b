/** A skewed load that is the same work for everybody: a task's rounds of `compute`, not its time by the clock, which passes also for who is interrupted. */
import { compute } from './functions.ts';

/** Rounds that keep one core, undisturbed, busy for a millisecond: the best of a few tries. */
export function roundsOfMs(): number {
  compute(50_000);
  let bestMs = Infinity;
  for (let k = 0; k < 5; k++) {
    const began = performance.now();
    compute(10_000);
    bestMs = Math.min(bestMs, performance.now() - began);
  }
  return 10_000 / bestMs;
}

/** Milliseconds of work of each task: one in twenty is long. The same order for everybody and every round: a fixed shuffle. */
export function skewedLoad(tasks: number, longMs: number, shortMs: number): number[] {
  const list: number[] = Array.from({ length: tasks }, (_, k) => (k % 20 === 0 ? longMs : shortMs));
  let state = 12_345;
  for (let k = list.length - 1; k > 0; k--) {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff;
    const other = state % (k + 1);
    [list[k], list[other]] = [list[other] as number, list[k] as number];
  }
  return list;
}

/** Runs them, so many at a time. @returns ms */
export async function runSkewed(call: (rounds: number) => Promise<unknown>, rounds: readonly number[], outstanding: number): Promise<number> {
  let next = 0;
  const began = performance.now();
  await Promise.all(Array.from({ length: outstanding }, async () => { while (next < rounds.length) await call(rounds[next++] as number); }));
  return performance.now() - began;
}
