/**
 * The first heavy requests that a server has ever had. Each round starts every server anew, gives it a second of light requests, and then sends heavy ones
 * beside, half of what light ones and the generator leave of the processors: nobody knows yet that they are heavy, and nobody's code for them is compiled.
 * Open loop; who waits for a second has gone. All do the same, so each is measured alone. piscina's contenders have the heavy part moved by hand.
 */
import { enter, median, progress, ratio, round3, table, type Bench, type SideResult } from '../harness.ts';
import { GeneratorProcess } from '../load/generator-process.ts';
import type { PlannedRequest, RouteResult } from '../load/plan.ts';
import app from './apps/mixed.ts';
import { cpuMsOf, plannedRequest } from './planned.ts';
import { ServerProcess } from './server-process.ts';

const LIGHT_PER_SECOND = 2000;
/** Processor time of light requests and the generator, in cores, about: what is left is divided. */
const LIGHT_CORES = 0.75;
const SHARE = 0.5;
const CALM_SECONDS = 1, SECONDS = 4, SECONDS_QUICK = 2;
const TIMEOUT_MS = 1000;
const CONTENDERS = [['capriccio', 'capriccio.ts'], ['piscina', 'piscina.ts'], ['node:cluster', 'cluster.ts'], ['threads, reusePort', 'threads.ts']] as const;

interface Onset { readonly p50: number; readonly p99: number; readonly lost: number; readonly inTime: number }
const partLost = ({ right, sent }: RouteResult): number => (sent === 0 ? 0 : 1 - right / sent);

/** @returns of a fresh server, both kinds from the first heavy request on, and the light ones of the second before as well */
async function onsetOf(generator: GeneratorProcess, file: string, cores: number, [light, heavy]: readonly [PlannedRequest, PlannedRequest], seconds: number, seed: number): Promise<Onset> {
  await using server = await ServerProcess.start(new URL(file, import.meta.url), { app: new URL('apps/mixed.ts', import.meta.url), port: 0, cores });
  const { routes } = await generator.run({
    host: '127.0.0.1', port: server.port, seed, ratePerSecond: light.weight, seconds: CALM_SECONDS, arrivals: 'poisson', timeoutMs: TIMEOUT_MS, connections: { initial: 64, max: 2048 }, requests: [light],
    phases: [{ seconds, ratePerSecond: light.weight + heavy.weight, requests: [light, heavy] }],
  });
  const [lights, heavies] = [light, heavy].map(({ route }) => routes.find((found) => found.route === route)) as [RouteResult, RouteResult];
  return { p50: lights.latencyUs.p50 / 1000, p99: lights.latencyUs.p99 / 1000, lost: partLost(lights), inTime: 1 - partLost(heavies) };
}

export const bench: Bench = async ({ cores, rounds, quick }) => {
  await using generator = await GeneratorProcess.start();
  const heavyMs = await cpuMsOf(app, '/heavy', 200);
  const heavyPerSecond = Math.max(1, Math.round(SHARE * Math.max(0.2, cores - LIGHT_CORES) * 1000 / heavyMs));
  const requests = [await plannedRequest(app, '/light', LIGHT_PER_SECOND), await plannedRequest(app, '/heavy', heavyPerSecond)] as const;
  console.log(`a heavy request takes ${round3(heavyMs)} ms of a processor, hot: ${heavyPerSecond} a second beside ${LIGHT_PER_SECOND} light ones`);
  const found = CONTENDERS.map((): Onset[] => []);
  for (let round = 0; round < (quick ? 1 : rounds); round++) {
    for (let turn = 0; turn < CONTENDERS.length; turn++) {
      const index = (turn + round) % CONTENDERS.length;
      const [name, file] = CONTENDERS[index] as (typeof CONTENDERS)[number];
      progress(`round ${round + 1} of ${rounds}: ${name}`);
      found[index]?.push(await onsetOf(generator, file, cores, requests, quick ? SECONDS_QUICK : SECONDS, round + 1));
    }
  }
  progress('');
  const of = (index: number, figure: (onset: Onset) => number): number[] => (found[index] ?? []).map(figure);
  const percent = (index: number, figure: (onset: Onset) => number): string => `${(median(of(index, figure)) * 100).toFixed(1)} %`;
  table(['the first heavy seconds', 'heavy within 1 s', 'light p50 ms', 'p99 ms', 'light not answered'], CONTENDERS.map(([name], index) => [
    name, percent(index, ({ inTime }) => inTime), round3(median(of(index, ({ p50 }) => p50))), round3(median(of(index, ({ p99 }) => p99))), percent(index, ({ lost }) => lost),
  ]));
  const sides = CONTENDERS.map(([name], index): SideResult => ({ name, rounds: of(index, ({ inTime }) => inTime) }));
  for (const side of sides) enter({ label: 'part of the first heavy requests answered within 1 s', unit: 'part', better: 'higher' }, side);
  const [us, piscina] = sides as [SideResult, SideResult];
  const [share, lost, clusterLost] = [ratio(us, piscina).median, median(of(0, ({ lost: part }) => part)), median(of(2, ({ lost: part }) => part))];
  return [
    { what: "first heavy requests answered within 1 s, of piscina's part", figure: round3(share), goal: '≥ 0.9', isMet: share >= 0.9 },
    { what: 'light requests beside them that are not answered', figure: `${(lost * 100).toFixed(1)} % (node:cluster ${(clusterLost * 100).toFixed(1)} %)`, goal: '≤ 1 %', isMet: lost <= 0.01 },
  ];
};
