/** Light requests a second at 64 keep-alive connections: ours beside node:cluster with as many processes, threads that share a port, Fastify, and node:http, all up, in turns. */
import { interleave, median, ratio, round3, showRatio, table, type Bench, type SideResult } from '../harness.ts';
import { hammer } from '../load/hammer.ts';
import { ServerProcess } from './server-process.ts';

const ROUND_MS = 1000;
const CONNECTIONS = 64;

export const bench: Bench = async ({ cores, rounds }) => {
  const start = (file: string): Promise<ServerProcess> => ServerProcess.start(new URL(file, import.meta.url), { app: new URL('apps/light.ts', import.meta.url), port: 0, cores });
  await using ours = await start('capriccio.ts');
  await using cluster = await start('cluster.ts');
  await using single = await start('http.ts');
  await using threads = await start('threads.ts');
  await using fastify = await start('fastify-piscina.ts');
  const side = (name: string, server: ServerProcess) => ({
    name,
    async measure() { return await hammer({ port: server.port, path: '/', connections: CONNECTIONS, depth: 1, ms: ROUND_MS }) / ROUND_MS * 1000; },
  });
  const sides = [side('capriccio', ours), side('node:cluster', cluster), side('node:http', single), side('threads, reusePort', threads), side('Fastify', fastify)];
  for (const { measure } of sides) await measure();
  const results = await interleave(sides, rounds, { label: 'light requests', unit: 'requests/s' });
  const [us, peer] = results as [SideResult, SideResult];
  table(['server', 'requests/s', 'ours against it'], results.map((result) => [result.name, round3(median(result.rounds)), result === us ? '' : `${showRatio(ratio(us, result))} x`]));
  const best = results.slice(1).toSorted((a, b) => ratio(us, a).median - ratio(us, b).median)[0] as SideResult;
  return [
    { what: 'light requests against node:cluster', figure: `${showRatio(ratio(us, peer))} x`, goal: '≥ 1 x', isMet: ratio(us, peer).median >= 1 },
    { what: `light requests against the best peer, ${best.name}`, figure: `${showRatio(ratio(us, best))} x`, goal: '≥ 1 x', isMet: ratio(us, best).median >= 1 },
  ];
};
