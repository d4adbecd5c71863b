/**
 * The conductor is gone: it has died so often in a row that the next comes five seconds later. Calls a second that compute for half a millisecond each, in
 * that time, against rounds in which it lives, in turns. By the clock, and by the processor time of the process: where other work comes and goes on the machine,
 * the first tells little in a few rounds.
 */
import type { Worker } from 'node:worker_threads';
import { createPool } from 'capriccio';
import { calibrate, drive, interleave, median, ratio, round3, showRatio, table, type Bench, type SideResult } from '../harness.ts';

const ROUND_MS = 1000;
const WINDOW = 32;
/** Thousands of steps of a call: about half a millisecond. */
const ROUNDS = 350;
/** How long a conductor has to learn what it knew, before a round with it. */
const SETTLE_MS = 700;
/** Young deaths in a row, until the pause before the next is five seconds. */
const DEATHS = 7;

const WITH = 'with its conductor';
const WITHOUT = 'without';

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
  const { compute } = pool.module<typeof import('./functions.ts')>(new URL('./functions.ts', import.meta.url));
  const call = (): Promise<unknown> => compute(ROUNDS);
  const total = await calibrate(call, WINDOW, ROUND_MS);
  const busy: Record<string, number[]> = {};
  const measure = async (side: string): Promise<number> => {
    const before = process.cpuUsage();
    const rate = await drive(call, WINDOW, total);
    const { user, system } = process.cpuUsage(before);
    (busy[side] ??= []).push(total / (user + system) * 1e6);
    return rate;
  };
  for (let k = 0; k < DEATHS; k++) await (await comes()).terminate();
  await measure('warm-up');
  const results = await interleave([
    { name: WITH, async measure() { await comes(); await pause(SETTLE_MS); return await measure(WITH); } },
    { name: WITHOUT, async measure() { await (await comes()).terminate(); return await measure(WITHOUT); } },
  ], rounds, { label: 'calls of half a millisecond', unit: 'calls/s' }) as [SideResult, SideResult];
  process.off('worker', onWorker);
  const kept = ratio(results[1], results[0]);
  const spent = [WITH, WITHOUT].map((name): SideResult => ({ name, rounds: busy[name] as number[] })) as [SideResult, SideResult];
  const keptOfTime = ratio(spent[1], spent[0]);
  table(['pool', 'calls/s', 'of with', 'calls a second of processor time', 'of with'], results.map(({ name, rounds: rates }, k) => [
    name, round3(median(rates)), k === 0 ? '' : showRatio(kept), round3(median((spent[k] as SideResult).rounds)), k === 0 ? '' : showRatio(keptOfTime),
  ]));
  return [
    { what: 'throughput without a conductor, of with', figure: showRatio(kept), goal: '≥ 0.95', isMet: kept.median >= 0.95 },
    { what: 'the same for a second of processor time', figure: showRatio(keptOfTime), goal: '≥ 0.95', isMet: keptOfTime.median >= 0.95 },
  ];
};
