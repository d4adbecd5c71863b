/**
 * A server whose conductor thread is dead for six seconds or stalled for five, under twice the load that it can carry: cheap and dear requests, those that are late count
 * for nothing. Goodput, in work of its routes, from the moment of the harm until the next conductor has been there for a while, against the same server with
 * its conductor, in turns; by the clock, and by processor time, for on a shared machine sides do not get the same.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { interleave, median, progress, ratio, round3, showRatio, table, type Bench, type SideResult } from '../harness.ts';
import { GeneratorProcess } from '../load/generator-process.ts';
import type { LoadPlan } from '../load/plan.ts';
import app from './apps/routes.ts';
import { cpuMsOf, plannedRequest } from './planned.ts';
import { ServerProcess } from './server-process.ts';

const SIDES = [['with its conductor', 'none'], ['dead for six seconds', 'dead'], ['stalled until it is replaced', 'stalled']] as const;
const LEFT = 0.7;
const LOAD = 2;
const TIMEOUT_MS = 500;
const SECONDS = 7;
/** What came before is not counted: the harm is done then, s. */
const HARM_AT = 1;
const LIGHT = 500, HEAVY = 10_000;
const GOAL = 0.95;

export const bench: Bench = async ({ cores, rounds, quick }) => {
  await using generator = await GeneratorProcess.start();
  const ms = await cpuMsOf(app, '/spin/3000/page', 200) / 3000;
  const capacity = LEFT * cores * 1000;
  const requests = await Promise.all(([[LIGHT, 'light', 0.2], [HEAVY, 'heavy', 0.8]] as const).map(([spins, name, part]) => plannedRequest(app, `/spin/${spins}/${name}`, part * capacity / (spins * ms))));
  const ratePerSecond = requests.reduce((sum, { weight }) => sum + weight, 0);
  const workOf = (route: string): number => Number(route.split('/')[2]) * ms;
  const spent: Record<string, number[]> = {};
  let seed = 10;
  const measure = async (name: string, harm: string): Promise<number> => {
    await using server = await ServerProcess.start(new URL('capriccio.ts', import.meta.url), { app: new URL('apps/routes.ts', import.meta.url), port: 0, cores }, { BENCH_CONDUCTOR: harm });
    const plan = (load: number, seconds: number): LoadPlan => ({ host: '127.0.0.1', port: server.port, seed: seed++, ratePerSecond: load * ratePerSecond, seconds, arrivals: 'poisson', timeoutMs: TIMEOUT_MS, connections: { initial: 64 * cores, max: 2048 }, requests });
    await generator.run(plan(LOAD, quick ? 2 : 4));
    const running = generator.run(plan(LOAD, HARM_AT + SECONDS));
    await delay(HARM_AT * 1000);
    process.kill(server.pid, 'SIGUSR2');
    const before = (await server.usage()).cpuUs;
    const { routes } = await running;
    const used = ((await server.usage()).cpuUs - before) / 1e6;
    const work = routes.reduce((sum, { route, rightByTenth }) => sum + workOf(route) * rightByTenth.slice(HARM_AT * 10, (HARM_AT + SECONDS) * 10).reduce((all, right) => all + right, 0), 0);
    (spent[name] ??= []).push(work / used);
    return work / SECONDS;
  };
  const results = await interleave(SIDES.map(([name, harm]) => ({ name, measure: () => measure(name, harm) })), quick ? 3 : rounds, { label: 'goodput at twice the capacity', unit: 'ms of work/s' });
  progress('');
  const sides = results.map(({ name, rounds: works }) => ({ byClock: { name, rounds: works }, byTime: { name, rounds: spent[name] as number[] } }));
  const [all, ...harmed] = sides as [typeof sides[number], ...typeof sides];
  table(['server', 'work a second, ms', 'of with', '… of processor time', 'of with'], sides.map(({ byClock, byTime }) => [byClock.name, round3(median(byClock.rounds)), against(byClock, all.byClock), round3(median(byTime.rounds)), against(byTime, all.byTime)]));
  return harmed.map(({ byTime }) => {
    const kept = ratio(byTime, all.byTime);
    return { what: `goodput for a second of processor time, conductor ${byTime.name}`, figure: showRatio(kept), goal: `≥ ${GOAL}`, isMet: kept.median >= GOAL };
  });
};

const against = (side: SideResult, to: SideResult): string => (side === to ? '' : showRatio(ratio(side, to)));
