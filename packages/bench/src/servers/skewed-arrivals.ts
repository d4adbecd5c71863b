/**
 * A quarter of the workers, one of two, has all connections: four fifths of what the machine can do arrive there, light requests (a tenth of the work) and
 * heavy ones of 15 ms inline. How much of it is done in time? Nothing can be done about short requests, which are answered where they arrive: with those
 * alone the same is shown beside. The generator picks connections by what the application says of its isolate, and opens no others unless some break.
 */
import { median, progress, table, type Bench } from '../harness.ts';
import { GeneratorProcess } from '../load/generator-process.ts';
import type { LoadPlan } from '../load/plan.ts';
import app from './apps/routes.ts';
import { cpuMsOf, plannedRequest } from './planned.ts';
import { ServerProcess } from './server-process.ts';

const CONTENDERS = [['capriccio', 'capriccio.ts', 'auto'], ['capriccio, lanes: off', 'capriccio.ts', 'off'], ['node:cluster', 'cluster.ts', 'auto']] as const;
/** Of the processors, what is left beside the generator; and of that, what arrives. */
const LEFT = 0.7;
const OFFERED = 0.8;
const CONNECTIONS = 96;
const TIMEOUT_MS = 1000;
const [LIGHT, HEAVY, SHORT] = ['/spin/100/light', '/spin/10000/heavy', '/spin/200/short'];
const MIXES = [{ name: 'light and heavy', parts: [[LIGHT, 0.1], [HEAVY, 0.9]] }, { name: 'short ones alone', parts: [[SHORT, 1]] }] as const;
const GOAL = 0.9;

export const bench: Bench = async ({ cores, rounds, quick }) => {
  await using generator = await GeneratorProcess.start();
  const msOf = new Map<string, number>();
  for (const [path, times] of [[LIGHT, 2000], [HEAVY, 40], [SHORT, 1000]] as const) msOf.set(path, await cpuMsOf(app, path, times));
  const groups = Math.max(1, Math.floor(cores / 4));
  const rows = MIXES.flatMap((mix) => CONTENDERS.map(([name, file, lanes]) => ({ mix, name, file, lanes, done: [] as number[], p99: [] as number[] })));
  for (let round = 0; round < (quick ? 1 : Math.min(rounds, 5)); round++) {
    for (const { mix, name, file, lanes, done, p99 } of rows) {
      progress(`round ${round + 1}: ${name}, ${mix.name}`);
      await using server = await ServerProcess.start(new URL(file, import.meta.url), { app: new URL('apps/routes.ts', import.meta.url), port: 0, cores }, { BENCH_LANES: lanes });
      const rates = mix.parts.map(([path, share]) => [path, share * OFFERED * LEFT * cores * 1000 / (msOf.get(path) as number)] as const);
      const requests = await Promise.all(rates.map(([path, rate]) => plannedRequest(app, path, rate)));
      const plan = (times: number, seconds: number, seed: number): LoadPlan => ({
        host: '127.0.0.1', port: server.port, seed, ratePerSecond: times * rates.reduce((sum, [, rate]) => sum + rate, 0), seconds, arrivals: 'poisson', timeoutMs: TIMEOUT_MS,
        connections: { initial: CONNECTIONS, max: CONNECTIONS }, gathering: { path: '/who/0/x', groups }, requests,
      });
      await generator.run(plan(0.5, 2, 1 + round));
      const { routes } = await generator.run(plan(1, quick ? 3 : 6, 10 + round));
      const work = (of: 'sent' | 'right'): number => routes.reduce((sum, route) => sum + route[of] * (msOf.get(route.route) as number), 0);
      done.push(work('right') / work('sent'));
      p99.push((routes[0]?.latencyUs.p99 ?? Infinity) / 1000);
    }
  }
  progress('');
  const percent = (values: readonly number[]): string => `${(median(values) * 100).toFixed(1)} %`;
  table([`${groups} of ${cores} has all connections`, 'arrivals', 'done in time, of offered', 'p99 ms of the shorter'], rows.map(({ mix, name, done, p99 }) => [name, mix.name, percent(done), median(p99).toFixed(0)]));
  const [ours] = rows as [typeof rows[number]];
  return [{ what: `${groups} of ${cores} workers has all arrivals: done in time, of offered`, figure: percent(ours.done), goal: `≥ ${GOAL * 100} %`, isMet: median(ours.done) >= GOAL }];
};
