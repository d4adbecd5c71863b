/**
 * A route that is long for one URL in ten, beside a light one. Open loop, Poisson arrivals, latency from the intended start; all servers are up and warm, and
 * take turns inside each round; every answer is checked. Ours is there twice: once it knows of no URL what it takes, so that the route goes to back lanes as a whole.
 */
import { enter, median, progress, ratio, round3, table, type Bench, type SideResult } from '../harness.ts';
import { GeneratorProcess } from '../load/generator-process.ts';
import type { LoadResult, PlannedRequest, RouteResult } from '../load/plan.ts';
import app, { LONG_EVERY, PAGES } from './apps/pages.ts';
import { plannedRequest } from './planned.ts';
import { ServerProcess } from './server-process.ts';

const LIGHT_PER_SECOND = 500, PAGES_PER_SECOND = 150;
const WARM_SECONDS = 8, SECONDS = 4, SECONDS_QUICK = 2;
const TIMEOUT_MS = 1000;
const OURS = 'capriccio', BY_ROUTE = 'capriccio, by route alone';
const CONTENDERS = [[OURS, 'capriccio.ts', {}], [BY_ROUTE, 'capriccio.ts', { BENCH_WITHOUT: 'urls' }], ['node:cluster', 'cluster.ts', {}], ['node:http', 'http.ts', {}]] as const;
const ROUTES = ['light', 'short page', 'long page'] as const;

interface Turn { readonly routes: readonly RouteResult[]; readonly cpuMs: number }

async function requests(): Promise<PlannedRequest[]> {
  const pages = await Promise.all(Array.from({ length: PAGES }, async (_, n) => ({ ...await plannedRequest(app, `/page/${n}`, PAGES_PER_SECOND / PAGES), route: n % LONG_EVERY === 0 ? 'long page' : 'short page' })));
  return [{ ...await plannedRequest(app, '/light', LIGHT_PER_SECOND), route: 'light' }, ...pages];
}

export const bench: Bench = async ({ cores, rounds, quick }) => {
  const seconds = quick ? SECONDS_QUICK : SECONDS;
  const planned = await requests();
  await using generator = await GeneratorProcess.start();
  await using stack = new AsyncDisposableStack();
  const contenders: { readonly name: string; readonly turns: Turn[]; readonly server: ServerProcess }[] = [];
  for (const [name, file, env] of CONTENDERS) contenders.push({ name, turns: [], server: stack.use(await ServerProcess.start(new URL(file, import.meta.url), { app: new URL('apps/pages.ts', import.meta.url), port: 0, cores }, env)) });
  const turnOf = async (server: ServerProcess, long: number, seed: number): Promise<Turn> => {
    const before = await server.usage();
    const result: LoadResult = await generator.run({ host: '127.0.0.1', port: server.port, seed, ratePerSecond: LIGHT_PER_SECOND + PAGES_PER_SECOND, seconds: long, arrivals: 'poisson', timeoutMs: TIMEOUT_MS, connections: { initial: 64, max: 2048 }, requests: planned });
    if (Object.keys(result.total.wrong).length > 0) throw new Error(`wrong answers: ${JSON.stringify(result.total.wrong)}`);
    return { routes: ROUTES.map((name) => result.routes.find(({ route }) => route === name) as RouteResult), cpuMs: ((await server.usage()).cpuUs - before.cpuUs) / 1000 / long };
  };
  for (const { name, server } of contenders) { progress(`warming ${name}`); await turnOf(server, WARM_SECONDS, 1); }
  for (let round = 0; round < (quick ? 1 : rounds); round++) {
    for (let k = 0; k < contenders.length; k++) {
      const { name, server, turns } = contenders[(round + k) % contenders.length] as (typeof contenders)[number];
      progress(`round ${round + 1}: ${name}`);
      turns.push(await turnOf(server, seconds, 10 + round));
    }
  }
  progress('');
  const of = (name: string, figure: (turn: Turn) => number): number[] => (contenders.find((one) => one.name === name)?.turns ?? []).map(figure);
  const latency = (route: number, quantile: 'p50' | 'p99') => ({ routes }: Turn): number => (routes[route]?.latencyUs[quantile] ?? 0) / 1000;
  table(['server', ...ROUTES.flatMap((route) => [`${route} p50 ms`, 'p99 ms']), 'answered', 'CPU, % of a core'], contenders.map(({ name, turns }) => [
    name, ...ROUTES.flatMap((_, k) => [round3(median(of(name, latency(k, 'p50')))), round3(median(of(name, latency(k, 'p99'))))]),
    `${(median(turns.map(({ routes }) => routes.reduce((sum, { right }) => sum + right, 0) / routes.reduce((sum, { sent }) => sum + sent, 0))) * 100).toFixed(1)} %`, round3(median(of(name, ({ cpuMs }) => cpuMs / 10))),
  ]));
  const side = (name: string, figure: (turn: Turn) => number): SideResult => ({ name, rounds: of(name, figure) });
  for (const { name } of contenders) enter({ label: 'p50 of short pages of a route that is long for one in ten', unit: 'ms', better: 'lower' }, side(name, latency(1, 'p50')));
  const short = ratio(side(OURS, latency(1, 'p50')), side(BY_ROUTE, latency(1, 'p50'))).median;
  const light = ratio(side(OURS, latency(0, 'p99')), side('node:cluster', latency(0, 'p99'))).median;
  return [
    { what: 'p50 of short pages against the route as a whole on back lanes', figure: `${round3(short)} x`, goal: '≤ 0.7 x', isMet: short <= 0.7 },
    { what: 'p99 of light requests against node:cluster', figure: `${round3(light)} x`, goal: '≤ 0.5 x', isMet: light <= 0.5 },
  ];
};
