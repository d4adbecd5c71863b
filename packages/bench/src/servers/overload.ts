/**
 * More than the machine can do: five routes that each ask for the same processor time, at 1, 2, 4 and 8 times the capacity; open loop, clients give up
 * after 500 ms. What is offered at 1x is what the best contender did in a trial before, at a load that leaves nobody idle. Goodput is the processor time
 * of right answers, of the capacity, which is the best that any contender does at any load of the run, or of what is offered, where that is less. Each
 * route's part is set against its max-min share, and what became of its requests is told. A server that goes on computing after its turn, for clients
 * that have gone, would take processors from the next, and would begin its own next turn late: it is replaced by a new one, warmed as all are. At 4x also starting with a backlog: a second at 8x comes before. A quick
 * run has 1x and 4x alone. Fastify has what computes moved to piscina by hand, behind a queue of sixteen.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { median, progress, table, type Bench, type Finding } from '../harness.ts';
import { GeneratorProcess } from '../load/generator-process.ts';
import type { LoadPlan, LoadResult } from '../load/plan.ts';
import app, { spin } from './apps/routes.ts';
import { maxMinShares } from './max-min.ts';
import { plannedRequest } from './planned.ts';
import { ServerProcess } from './server-process.ts';

const CONTENDERS = [['capriccio', 'capriccio.ts'], ['node:http', 'http.ts'], ['node:cluster', 'cluster.ts'], ['threads, reusePort', 'threads.ts'], ['Fastify + piscina', 'fastify-piscina.ts']] as const;
const PATHS = ['/spin/1500/light', '/wait/1500/wait', '/spin/3000/page', '/spin/5000/search', '/spin/15000/report'];
const TIMEOUT_MS = 500;
const ALL_LOADS = [1, 2, 4, 8], QUICK_LOADS = [1, 4];
const PAUSE_MS = 1000;
/** A server that uses less of a processor than this has settled; one that has not after so long is replaced, ms. */
const SETTLED = 0.2;
const SETTLE_MS = 2500;
const SETTLE_LOOK_MS = 250;
/** Of the machine's cores, what may be left beside the generator; the trials ask for more. */
const LEFT = 0.7;
const TRIAL_LOAD = 1.25;
const TRIAL_SECONDS = 2;
const WARM_SECONDS = 4, WARM_SECONDS_QUICK = 2;
const GOODPUT = 0.85;
const SHARE = 0.9;
/** Of the p99 of Fastify + piscina. */
const LIGHT = 0.5;

/** Processor time of one round, ms, hot. */
function roundMs(): number {
  spin(20_000);
  const before = process.cpuUsage();
  spin(100_000);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / 100_000;
}
const roundsOf = (path: string): number => Number(path.split('/')[2]);

/** No result: the server was so far behind that even those who gave up could not be counted in time. */
interface Turn { readonly load: number; readonly isBacklogged: boolean; readonly result: LoadResult | undefined; readonly seconds: number }

async function hasSettled(server: ServerProcess): Promise<boolean> {
  try {
    let { cpuUs } = await server.usage();
    for (const end = performance.now() + SETTLE_MS; performance.now() < end;) {
      await sleep(SETTLE_LOOK_MS);
      const now = (await server.usage()).cpuUs;
      if (now - cpuUs < SETTLED * SETTLE_LOOK_MS * 1000) return true;
      cpuUs = now;
    }
    return false;
  } catch {
    return false;                                                        // so busy that it does not answer
  }
}

/** Of the requests for a route: answered in time, refused, late or never, per cent. */
function fate(turns: readonly Turn[], path: string): string {
  const parts = turns.flatMap(({ result }) => result?.routes.filter(({ route }) => route === path) ?? []);
  const [sent, right] = [parts.reduce((sum, part) => sum + part.sent, 0), parts.reduce((sum, part) => sum + part.right, 0)];
  const refused = parts.reduce((sum, { failed }) => sum + (failed['status 503'] ?? 0), 0);
  return sent === 0 ? '' : [right, refused, sent - right - refused].map((count) => Math.round(count / sent * 100)).join(' / ');
}

