/**
 * What heavy requests add to light ones. Open loop, Poisson arrivals, latency from the intended start; light requests all the time, heavy ones at 50, 90
 * and 150 % of the processor time that light ones and the generator leave. All servers are up, and take turns inside each round; every answer is checked.
 * What a round adds is its p99 less the p99 of light alone in the same round and on the same server. piscina's contenders have the heavy part moved by hand.
 */
import { median, progress, round3, table, type Bench, type Finding } from '../harness.ts';
import { bodyHash } from '../load/generator.ts';
import { GeneratorProcess } from '../load/generator-process.ts';
import type { LoadPlan, LoadResult, PlannedRequest, RouteResult } from '../load/plan.ts';
import app from './apps/mixed.ts';
import { ServerProcess } from './server-process.ts';

const LIGHT_PER_SECOND = 2000;
const SHARES = [0.5, 0.9, 1.5];
const SECONDS = 3, SECONDS_QUICK = 1.5;
const WARM_SECONDS = 2, WARM_SECONDS_QUICK = 1;
const SETTLE_MS = 6000;
const QUICK_MS = 10;
/** A heavy answer that comes later is late. */
const TIMEOUT_MS = 1000;
const CONTENDERS = [['capriccio', 'capriccio.ts'], ['piscina', 'piscina.ts'], ['node:cluster', 'cluster.ts'], ['threads, reusePort', 'threads.ts'], ['Fastify + piscina', 'fastify-piscina.ts']] as const;

interface Turn { readonly p50: number; readonly p99: number; readonly light: RouteResult; readonly heavy: RouteResult | undefined; readonly cpuUs: number; readonly seconds: number }
/** Turns of one server: the first of each round is light alone, the others have heavy requests beside, by share. */
interface Contender { readonly name: string; readonly server: ServerProcess; readonly turns: Turn[][] }

async function requestTo(path: string, weight: number): Promise<PlannedRequest> {
  const answer = app.fetch(new Request(`http://127.0.0.1${path}`));
  return { route: path, weight, method: 'GET', path, status: answer.status, bodyHash: bodyHash(new Uint8Array(await answer.arrayBuffer())) };
}

/** Processor time of one heavy request without its server, ms. */
async function heavyCpuMs(): Promise<number> {
  const heavy = async (): Promise<void> => { await app.fetch(new Request('http://127.0.0.1/heavy')).text(); };
  for (let k = 0; k < 30; k++) await heavy();
  const before = process.cpuUsage();
  for (let k = 0; k < 30; k++) await heavy();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / 30;
}

async function takeTurn(generator: GeneratorProcess, { server }: Contender, heavyPerSecond: number, seed: number, seconds: number): Promise<Turn> {
  const plan: LoadPlan = {
    host: '127.0.0.1', port: server.port, seed, ratePerSecond: LIGHT_PER_SECOND + heavyPerSecond, seconds, arrivals: 'poisson', timeoutMs: TIMEOUT_MS,
    connections: { initial: 64, max: 2048 },
    requests: [await requestTo('/light', LIGHT_PER_SECOND), ...heavyPerSecond > 0 ? [await requestTo('/heavy', heavyPerSecond)] : []],
  };
  const before = await server.usage();
  const result: LoadResult = await generator.run(plan);
  const cpuUs = (await server.usage()).cpuUs - before.cpuUs + result.cpuUs;
  if (Object.keys(result.total.wrong).length > 0) throw new Error(`wrong answers: ${JSON.stringify(result.total.wrong)}`);
  const [light, heavy] = result.routes as [RouteResult, RouteResult | undefined];
  return { p50: light.latencyUs.p50 / 1000, p99: light.latencyUs.p99 / 1000, light, heavy, cpuUs, seconds };
}

/** What timed out may still be running: waits until a few light requests in a row are answered at once, not for ever. */
async function settle({ server }: Contender): Promise<void> {
  const end = performance.now() + SETTLE_MS;
  for (let quick = 0; quick < 10 && performance.now() < end;) {
    const began = performance.now();
    await (await fetch(`http://127.0.0.1:${server.port}/light`)).text();
    quick = performance.now() - began < QUICK_MS ? quick + 1 : 0;
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  }
}

const of = ({ turns }: Contender, column: number, figure: (turn: Turn, alone: Turn) => number): number => median(turns.map((round) => figure(round[column] as Turn, round[0] as Turn)));
const added = ({ p99 }: Turn, alone: Turn): number => Math.max(0, p99 - alone.p99);
const inTime = ({ heavy }: Turn): number => (heavy === undefined || heavy.sent === 0 ? 1 : heavy.right / heavy.sent);
const heavyRate = ({ heavy, seconds }: Turn): number => (heavy?.right ?? 0) / seconds;

