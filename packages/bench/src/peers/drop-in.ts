/** The same program with two imports: piscina's defaults, its option for more tasks a worker, and ours, at several windows. */
import { Piscina as Ours } from 'capriccio/piscina';
import { FixedQueue, Piscina as Theirs } from 'piscina';
import { calibrate, drive, interleave, median, ratio, round3, showRatio, table, type Bench, type Finding, type SideResult } from '../harness.ts';

const ROUND_MS = 300;
const filename = new URL('drop-in-worker.ts', import.meta.url).href;

interface Question { readonly name: string; readonly window: number; readonly tasks: number; readonly export: string; value(k: number): unknown }

const questions: readonly Question[] = [
  { name: 'tiny, one at a time', window: 1, tasks: 1, export: 'default', value: (k) => k },
  { name: 'tiny, window 100', window: 100, tasks: 1, export: 'default', value: (k) => k },
  { name: 'tiny, window 1000', window: 1000, tasks: 1, export: 'default', value: (k) => k },
  { name: 'tiny, window 1000, 100 tasks a worker', window: 1000, tasks: 100, export: 'default', value: (k) => k },
  { name: 'small objects, window 100', window: 100, tasks: 1, export: 'echo', value: (k) => ({ id: k, name: `item ${k}`, price: k / 100 }) },
  { name: '1 KB objects, window 100', window: 100, tasks: 1, export: 'echo', value: (k) => ({ id: k, lines: Array.from({ length: 12 }, (_, line) => ({ line, text: 'sixty-four characters of text, or a few less, for each one line', price: k })) }) },
  { name: '100 µs of work, window 32', window: 32, tasks: 1, export: 'spin', value: () => 100 },
  { name: 'one in 20 takes 20 ms, the rest 100 µs', window: 32, tasks: 1, export: 'spin', value: (k) => (k * 7 % 20 === 0 ? 20_000 : 100) },
];

export const bench: Bench = async ({ cores, rounds }) => {
  const rows: string[][] = [];
  const found: Finding[] = [];
  for (const question of questions) {
    const options = { filename, minThreads: cores, maxThreads: cores, concurrentTasksPerWorker: question.tasks };
    const pools = [new Ours(options), new Theirs(options), new Theirs({ ...options, recordTiming: false, taskQueue: new FixedQueue() })];
    const names = ['capriccio/piscina', 'piscina', 'piscina, FixedQueue, no timing'];
    const calls = pools.map((pool) => (k: number): Promise<unknown> => pool.run(question.value(k), { name: question.export }));
    const totals: number[] = [];
    for (const call of calls) {
      if (question.export === 'default' && await call(41) !== 42) throw new Error('it answers wrongly');
      await drive(call, question.window, question.window * 4);
      totals.push(await calibrate(call, question.window, ROUND_MS));
    }
    const results = await interleave(calls.map((call, k) => ({ name: names[k] as string, measure: () => drive(call, question.window, totals[k] as number) })), rounds, { label: question.name, unit: 'tasks/s' });
    const [ours, theirs, tuned] = results as [SideResult, SideResult, SideResult];
    for (const result of results) rows.push([question.name, result.name, round3(median(result.rounds)), result === ours ? '' : `${showRatio(ratio(ours, result))} x`]);
    found.push({ what: `drop-in: ${question.name}, against the better of piscina's two`, figure: `${showRatio(ratio(ours, median(tuned.rounds) > median(theirs.rounds) ? tuned : theirs))} x`, goal: '≥ 1 x', isMet: ratio(ours, median(tuned.rounds) > median(theirs.rounds) ? tuned : theirs).median >= 1 });
    await Promise.all(pools.map((pool) => pool.destroy()));
  }
  table(['', 'contender', 'tasks/s', 'ours against it'], rows);
  return found;
};
