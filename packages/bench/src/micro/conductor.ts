/**
 * What the conductor takes of a core: it looks for blocked workers each few milliseconds, reads the tables of the blocking graph and decides twenty times a
 * second. With two workers and with sixteen, by its thread's own processor time: while nothing runs, while one computes, while all compute without end, and
 * while all run short calls. Where there are fewer cores than workers, most wait for one, and whoever waits is looked at more closely than who runs.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { createPool, type Pool } from 'capriccio';
import { drive, median, note, progress, table, type Bench, type Finding } from '../harness.ts';

const ROUND_MS = 2000, ROUND_QUICK_MS = 1000;
/** Until it has looked at an idle pool for long enough to sleep, ms. */
const SETTLE_MS = 1500;
/** Thousands of steps: some 70 ms, and some 15 us. */
const LONG = 50_000, SHORT = 10;
const WORKERS = [2, 16];
const GOAL = 0.01;

const TASKS = '/proc/self/task';
const pause = (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms); });

/** Processor time of a thread of this process, ms. */
const usedMs = (task: string): number => Number(/^\d+/.exec(readFileSync(`${TASKS}/${task}/schedstat`, 'latin1'))?.[0]) / 1e6;
const conductorOf = (): string | undefined => readdirSync(TASKS).find((task) => readFileSync(`${TASKS}/${task}/comm`, 'latin1').trim().endsWith('-cond'));

/** @returns part of a core that the conductor takes while `load` runs, which ends when it is told */
async function measure(pool: Pool, ms: number, load: (isOver: () => boolean) => Promise<unknown>): Promise<number> {
  let isOver = false;
  const loading = load(() => isOver);
  await pause(SETTLE_MS);
  const task = conductorOf();
  if (task === undefined) throw new Error('the pool has no conductor');
  const before = usedMs(task);
  const began = performance.now();
  await pause(ms);
  const part = (usedMs(task) - before) / (performance.now() - began);
  isOver = true;
  await loading;
  void pool;
  return part;
}

export const bench: Bench = async ({ rounds, quick }) => {
  const ms = quick ? ROUND_QUICK_MS : ROUND_MS;
  const rows: string[][] = [];
  const found: Finding[] = [];
  for (const workers of WORKERS) {
    await using pool = await createPool(workers);
    const { compute } = pool.module<typeof import('../peers/functions.ts')>(new URL('../peers/functions.ts', import.meta.url));
    const again = (length: number, callers: number) => async (isOver: () => boolean): Promise<void> => {
      await Promise.all(Array.from({ length: callers }, async () => { while (!isOver()) await compute(length); }));
    };
    const short = async (isOver: () => boolean): Promise<void> => { while (!isOver()) await drive(() => compute(SHORT), 8 * workers, 200 * workers); };
    const loads = {
      'nothing runs': () => Promise.resolve(),
      'one computes': again(LONG, 1),
      'all compute': again(LONG, workers),
      'all run short calls': short,
    };
    for (const [name, load] of Object.entries(loads)) {
      progress(`${workers} workers, ${name}`);
      const parts: number[] = [];
      for (let k = 0; k < Math.min(rounds, 3); k++) parts.push(await measure(pool, ms, load));
      progress('');
      const part = median(parts);
      rows.push([`${workers} workers`, name, `${(part * 100).toFixed(2)} %`]);
      if (workers === 16) found.push({ what: `the conductor with ${workers} workers, ${name}: of a core`, figure: `${(part * 100).toFixed(2)} %`, goal: name === 'nothing runs' ? '0 %' : '≤ 1 %', isMet: part <= (name === 'nothing runs' ? 0.0005 : GOAL) });
    }
  }
  table(['pool', 'load', 'of a core'], rows);
  note('The goal of 1 % is for finding blocked workers; the conductor also keeps the blocking graph, and both are in these figures.');
  return found;
};
