/**
 * Throughput on 1, 2, … cores, as many as the machine has: computing, reading files, both, fork-join, a lock and a channel that all want, and light
 * requests on as many as leave cores for whoever sends them. Each curve is fitted by the Universal Scalability Law, which says what bends it; the curves are drawn in packages/bench/results.
 */
import { availableParallelism } from 'node:os';
import { createPool, type Pool } from 'capriccio';
import { calibrate, drive, median, progress, round3, table, type Bench, type Finding } from '../harness.ts';
import { journal, note } from '../journal.ts';
import { hammerFrom } from '../load/hammers.ts';
import { drawPlot, type Series } from '../plot/svg.ts';
import { ServerProcess } from '../servers/server-process.ts';
import { compute } from './curves-tasks.ts';
import { lawHead, lawRow } from './laws.ts';
import { fit, predict, type Point } from './usl.ts';

const ROUND_MS = 400;
/** Calls whose results are computed here too. */
const CHECKED = 4;
/** Calls outstanding for each worker. */
const WINDOW = 8;
/** Some 100 ms of work on one core: where sixteen share it, 6 ms, in which all have to be woken and the end has to be told. */
const FIB = 36, FIB_OF = 14_930_352;
/** Connections of each process that sends. */
const CONNECTIONS = 64;
/** A process that sends keeps about two cores busy with light requests, so for each two of them one core is kept. */
const sendersFor = (cores: number): number => Math.ceil(cores / 2);

export interface Curve { readonly name: string; readonly unit: string; readonly coresMax: number; measure(cores: number, rounds: number): Promise<number> }

async function inPool(cores: number, run: (pool: Pool) => Promise<number>): Promise<number> {
  await using pool = await createPool(cores);
  return await run(pool);
}

const tasksOf = (pool: Pool) => pool.module<typeof import('./curves-tasks.ts')>(new URL('curves-tasks.ts', import.meta.url));

function callsCurve(name: string, of: (pool: Pool) => (k: number) => Promise<unknown>): Curve {
  return {
    name, unit: 'calls/s', coresMax: availableParallelism(),
    measure: (cores, rounds) => inPool(cores, async (pool) => {
      const call = of(pool);
      await drive(call, WINDOW * cores, 200 * cores);
      const total = await calibrate(call, WINDOW * cores, ROUND_MS);
      const rates: number[] = [];
      for (let k = 0; k < rounds; k++) rates.push(await drive(call, WINDOW * cores, total));
      return median(rates);
    }),
  };
}

/** A call does so many of a small operation. */
const TIMES = 50;

export const curves = (): readonly Curve[] => [
  callsCurve('computing, 0.1 ms', (pool) => { const { compute: remote } = tasksOf(pool); return async (k) => { const result = await remote(k); if (k < CHECKED && result !== compute(k)) throw new Error('a result is wrong'); }; }),
  callsCurve('reading a file', (pool) => { const { read } = tasksOf(pool); return () => read(); }),
  callsCurve('both', (pool) => { const { mixed } = tasksOf(pool); return (k) => mixed(k); }),
  {
    name: `fork-join, fib(${FIB})`, unit: 'runs/s', coresMax: availableParallelism(),
    measure: (cores, rounds) => inPool(cores, async (pool) => {
      const { fib } = pool.module<typeof import('./fork-join-tasks.ts')>(new URL('fork-join-tasks.ts', import.meta.url));
      const run = async (): Promise<void> => { if (await fib(FIB) !== FIB_OF) throw new Error('fib is wrong'); };
      for (let k = 0; k < 5; k++) await run();
      const rates: number[] = [];
      for (let k = 0; k < rounds; k++) rates.push(await drive(run, 1, 4));
      return median(rates);
    }),
  },
  callsCurve(`a contended lock, ${TIMES} times`, (pool) => { const { locked } = tasksOf(pool); return (k) => locked(k, TIMES); }),
  callsCurve(`a contended channel, ${TIMES} items`, (pool) => { const { passed } = tasksOf(pool); return async () => { if (await passed(TIMES) !== TIMES) throw new Error('items are missing'); }; }),
  {
    name: 'light requests', unit: 'requests/s', coresMax: Math.floor(availableParallelism() * 2 / 3),
    async measure(cores, rounds) {
      await using server = await ServerProcess.start(new URL('../servers/capriccio.ts', import.meta.url), { app: new URL('../servers/apps/light.ts', import.meta.url), port: 0, cores });
      await using senders = await hammerFrom(sendersFor(cores));
      const rates: number[] = [];
      for (let k = 0; k <= rounds; k++) rates.push(await senders.answers({ port: server.port, path: '/', connections: CONNECTIONS, depth: 1, ms: ROUND_MS }) / ROUND_MS * 1000);
      return median(rates.slice(1));
    },
  },
];

/** 1, 2, 3, 4, 6, 8, 12, 16 … up to `most`, and `most` itself. */
export function coreCounts(most: number): number[] {
  const counts = new Set<number>();
  for (let n = 1; n <= most; n *= 2) for (const count of [n, n * 3 / 2]) if (Number.isInteger(count) && count <= most) counts.add(count);
  return [...counts.add(Math.max(1, most))].toSorted((a, b) => a - b);
}

/** Rates on 1, 2, … cores. */
export async function measureCurve({ name, coresMax, measure }: Curve, rounds: number): Promise<Point[]> {
  const points: Point[] = [];
  for (const cores of coreCounts(coresMax)) {
    progress(`${name}: ${cores} cores`);
    points.push({ cores, rate: await measure(cores, rounds) });
  }
  progress('');
  return points;
}

export const bench: Bench = async ({ rounds, quick }) => {
  const found: Finding[] = [];
  const rows: string[][] = [];
  const laws: string[][] = [];
  const speedUps: Series[] = [];
  for (const curve of curves()) {
    const { name, unit } = curve;
    const points = await measureCurve(curve, quick ? 1 : Math.min(rounds, 3));
    const first = (points[0] as Point).rate;
    for (const { cores, rate } of points) rows.push([name, String(cores), `${round3(rate)} ${unit}`, `${round3(rate / first)} x`, (rate / first / cores).toFixed(2)]);
    speedUps.push({ name, points: points.map(({ cores, rate }) => ({ x: cores, y: rate / first })) });
    if (points.length < 2) { note(`${name}: one point, for this machine has no core left for whoever sends on two; no law can be fitted.`); continue; }
    laws.push(lawRow(name, points));
    const law = fit(points);
    speedUps.push({ name: `${name}, the law`, isDashed: true, points: points.map(({ cores }) => ({ x: cores, y: predict(law, cores) / first })) });
    const two = points.find(({ cores }) => cores === 2);
    if (two !== undefined && !name.startsWith('a contended')) found.push({ what: `${name}: two cores, of linear`, figure: (two.rate / first / 2).toFixed(2), goal: '≥ 0.95', isMet: two.rate / first / 2 >= 0.95 });
  }
  table(['', 'cores', 'rate', 'speed-up', 'efficiency'], rows);
  console.log('\nthe Universal Scalability Law, fitted');
  table(lawHead, laws);
  if (availableParallelism() <= 2) note('Two points fit any law of one term exactly: on two cores the fit says what is lost, not why.');
  journal.drawings.push({ name: 'speed-up', title: 'Speed-up by cores', svg: drawPlot({ title: 'Speed-up by cores', x: 'cores', y: 'speed-up', series: speedUps }) });
  return found;
};
