/**
 * The first moments of a server: each round starts every server anew and sends it light requests from the moment at which it listens, for half a second, and
 * then for another. Open loop: who waits opens a connection of his own, as clients do. All do the same, so each is measured alone.
 */
import { enter, median, progress, ratio, round3, table, type Bench, type SideResult } from '../harness.ts';
import { GeneratorProcess } from '../load/generator-process.ts';
import type { RouteResult } from '../load/plan.ts';
import app from './apps/mixed.ts';
import { plannedRequest } from './planned.ts';
import { ServerProcess } from './server-process.ts';

const RATES = [1000, 2000];
const SECONDS = 0.5;
const CONTENDERS = [['capriccio', 'capriccio.ts'], ['node:cluster', 'cluster.ts'], ['threads, reusePort', 'threads.ts'], ['piscina', 'piscina.ts'], ['node:http', 'http.ts']] as const;

interface First { readonly p50: number; readonly p99: number; readonly refused: number; readonly startMs: number }
const partRefused = ({ right, sent }: RouteResult): number => 1 - right / sent;

/** Of a fresh server, in its first half second and its second. */
async function firstMoments(generator: GeneratorProcess, file: string, cores: number, rate: number, seed: number): Promise<[First, First]> {
  const began = performance.now();
  await using server = await ServerProcess.start(new URL(file, import.meta.url), { app: new URL('apps/mixed.ts', import.meta.url), port: 0, cores });
  const startMs = performance.now() - began;
  const request = await plannedRequest(app, '/light', 1);
  const half = async (k: number): Promise<First> => {
    const { routes: [light] } = await generator.run({ host: '127.0.0.1', port: server.port, seed: seed * 2 + k, ratePerSecond: rate, seconds: SECONDS, arrivals: 'poisson', timeoutMs: 1000, connections: { initial: 64, max: 2048 }, requests: [request] });
    const { latencyUs: { p50, p99 } } = light as RouteResult;
    return { p50: p50 / 1000, p99: p99 / 1000, refused: partRefused(light as RouteResult), startMs };
  };
  return [await half(0), await half(1)];
}

export const bench: Bench = async ({ cores, rounds }) => {
  await using generator = await GeneratorProcess.start();
  const found = CONTENDERS.map(() => RATES.map((): [First, First][] => []));
  for (let round = 0; round < rounds; round++) {
    for (const [k, rate] of RATES.entries()) {
      for (let turn = 0; turn < CONTENDERS.length; turn++) {
        const index = (turn + round) % CONTENDERS.length;
        const [name, file] = CONTENDERS[index] as (typeof CONTENDERS)[number];
        progress(`round ${round + 1} of ${rounds}: ${rate}/s to ${name}`);
        found[index]?.[k]?.push(await firstMoments(generator, file, cores, rate, round + 1));
      }
    }
  }
  const of = (index: number, k: number, half: 0 | 1, figure: (first: First) => number): number[] => (found[index]?.[k] ?? []).map((moments) => figure(moments[half]));
  const at = (index: number, k: number, half: 0 | 1, figure: (first: First) => number): string => round3(median(of(index, k, half, figure)));
  for (const [k, rate] of RATES.entries()) {
    table([`${rate}/s from the first moment on`, 'listens after ms', 'p50 ms', 'p99 ms', 'refused', 'the next half second: p50 ms', 'p99 ms'], CONTENDERS.map(([name], index) => [
      name, at(index, k, 0, ({ startMs }) => startMs), at(index, k, 0, ({ p50 }) => p50), at(index, k, 0, ({ p99 }) => p99), `${(median(of(index, k, 0, ({ refused }) => refused)) * 100).toFixed(1)} %`, at(index, k, 1, ({ p50 }) => p50), at(index, k, 1, ({ p99 }) => p99),
    ]));
    for (const [index, [name]] of CONTENDERS.entries()) enter({ label: `p50 of the first half second at ${rate}/s`, unit: 'ms', better: 'lower' }, { name, rounds: of(index, k, 0, ({ p50 }) => p50) });
  }
  return RATES.flatMap((rate, k) => {
    const [us, cluster] = [0, 1].map((index): SideResult => ({ name: CONTENDERS[index]?.[0] ?? '', rounds: of(index, k, 0, ({ p50 }) => p50) })) as [SideResult, SideResult];
    const refused = median(of(0, k, 0, (first) => first.refused));
    return [
      { what: `p50 of the first half second at ${rate}/s against node:cluster`, figure: `${round3(ratio(us, cluster).median)} x`, goal: '≤ 2 x', isMet: ratio(us, cluster).median <= 2 },
      { what: `not answered of them at ${rate}/s`, figure: `${(refused * 100).toFixed(1)} %`, goal: '0 %', isMet: refused === 0 },
    ];
  });
};
