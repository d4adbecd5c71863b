/**
 * The conductor is gone: it has died so often in a row that the next comes five seconds later. Calls a second that compute for half a millisecond each, in
 * that time, against rounds in which it lives, in turns.
 */
import type { Worker } from 'node:worker_threads';
import { createPool } from 'capriccio';
import { calibrate, drive, interleave, median, ratio, round3, showRatio, table, type Bench, type SideResult } from '../harness.ts';

const ROUND_MS = 1000;
const WINDOW = 32;
/** How long a conductor has to learn what it knew, before a round with it. */
const SETTLE_MS = 700;
/** Young deaths in a row, until the pause before the next is five seconds. */
const DEATHS = 7;

const pause = (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms); });

export const bench: Bench = async ({ cores, rounds }) => {
  let conductor: Worker | undefined;
  const onWorker = (worker: Worker): void => {
    if (worker.threadName?.endsWith('-cond') !== true) return;
    conductor = worker;
    worker.once('exit', () => { conductor = undefined; });
  };
  const comes = async (): Promise<Worker> => {
    while (conductor === undefined) await pause(10);
    return conductor;
  };
  process.on('worker', onWorker);
  await using pool = await createPool(cores);
  pool.on('warning', () => { /* that it has ended */ });
  const { spin } = pool.module<typeof import('./functions.ts')>(new URL('./functions.ts', import.meta.url));
  const call = (): Promise<unknown> => spin(0.5);
  const total = await calibrate(call, WINDOW, ROUND_MS);
  const measure = (): Promise<number> => drive(call, WINDOW, total);
  for (let k = 0; k < DEATHS; k++) await (await comes()).terminate();
  await measure();
  const results = await interleave([
    { name: 'with its conductor', async measure() { await comes(); await pause(SETTLE_MS); return await measure(); } },
    { name: 'without', async measure() { await (await comes()).terminate(); return await measure(); } },
  ], rounds, { label: 'calls of half a millisecond', unit: 'calls/s' }) as [SideResult, SideResult];
  process.off('worker', onWorker);
  const kept = ratio(results[1], results[0]);
  table(['pool', 'calls/s', 'of with'], [[results[0].name, round3(median(results[0].rounds))], [results[1].name, round3(median(results[1].rounds)), showRatio(kept)]]);
  return [{ what: 'throughput without a conductor, of with', figure: showRatio(kept), goal: '≥ 0.95', isMet: kept.median >= 0.95 }];
};
