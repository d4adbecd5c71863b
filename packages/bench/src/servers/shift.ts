/**
 * Shifts of load: from half of what the machine can do to four times as much and back; requests that cost four times as much from one moment on, and back;
 * requests that keep three times as much memory, and back. After each shift: how long until half a second has 0.9 of what is done in the last two seconds
 * of its phase (0.8 s in a quick run)? Work in time, by processor time; for memory answers. Open loop, one run a shift, the same arrivals for all contenders.
 */
import { median, progress, table, type Bench } from '../harness.ts';
import { GeneratorProcess } from '../load/generator-process.ts';
import type { LoadResult, Phase } from '../load/plan.ts';
import app from './apps/routes.ts';
import { cpuMsOf, plannedRequest } from './planned.ts';
import { ServerProcess } from './server-process.ts';

const CONTENDERS = [['capriccio', 'capriccio.ts'], ['node:cluster', 'cluster.ts']] as const;
const LEFT = 0.7;
const TIMEOUT_MS = 500;
const HEAP_MB = 128;
/** Of the last part of a phase, in tenths of a second: what its goodput is in the end. */
const SETTLED = 20, SETTLED_QUICK = 8;
const WINDOW = 5;
const PART = 0.9;
const GOAL_S = 1.5;

interface Shift { readonly name: string; readonly phases: readonly (readonly (readonly [path: string, rate: number])[])[]; /** Of an answer by its route. */ readonly worth: (route: string) => number }

/** Seconds until `WINDOW` tenths have `PART` of the phase's end; Infinity when none has, or nothing is done in the end. */
function settledAfter(tenths: readonly number[], from: number, to: number, last: number): number {
  const mean = (first: number, after: number): number => tenths.slice(first, after).reduce((sum, value) => sum + value, 0) / (after - first);
  const end = mean(to - last, to);
  if (!(end > 0)) return Infinity;
  for (let at = from; at + WINDOW <= to; at++) if (mean(at, at + WINDOW) >= PART * end) return (at - from) / 10;
  return Infinity;
}

export const bench: Bench = async ({ cores, rounds, quick }) => {
  let generator = await GeneratorProcess.start();
  await using stack = new AsyncDisposableStack();
  stack.defer(() => generator[Symbol.asyncDispose]());
  const ms = await cpuMsOf(app, '/spin/3000/page', 200) / 3000;
  const capacity = LEFT * cores * 1000;
  const spin = (rounds_: number, name: string, part: number): readonly [string, number] => [`/spin/${rounds_}/${name}`, part * capacity / (rounds_ * ms)];
  const mix = (load: number) => [spin(500, 'light', 0.2 * load), spin(10_000, 'heavy', 0.8 * load)];
  const hoard = (kib: number) => [['/spin/50/small', 100], [`/hoard/${kib}/big`, 40 * cores]] as const;
  const work = (route: string): number => Number(route.split('/')[2]) * ms;
  const shifts: readonly Shift[] = [
    { name: 'load 0.5x, 4x, 0.5x', phases: [mix(0.5), mix(4), mix(0.5)], worth: work },
    { name: 'heavy ones cost 4 times as much, and not', phases: [1, 4, 1].map((times) => [spin(500, 'light', 0.2), [`/spin/${2500 * times}/heavy`, 0.5 * capacity / (2500 * ms)] as const]), worth: work },
    { name: 'memory 3 times as much, and not', phases: [hoard(1024), hoard(3072), hoard(1024)], worth: () => 1 },
  ];
  const [seconds, settled] = quick ? [2, SETTLED_QUICK] : [5, SETTLED];
  const rows: { name: string; shift: string; after: number[][]; done: number[][] }[] = [];
  for (const { name: shift, phases: plans, worth } of shifts) {
    const phases: Phase[] = await Promise.all(plans.map(async (routes) => ({
      seconds, ratePerSecond: routes.reduce((sum, [, rate]) => sum + rate, 0), requests: await Promise.all(routes.map(([path, rate]) => plannedRequest(app, path, rate))),
    })));
    for (const [name, file] of CONTENDERS) {
      const row = { name, shift, after: plans.map(() => [] as number[]), done: plans.map(() => [] as number[]) };
      for (let round = 0; round < (quick ? 1 : Math.min(rounds, 5)); round++) {
        progress(`${shift}, round ${round + 1}: ${name}`);
        await using server = await ServerProcess.start(new URL(file, import.meta.url), { app: new URL('apps/routes.ts', import.meta.url), port: 0, cores }, { BENCH_HEAP_MB: String(HEAP_MB) }, name === 'capriccio' ? [] : [`--max-old-space-size=${HEAP_MB}`]);
        const [first, ...rest] = phases as [Phase, ...Phase[]];
        let result: LoadResult | undefined;
        try {
          const base = { host: '127.0.0.1', port: server.port, arrivals: 'poisson' as const, timeoutMs: TIMEOUT_MS, connections: { initial: 64, max: 2048 } };
          await generator.run({ ...base, ...first, seconds: quick ? 1 : 2, seed: 3 + round });
          result = await generator.run({ ...base, ...first, phases: rest, seed: 20 + round });
        } catch (error) {
          console.error(String(error));                                  // it is gone, or so far behind that nobody could be counted
          await generator[Symbol.asyncDispose]();
          generator = await GeneratorProcess.start();
        }
        const tenths = Array.from({ length: plans.length * seconds * 10 }, (_, tenth) => (result?.routes ?? []).reduce((sum, route) => sum + (route.rightByTenth[tenth] ?? 0) * worth(route.route), 0));
        for (const k of plans.keys()) {
          const [from, to] = [k * seconds * 10, (k + 1) * seconds * 10];
          row.after[k]?.push(settledAfter(tenths, from, to, settled));
          row.done[k]?.push(tenths.slice(to - settled, to).reduce((sum, value) => sum + value, 0) * 10 / settled);
        }
      }
      rows.push(row);
    }
  }
  progress('');
  table(['shift', 'server', 'done a second (ms of work, or answers)', 'settled after s'], rows.map(({ name, shift, after, done }) => [shift, name, done.map((values) => median(values).toFixed(0)).join(' → '), after.slice(1).map((values) => median(values).toFixed(1)).join(', ')]));
  return rows.filter(({ name }) => name === 'capriccio').flatMap(({ shift, after }) => ['there', 'back'].map((way, k) => {
    const seconds_ = median(after[k + 1] as number[]);
    return { what: `${shift}: settled, ${way}`, figure: `${seconds_.toFixed(1)} s`, goal: `≤ ${GOAL_S} s`, isMet: seconds_ <= GOAL_S };
  }));
};
