/**
 * Fork-join from inside tasks: fib and quicksort on one worker against two (or as many as there are cores). Rounds in which others left fewer free
 * cores than there are workers, by more than a tenth of a core, are not counted, and the table says how many rounds had them.
 */
import { cpus } from 'node:os';
import { createPool, type Pool, type Remote } from 'capriccio';
import { median, progress, round3, table, type Bench, type Finding } from '../harness.ts';

type Tasks = Remote<typeof import('./fork-join-tasks.ts')>;
/** About 6,800 tasks and 40 ms of work: to wake two workers and to learn of the end takes half a millisecond. */
const FIB = 34;
/** Rounds before any is counted: V8 optimises the functions of every worker for itself. */
const WARM_UP = 10;
/** Whoever sorts divides the whole once alone: of 14 levels above the cut-off two workers can share 13, a speed-up of 1.87 at most. */
const NUMBERS = 2_000_000;
/** Cores that others may use in a round that counts, beyond those that are to spare. */
const OTHERS_MAX = 0.1;

const busyMs = (): number => cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);

/** Runs a problem; @returns its time, and the cores that others used meanwhile */
async function timed({ prepare, run, check }: Problem, tasks: Tasks): Promise<{ ms: number; others: number }> {
  prepare();
  const own = process.cpuUsage();
  const machine = busyMs();
  const began = performance.now();
  const result = await run(tasks);
  const ms = performance.now() - began;
  const { user, system } = process.cpuUsage(own);
  const others = Math.max(0, busyMs() - machine - (user + system) / 1000) / ms;
  check(result);
  return { ms, others };
}

interface Problem { readonly name: string; prepare(): void; run(tasks: Tasks): Promise<number>; check(result: number): void }

const shared = new SharedArrayBuffer(NUMBERS * 8);
const numbers = new Float64Array(shared);

/** What is timed is `run` alone: whoever prepares and checks does so on one core. */
const problems: readonly Problem[] = [
  {
    name: `fib(${FIB})`,
    prepare() { /* it needs nothing */ },
    run: (tasks) => tasks.fib(FIB),
    check(result) { if (result !== 5_702_887) throw new Error(`fib is wrong: ${result}`); },
  },
  {
    name: `quicksort of ${NUMBERS.toLocaleString('en')}`,
    prepare() { for (let k = 0, state = 42; k < NUMBERS; k++) numbers[k] = state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff; },
    run: (tasks) => tasks.quicksort(shared, 0, NUMBERS - 1),
    check() { for (let k = 1; k < NUMBERS; k++) if ((numbers[k - 1] as number) > (numbers[k] as number)) throw new Error('not sorted'); },
  },
];

export const bench: Bench = async ({ cores, rounds }) => {
  const url = new URL('fork-join-tasks.ts', import.meta.url);
  await using one = await createPool(1);
  await using many = await createPool(cores);
  const on = (pool: Pool): Tasks => pool.module<typeof import('./fork-join-tasks.ts')>(url);
  const found: Finding[] = [];
  const rows: string[][] = [];
  const othersMax = Math.max(0, cpus().length - cores) + OTHERS_MAX;
  for (const problem of problems) {
    const { name } = problem;
    for (let k = 0; k < WARM_UP; k++) for (const pool of [one, many]) await timed(problem, on(pool));
    const ratios: number[] = [], alone: number[] = [], together: number[] = [];
    let tried = 0;
    for (; ratios.length < rounds && tried < rounds * 6; tried++) {
      progress(`${name}: round ${tried + 1}, ${ratios.length} undisturbed`);
      const first = await timed(problem, on(one));
      const second = await timed(problem, on(many));
      if (first.others > othersMax || second.others > othersMax) continue;
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
