/** A million calls at once: are all done, how many bytes does each take while it waits, and does the rate hold? */
import { drive, median, round3, table, type Bench } from '../harness.ts';
import { capriccio } from './contenders.ts';

const COUNT = 1_000_000;
declare const gc: undefined | (() => void);

export const bench: Bench = async ({ cores }) => {
  await using ours = await capriccio(cores);
  const call = (k: number): Promise<unknown> => ours.call('increment', k);
  await drive(call, 1000, 300_000);
  const rates: number[] = [];
  for (let k = 0; k < 5; k++) rates.push(await drive(call, 50_000, 400_000));
  const atFifty = median(rates);
  gc?.();
  const before = process.memoryUsage();
  const began = performance.now();
  const promises: Promise<unknown>[] = Array.from({ length: COUNT });
  for (let k = 0; k < COUNT; k++) promises[k] = call(k);
  const queuedMs = performance.now() - began;
  gc?.();
  const after = process.memoryUsage();
  const bytes = (after.heapUsed + after.external - before.heapUsed - before.external - COUNT * 8) / COUNT;
  const results = await Promise.all(promises);
  const ms = performance.now() - began;
  const wrong = results.filter((value, k) => value !== k + 1).length;
  const rate = COUNT / ms * 1000;
  table(['', ''], [['done', String(results.length - wrong)], ['queued in ms', round3(queuedMs)], ['all done in ms', round3(ms)], ['bytes each while queued', round3(bytes)], ['a second', round3(rate)], ['at a window of 50,000', round3(atFifty)]]);
  return [
    { what: '1,000,000 calls at once: done', figure: String(results.length - wrong), goal: '1000000', isMet: wrong === 0 },
    { what: '1,000,000 calls at once: bytes each', figure: typeof gc === 'undefined' ? `${round3(bytes)} (run with --expose-gc to count)` : round3(bytes), goal: '≤ 400', isMet: typeof gc === 'undefined' ? undefined : bytes <= 400 },
    { what: '1,000,000 calls at once: rate against that at 50,000', figure: (rate / atFifty).toFixed(2), goal: '≥ 0.5', isMet: rate / atFifty >= 0.5 },
  ];
};
