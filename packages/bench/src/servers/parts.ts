/**
 * What parts of the policy are worth, each switched off on a real server: the memory-hungry route of servers/memory at 4x, where small requests arrive on all
 * workers and most of the large ones on one (a third of the connections lead there, and carry them). In stages: a request takes its megabytes, waits, and
 * gives them back. Work is what is answered in time: large answers by what they cost, and small ones. `thrash alone`: without forecasts, so only a
 * heap that is full, and falling throughput, tell. `nothing`: no decision is ever made, no forecast, and a full heap is none of anybody's concern.
 * Tickets do not share memory out, and what is taken at the beginning is forecast without a conductor: what those two are worth, stages.ts shows.
 */
import { median, progress, table, type Bench } from '../harness.ts';
import { GeneratorProcess } from '../load/generator-process.ts';
import type { LoadResult } from '../load/plan.ts';
import app from './apps/routes.ts';
import { cpuMsOf, plannedRequest } from './planned.ts';
import { ServerProcess } from './server-process.ts';

const SIDES = [['all parts', ''], ['equal tickets', 'tickets'], ['frozen conductor', 'decisions'], ['thrash alone', 'forecasts'], ['nothing', 'decisions,forecasts,tickets,brake']] as const;
const HEAP_MB = 96;
const BASE_MB = 24;
const HOARD_MB = 4;
const HOARD_SECONDS = 0.4;
const LOAD = 4;
const SMALL_PER_SECOND = 200;
const TIMEOUT_MS = 1000;
const [HOARD, SMALL] = [`/hoard/${HOARD_MB * 1024}/big`, '/spin/50/small'] as const;

export const bench: Bench = async ({ cores, rounds, quick }) => {
  let generator = await GeneratorProcess.start();
  await using stack = new AsyncDisposableStack();
  stack.defer(() => generator[Symbol.asyncDispose]());
  const hoards = cores * (HEAP_MB - BASE_MB) / HOARD_MB / HOARD_SECONDS;
  const costMs = new Map<string, number>([[HOARD, await cpuMsOf(app, HOARD, 8)], [SMALL, await cpuMsOf(app, SMALL, 2000)]]);
  const at = async (load: number) => ({
    ratePerSecond: SMALL_PER_SECOND + hoards * load, requests: [await plannedRequest(app, SMALL, SMALL_PER_SECOND), await plannedRequest(app, HOARD, hoards * load)],
  });
  const [calm, loaded] = [await at(0.25), await at(LOAD)];
  const groups = Math.max(1, Math.floor(cores / 2));
  const rows = SIDES.map(([name, without]) => ({ name, without, work: [] as number[], small: [] as number[], big: [] as number[], died: 0 }));
  for (let round = 0; round < (quick ? 1 : Math.min(rounds, 5)); round++) {
    for (const row of rows) {
      progress(`round ${round + 1}: ${row.name}`);
      await using server = await ServerProcess.start(new URL('capriccio.ts', import.meta.url), { app: new URL('apps/routes.ts', import.meta.url), port: 0, cores },
        { BENCH_HEAP_MB: String(HEAP_MB), BENCH_LANES: 'off', ...row.without === '' ? {} : { BENCH_WITHOUT: row.without } });
      const seconds = quick ? 3 : 8;
      const base = { host: '127.0.0.1', port: server.port, arrivals: 'poisson' as const, timeoutMs: TIMEOUT_MS, connections: { initial: 96, max: 2048 }, gathering: { path: '/who/0/x', groups } };
      let result: LoadResult | undefined;
      try {
        await generator.run({ ...base, ...calm, seconds: quick ? 1.5 : 2, seed: 5 + round });
        result = await generator.run({ ...base, ...loaded, seconds, seed: 10 + round });
      } catch (error) {
        console.error(String(error));
        await generator[Symbol.asyncDispose]();
        generator = await GeneratorProcess.start();
      }
      const routes = result?.routes ?? [];
      row.work.push(routes.reduce((sum, { route, right }) => sum + right * (costMs.get(route) ?? 0), 0) / seconds);
      row.small.push((routes[0]?.right ?? 0) / (routes[0]?.sent ?? 1));
      row.big.push((routes[1]?.right ?? 0) / seconds);
      row.died += server.isUp ? (await server.usage()).lost ?? 0 : 1;
    }
  }
  progress('');
  const [all] = rows as [typeof rows[number]];
  const ofAll = ({ work }: typeof all): number => median(work) / Math.max(1e-9, median(all.work));
  table(['server', 'work a second, ms', 'of all parts', 'small answered', 'large a second', 'out of memory'], rows.map((row) => [row.name, median(row.work).toFixed(0), ofAll(row).toFixed(2), `${(median(row.small) * 100).toFixed(1)} %`, median(row.big).toFixed(0), String(row.died)]));
  const thrash = rows.find(({ name }) => name === 'thrash alone') as typeof all;
  return [{ what: 'workers out of memory with thrash alone', figure: String(thrash.died), goal: '0', isMet: thrash.died === 0 }];
};
