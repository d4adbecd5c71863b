/**
 * What a refusal costs: one route is asked for many times what one core can do, so nearly all of its requests are refused at arrival. Processor time of the
 * server for each that is refused, beside node:http that answers everybody with an empty 503 at the same rate; and when the client has its 503.
 */
import { median, note, progress, round3, table, type Bench } from '../harness.ts';
import { GeneratorProcess } from '../load/generator-process.ts';
import { hammerFrom } from '../load/hammers.ts';
import type { LoadResult } from '../load/plan.ts';
import app from './apps/routes.ts';
import { plannedRequest } from './planned.ts';
import { ServerProcess } from './server-process.ts';

const PATH = '/spin/3000/page';
const RATE = 2000;
/** Connections that are always busy, and never so many that one is refused. */
const CONNECTIONS = 2;
const ANSWER_MS = 20;
const COST = 1.1;

export const bench: Bench = async ({ rounds, quick }) => {
  await using generator = await GeneratorProcess.start();
  const requests = [await plannedRequest(app, PATH, 1)];
  const start = (file: string): Promise<ServerProcess> => ServerProcess.start(new URL(file, import.meta.url), { app: new URL('apps/routes.ts', import.meta.url), port: 0, cores: 1 }, { BENCH_LANES: 'off' });
  await using ours = await start('capriccio.ts');
  await using plain = await start('refusing-http.ts');
  const turn = async (server: ServerProcess, ratePerSecond: number, seed: number, seconds: number): Promise<{ result: LoadResult; cpuUs: number }> => {
    const before = await server.usage();
    const result = await generator.run({ host: '127.0.0.1', port: server.port, seed, ratePerSecond, seconds, arrivals: 'poisson', timeoutMs: 2000, connections: { initial: 64, max: 1024 }, requests });
    return { result, cpuUs: (await server.usage()).cpuUs - before.cpuUs };
  };
  const seconds = quick ? 3 : 5;
  await using hammers = await hammerFrom(1);
  await turn(ours, RATE, 1, seconds);
  await turn(plain, RATE, 1, seconds);
  const costs: number[] = [], bare: number[] = [], p50: number[] = [], p99: number[] = [], others: number[] = [];
  for (let round = 0; round < Math.min(rounds, quick ? 3 : 7); round++) {
    progress(`round ${round + 1}`);
    const before = await ours.usage();
    const answers = await hammers.answers({ port: ours.port, path: PATH, connections: CONNECTIONS, depth: 1, ms: seconds * 500 });
    const ownUs = ((await ours.usage()).cpuUs - before.cpuUs) / answers;
    const flooded = await turn(ours, RATE, 20 + round, seconds);
    const refused = flooded.result.total.failed['status 503'] ?? 0;
    if (refused === 0) throw new Error('nothing was refused');
    costs.push((flooded.cpuUs - flooded.result.total.right * ownUs) / refused);
    p50.push(flooded.result.total.refusedUs.p50 / 1000);
    p99.push(flooded.result.total.refusedUs.p99 / 1000);
    const empty = await turn(plain, RATE, 20 + round, seconds);
    others.push(empty.result.total.refusedUs.p99 / 1000);
    bare.push(empty.cpuUs / Math.max(1, empty.result.total.failed['status 503'] ?? 0));
  }
  progress('');
  const of = median(costs.map((cost, k) => cost / (bare[k] as number)));
  table(['', 'processor time a refusal, us', 'of node:http', '503 after, p50 ms', 'p99 ms'], [
    ['capriccio, beside its work', round3(median(costs)), round3(of), round3(median(p50)), round3(median(p99))],
    ['node:http, nothing but 503', round3(median(bare)), '1', '', round3(median(others))],
  ]);
  note('Of the processor time of ours, what its right answers take is taken off, as they take it where two connections keep it busy and nobody is refused.');
  return [
    { what: 'a refusal, of node:http\'s empty 503', figure: `${of.toFixed(2)} x`, goal: `≤ ${COST} x`, isMet: of <= COST },
    { what: '503 at the client, p99', figure: `${round3(median(p99))} ms`, goal: `≤ ${ANSWER_MS} ms`, isMet: median(p99) <= ANSWER_MS },
  ];
};