export const bench: Bench = async ({ cores, rounds, quick }) => {
  const ms = roundMs();
  const seconds = quick ? 1.5 : 4;
  const loads = quick ? QUICK_LOADS : ALL_LOADS;
  await using stack = new AsyncDisposableStack();
  let generator = stack.use(await GeneratorProcess.start());
  const run = async (load: LoadPlan): Promise<LoadResult | undefined> => {
    try {
      return await generator.run(load);
    } catch (error) {
      progress('');
      console.error(String(error));
      generator = stack.use(await GeneratorProcess.start());
      return undefined;
    }
  };
  const start = async (file: string): Promise<ServerProcess> => stack.use(await ServerProcess.start(new URL(file, import.meta.url), { app: new URL('apps/routes.ts', import.meta.url), port: 0, cores }));
  const contenders: { readonly name: string; readonly file: string; readonly turns: Turn[]; server: ServerProcess }[] = [];
  for (const [name, file] of CONTENDERS) contenders.push({ name, file, turns: [], server: await start(file) });
  /** Offered at 1x, cores. */
  let unit = cores * LEFT;
  /** Requests a second of a route at 1x: an equal part of the processors. */
  const rateOf = (path: string): number => unit * 1000 / PATHS.length / (roundsOf(path) * ms);
  const requests = await Promise.all(PATHS.map((path) => plannedRequest(app, path, rateOf(path))));
  const ratePerSecond = (): number => PATHS.reduce((sum, path) => sum + rateOf(path), 0);
  const plan = (port: number, load: number, long: number, seed: number): LoadPlan => ({ host: '127.0.0.1', port, seed, ratePerSecond: ratePerSecond() * load, seconds: long, arrivals: 'poisson', timeoutMs: TIMEOUT_MS, connections: { initial: 64, max: 2048 }, requests });
  const workOf = ({ result, seconds: long }: Turn, path: string): number => (result?.routes.find(({ route }) => route === path)?.right ?? 0) * roundsOf(path) * ms / 1000 / long;
  const work = (turn: Turn): number => PATHS.reduce((sum, path) => sum + workOf(turn, path), 0);
  const trials: number[] = [];
  const warm = async ({ server }: { server: ServerProcess }): Promise<void> => {
    await run(plan(server.port, 0.7, quick ? WARM_SECONDS_QUICK : WARM_SECONDS, 1));
    await sleep(PAUSE_MS / 2);
  };
  /** Waits until what it has begun is done, or replaces it. */
  const settle = async (contender: typeof contenders[number]): Promise<void> => {
    await sleep(quick ? PAUSE_MS / 2 : PAUSE_MS);
    if (await hasSettled(contender.server)) return;
    await contender.server[Symbol.asyncDispose]();
    contender.server = await start(contender.file);
    await warm(contender);
  };
  for (const contender of contenders) {
    progress(`warming ${contender.name}`);
    await warm(contender);
    trials.push(work({ load: TRIAL_LOAD, isBacklogged: false, seconds: TRIAL_SECONDS, result: await run(plan(contender.server.port, TRIAL_LOAD, TRIAL_SECONDS, 2)) }));
    await settle(contender);
  }
  unit = Math.max(cores * LEFT / 2, ...trials);
  for (let round = 0; round < (quick ? 1 : Math.min(rounds, 5)); round++) {
    for (const contender of contenders) {
      const { name, turns } = contender;
      for (const load of loads) {
        progress(`round ${round + 1}: ${name} at ${load}x`);
        turns.push({ load, isBacklogged: false, seconds, result: await run(plan(contender.server.port, load, seconds, 10 + round)) });
        await settle(contender);
      }
      progress(`round ${round + 1}: ${name} with a backlog`);
      await run(plan(contender.server.port, 8, 1, 30 + round));
      turns.push({ load: 4, isBacklogged: true, seconds, result: await run(plan(contender.server.port, 4, seconds, 40 + round)) });
      await settle(contender);
    }
  }
  progress('');
  const of = (turns: readonly Turn[], load: number, isBacklogged: boolean, figure: (turn: Turn) => number): number => median(turns.filter((turn) => turn.load === load && turn.isBacklogged === isBacklogged).map(figure));
  const capacity = Math.max(...contenders.flatMap(({ turns }) => [...loads.map((load) => of(turns, load, false, work)), of(turns, 4, true, work)]));
  /** What can be done at this load. */
  const possible = (load: number): number => Math.min(load * unit, capacity);
  /** Of what a route is due, by what came for it. */
  const poorestOf = (turn: Turn): number => {
    const sent = (path: string): number => turn.result?.routes.find(({ route }) => route === path)?.sent ?? Infinity;
    const shares = maxMinShares(PATHS.map((path) => sent(path) * roundsOf(path) * ms / 1000 / turn.seconds), capacity);
    return Math.min(...PATHS.map((path, k) => workOf(turn, path) / (shares[k] as number)));
  };
  const columns = [...loads.map((load) => ({ load, isBacklogged: false })), { load: 4, isBacklogged: true }];
  const percent = (part: number): string => `${Math.round(part * 100)} %`;
  const light = ({ result }: Turn): number => (result?.routes[0]?.latencyUs.p99 ?? Infinity) / 1000;
  console.log(`capacity ${capacity.toFixed(2)} cores of ${cores}; ${Math.round(ratePerSecond())} requests/s, ${unit.toFixed(2)} cores, at 1x; goodput of it / poorest route, of its max-min share / light p99 ms`);
  table(['server', ...loads.map((load) => `${load}x`), '4x, backlog'], contenders.map(({ name, turns }) => [name, ...columns.map(({ load, isBacklogged }) =>
    `${percent(of(turns, load, isBacklogged, work) / possible(load))} / ${percent(of(turns, load, isBacklogged, poorestOf))} / ${of(turns, load, isBacklogged, light).toFixed(0)}`)]));
  const [{ turns }, { turns: peers }] = [contenders[0], contenders.at(-1)] as [typeof contenders[number], typeof contenders[number]];
  console.log('\nour routes, of those that came: answered in time / refused / late or never, %');
  table(['route', ...loads.map((load) => `${load}x`)], PATHS.map((path) => [path, ...loads.map((load) => fate(turns.filter((turn) => turn.load === load && !turn.isBacklogged), path))]));
  return columns.flatMap(({ load, isBacklogged }): Finding[] => {
    const [good, poorest] = [of(turns, load, isBacklogged, work) / possible(load), of(turns, load, isBacklogged, poorestOf)];
    const lightPart = of(turns, load, isBacklogged, light) / of(peers, load, isBacklogged, light);
    const where = `${load}x${isBacklogged ? ', with a backlog' : ''}`;
    return [
      { what: `goodput at ${where}, of the capacity`, figure: percent(good), goal: `≥ ${percent(GOODPUT)}`, isMet: good >= GOODPUT },
      { what: `the poorest route at ${where}, of its max-min share`, figure: percent(poorest), goal: `≥ ${percent(SHARE)}`, isMet: poorest >= SHARE },
      { what: `light p99 at ${where}, of that of Fastify + piscina`, figure: percent(lightPart), goal: `≤ ${percent(LIGHT)}`, isMet: lightPart <= LIGHT },
    ];
  });
};