function show(contenders: readonly Contender[], rates: readonly number[]): void {
  const rows = contenders.flatMap((contender) => [0, ...SHARES].map((share, column) => [
    `${contender.name}${column === 0 ? ', light alone' : `, heavy at ${share * 100} % (${round3(rates[column] as number)}/s)`}`,
    round3(of(contender, column, ({ p50 }) => p50)), round3(of(contender, column, ({ p99 }) => p99)), column === 0 ? '' : round3(of(contender, column, added)),
    column === 0 ? '' : `${(of(contender, column, inTime) * 100).toFixed(1)} %`, column === 0 ? '' : round3(of(contender, column, heavyRate)),
  ]));
  table(['server', 'light p50 ms', 'p99 ms', 'added ms', 'heavy within 1 s', 'heavy/s'], rows);
}

function judge([ours, piscina, cluster]: readonly [Contender, Contender, Contender]): Finding[] {
  const against = [8, 20, 20];
  return SHARES.flatMap((share, k) => {
    const column = k + 1;
    const [mine, theirs, clusters] = [ours, piscina, cluster].map((contender) => of(contender, column, added)) as [number, number, number];
    const what = `what heavy work at ${share * 100} % adds to light p99`;
    const times = against[k] as number;
    return [
      { what: `${what}, of piscina's`, figure: `${round3(mine)} of ${round3(theirs)} ms`, goal: '≤ 0.5', isMet: mine <= 0.5 * theirs },
      { what: `${what}, below node:cluster's`, figure: `${round3(mine)} of ${round3(clusters)} ms`, goal: `≥ ${times} x`, isMet: mine * times <= clusters },
      ...share === 0.9 ? [{ what: 'heavy within 1 s at 90 %', figure: `${(of(ours, column, inTime) * 100).toFixed(1)} %`, goal: '≥ 95 %', isMet: of(ours, column, inTime) >= 0.95 }] : [],
      ...share === 1.5 ? [{ what: "heavy a second at 150 %, of bounded piscina's", figure: `${round3(of(ours, column, heavyRate))} of ${round3(of(piscina, column, heavyRate))}`, goal: '≥ 0.9', isMet: of(ours, column, heavyRate) >= 0.9 * of(piscina, column, heavyRate) }] : [],
    ];
  });
}

export const bench: Bench = async ({ cores, rounds, quick }) => {
  const seconds = quick ? SECONDS_QUICK : SECONDS;
  await using generator = await GeneratorProcess.start();
  await using stack = new AsyncDisposableStack();
  const contenders: Contender[] = [];
  for (const [name, file] of CONTENDERS) {
    const server = stack.use(await ServerProcess.start(new URL(file, import.meta.url), { app: new URL('apps/mixed.ts', import.meta.url), port: 0, cores }));
    contenders.push({ name, server, turns: [] });
  }
  const cpuMs = await heavyCpuMs();
  for (const contender of contenders) await takeTurn(generator, contender, 20, 1, quick ? WARM_SECONDS_QUICK : WARM_SECONDS);
  const alone = median(await Promise.all([await takeTurn(generator, contenders[0] as Contender, 0, 2, seconds), await takeTurn(generator, contenders[0] as Contender, 0, 3, seconds)].map(({ cpuUs }) => cpuUs / 1e6 / seconds)));
  const left = Math.max(0.2, cores - alone);
  const rates = [0, ...SHARES.map((share) => Math.round(share * left * 1000 / cpuMs))];
  console.log(`${LIGHT_PER_SECOND} light requests/s and the generator use ${alone.toFixed(2)} of ${cores} cores; a heavy one takes ${cpuMs.toFixed(1)} ms`);
  for (let round = 0; round < (quick ? 1 : rounds); round++) {
    for (const contender of contenders) contender.turns.push([]);
    for (let k = 0; k < rates.length * contenders.length; k++) {
      const contender = contenders[(round + k) % contenders.length] as Contender;
      const turns = contender.turns.at(-1) as Turn[];
      progress(`round ${round + 1}: ${contender.name}, turn ${turns.length + 1} of ${rates.length}`);
      const turn = await takeTurn(generator, contender, rates[turns.length] as number, 10 + round, seconds);
      turns.push(turn);
      await settle(contender);
    }
  }
  progress('');
  show(contenders, rates);
  return judge(contenders as [Contender, Contender, Contender]);
};
