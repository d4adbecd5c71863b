/**
 * Fork-join from inside tasks: fib and quicksort on one worker against two (or as many as there are cores). Rounds in which anybody else used more
 * than a tenth of a core are not counted: the speed-up of two workers needs two free cores, and the table says how many rounds had them.
 */
import { cpus } from 'node:os';
import { createPool, type Pool, type Remote } from 'capriccio';
import { median, progress, round3, table, type Bench, type Finding } from '../harness.ts';

type Tasks = Remote<typeof import('./fork-join-tasks.ts')>;
const FIB = 30;
const NUMBERS = 500_000;
/** Share of one core that others may use in a round that counts. */
const OTHERS_MAX = 0.1;

const busyMs = (): number => cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);

/** Runs something; @returns its time, and the cores that others used meanwhile */
async function timed(run: () => Promise<void>): Promise<{ ms: number; others: number }> {
  const own = process.cpuUsage();
  const machine = busyMs();
  const began = performance.now();
  await run();
  const ms = performance.now() - began;
  const { user, system } = process.cpuUsage(own);
  return { ms, others: Math.max(0, busyMs() - machine - (user + system) / 1000) / ms };
}

const problems: { name: string; run: (tasks: Tasks) => Promise<void> }[] = [
  { name: `fib(${FIB})`, async run(tasks) { if (await tasks.fib(FIB) !== 832_040) throw new Error('fib is wrong'); } },
  {
    name: `quicksort of ${NUMBERS.toLocaleString('en')}`,
    async run(tasks) {
      const shared = new SharedArrayBuffer(NUMBERS * 8);
      const numbers = new Float64Array(shared);
      for (let k = 0, state = 42; k < NUMBERS; k++) numbers[k] = state = (state * 1_103_515_245 + 12_345) & 0x7fffffff;
      await tasks.quicksort(shared, 0, NUMBERS - 1);
      for (let k = 1; k < NUMBERS; k++) if ((numbers[k - 1] as number) > (numbers[k] as number)) throw new Error('not sorted');
    },
  },
];

export const bench: Bench = async ({ cores, rounds }) => {
  const url = new URL('fork-join-tasks.ts', import.meta.url);
  await using one = await createPool(1);
  await using many = await createPool(cores);
  const on = (pool: Pool): Tasks => pool.module<typeof import('./fork-join-tasks.ts')>(url);
  const found: Finding[] = [];
  const rows: string[][] = [];
  for (const { name, run } of problems) {
    for (const pool of [one, many]) for (let k = 0; k < 3; k++) await run(on(pool));
    const ratios: number[] = [], alone: number[] = [], together: number[] = [];
    let tried = 0;
    for (; ratios.length < rounds && tried < rounds * 6; tried++) {
      progress(`${name}: round ${tried + 1}, ${ratios.length} undisturbed`);
      const first = await timed(() => run(on(one)));
      const second = await timed(() => run(on(many)));
      if (first.others > OTHERS_MAX || second.others > OTHERS_MAX) continue;
      ratios.push(first.ms / second.ms);
      alone.push(first.ms);
      together.push(second.ms);
    }
    progress('');
    if (ratios.length === 0) { rows.push([name, '', '', '', `0 of ${tried}`]); continue; }
    rows.push([name, round3(median(alone)), round3(median(together)), `${round3(median(ratios))} (${round3(Math.min(...ratios))}–${round3(Math.max(...ratios))})`, `${ratios.length} of ${tried}`]);
    found.push({ what: `fork-join, ${name}: one worker against ${cores}`, figure: `${round3(median(ratios))} x`, goal: cores === 2 ? '≥ 1.8 x' : `≥ ${(0.9 * cores).toFixed(1)} x`, isMet: median(ratios) >= 0.9 * cores });
  }
  table(['', '1 worker, ms', `${cores} workers, ms`, 'speed-up', 'undisturbed rounds'], rows);
  return found;
};
