/** One of eight routes at sixteen times its rate, more than the machine can do; the seven others together ask for less than half of it. What part of their requests is answered in time? */
import { median, progress, table, type Bench } from '../harness.ts';
import { bodyHash } from '../load/generator.ts';
import { GeneratorProcess } from '../load/generator-process.ts';
import app from './apps/routes.ts';
import { ServerProcess } from './server-process.ts';

const CONTENDERS = [['capriccio', 'capriccio.ts'], ['node:http', 'http.ts'], ['node:cluster', 'cluster.ts']] as const;
const ROUTES = 8;
const TIMES = 16;
/** Of the cores, each route. */
const PART = 0.055;
const TIMEOUT_MS = 500;

export const bench: Bench = async ({ cores, rounds, quick }) => {
  await using generator = await GeneratorProcess.start();
  const path = (k: number): string => `/spin/1500/route${k}`;
  const answer = await app.fetch(new Request(`http://127.0.0.1${path(0)}`));
  const hash = bodyHash(new Uint8Array(await answer.arrayBuffer()));
  const before = process.cpuUsage();
  for (let k = 0; k < 200; k++) await app.fetch(new Request(`http://127.0.0.1${path(0)}`));
  const ms = (process.cpuUsage(before).user + process.cpuUsage(before).system) / 1000 / 200;
  const rate = cores * PART * 1000 / ms;
  const rows = CONTENDERS.map(([name]) => ({ name, others: [] as number[], flooded: [] as number[], p99: [] as number[] }));
  for (let round = 0; round < (quick ? 1 : Math.min(rounds, 5)); round++) {
    for (const [k, [name, file]] of CONTENDERS.entries()) {
      await using server = await ServerProcess.start(new URL(file, import.meta.url), { app: new URL('apps/routes.ts', import.meta.url), port: 0, cores });
      progress(`round ${round + 1}: ${name}`);
      const plan = (times: number, seconds: number) => ({
        host: '127.0.0.1', port: server.port, seed: 7 + round, ratePerSecond: rate * (ROUTES - 1 + times), seconds, arrivals: 'poisson' as const, timeoutMs: TIMEOUT_MS, connections: { initial: 64, max: 2048 },
        requests: Array.from({ length: ROUTES }, (_, route) => ({ route: path(route), weight: route === 0 ? times : 1, method: 'GET' as const, path: path(route), status: 200, bodyHash: hash })),
      });
      await generator.run(plan(1, 1.5));
      const { routes } = await generator.run(plan(TIMES, quick ? 3 : 5));
      const [flooded, ...others] = routes.map(({ sent, right }) => right / Math.max(1, sent));
      const row = rows[k] as typeof rows[number];
      row.flooded.push(flooded as number);
      row.others.push(Math.min(...others));
      row.p99.push(Math.max(...routes.slice(1).map(({ latencyUs }) => latencyUs.p99 / 1000)));
    }
  }
  progress('');
  const percent = (values: readonly number[]): string => `${(median(values) * 100).toFixed(1)} %`;
  console.log(`a request takes ${ms.toFixed(2)} ms; ${Math.round(rate)} requests/s of each route, ${Math.round(rate * TIMES)} of the flooded one`);
  table(['server', 'poorest of the others', 'their p99 ms', 'flooded'], rows.map(({ name, others, flooded, p99 }) => [name, percent(others), median(p99).toFixed(0), percent(flooded)]));
  const [ours] = rows as [typeof rows[number]];
  return [{ what: 'one of eight routes flooded: the poorest of the others answered', figure: percent(ours.others), goal: '≥ 98 %', isMet: median(ours.others) >= 0.98 }];
};
