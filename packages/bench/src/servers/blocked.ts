/**
 * One of the cores is blocked in the kernel for a second (execSync), again and again: what becomes of light requests on connections that are opened
 * meanwhile? Ours beside node:cluster with as many processes, threads that share a port, and Fastify with what blocks moved to piscina by hand, in turns;
 * throughput against the same server's without a blocked core.
 */
import { connect, type Socket } from 'node:net';
import { interleave, median, ratio, round3, showRatio, table, type Bench, type Side, type SideResult } from '../harness.ts';
import { summarise } from '../load/percentiles.ts';
import { ServerProcess } from './server-process.ts';

const CONNECTIONS = 32;
/** Load lasts so long, and begins so long after the block; the block lasts a second. */
const LOAD_MS = 800;
const HEAD_START_MS = 60;
/** What hangs for longer is given up. */
const PATIENCE_MS = 5000;
const GOAL_MS = 20;
/** A request that takes longer has waited for the blocked core: few of all, for each connection has one at a time, but each a user's. */
const HANG_MS = 200;

interface Light { readonly rate: number; readonly latenciesMs: readonly number[] }

/** A closed loop on fresh connections, one request at a time each; those under way at the end are waited for and counted. */
async function light(port: number): Promise<Light> {
  const latenciesMs: number[] = [];
  const sockets: Socket[] = [];
  const began = performance.now();
  let inTime = 0;
  const one = async (): Promise<void> => { do await onOne(); while (performance.now() - began < LOAD_MS); };   // a server that closes a connection gets another
  const onOne = (): Promise<void> => new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    sockets.push(socket);
    let sentAt = performance.now();
    const send = (): void => { sentAt = performance.now(); socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'); };
    let text = '';
    socket.setNoDelay(true).on('connect', () => { socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'); });   // what the connection waits for counts too
    socket.on('error', reject).on('close', () => { resolve(); }).setTimeout(PATIENCE_MS, () => { reject(new Error(`no answer within ${PATIENCE_MS} ms`)); });
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (!text.endsWith('hello\n')) return;
      const isLast = /\r\nconnection: close\r\n/i.test(text);
      text = '';
      const now = performance.now();
      latenciesMs.push(now - sentAt);
      if (now - began < LOAD_MS) { inTime++; if (!isLast) send(); } else socket.destroy();
    });
  });
  try { await Promise.all(Array.from({ length: CONNECTIONS }, one)); } finally { for (const socket of sockets) socket.destroy(); }
  return { rate: inTime / LOAD_MS * 1000, latenciesMs };
}

async function whileBlocked(port: number): Promise<Light> {
  const blocked = fetch(`http://127.0.0.1:${port}/block`, { headers: { connection: 'close' } }).then((answer) => answer.text());
  await new Promise((resolve) => { setTimeout(resolve, HEAD_START_MS); });
  const found = await light(port);
  await blocked;
  return found;
}

export const bench: Bench = async ({ cores, rounds }) => {
  const start = (file: string): Promise<ServerProcess> => ServerProcess.start(new URL(file, import.meta.url), { app: new URL('apps/blocks.ts', import.meta.url), port: 0, cores });
  await using ours = await start('capriccio.ts');
  await using cluster = await start('cluster.ts');
  await using threads = await start('threads.ts');
  await using fastify = await start('fastify-piscina.ts');
  const latencies = new Map<string, number[]>();
  const hangs = new Map<string, number>();
  const side = (name: string, measure: () => Promise<Light>): Side => ({
    name,
    async measure() {
      const { rate, latenciesMs } = await measure();
      latencies.set(name, [...latencies.get(name) ?? [], summarise(latenciesMs).p99]);
      hangs.set(name, (hangs.get(name) ?? 0) + latenciesMs.filter((ms) => ms > HANG_MS).length);
      return rate;
    },
  });
  const servers = [['capriccio', ours], ['node:cluster', cluster], ['threads, reusePort', threads], ['Fastify + piscina', fastify]] as const;
  const sides = servers.flatMap(([name, { port }]) => [side(name, () => light(port)), side(`${name}, one core blocked`, () => whileBlocked(port))]);
  for (const { measure } of sides) await measure();
  latencies.clear();
  hangs.clear();
  const results = await interleave(sides, rounds, { label: 'light requests', unit: 'requests/s' });
  const [free, blocked, , peerBlocked] = results as [SideResult, SideResult, SideResult, SideResult];
  const p99 = ({ name }: SideResult): number => median(latencies.get(name) as number[]);
  table(['server', 'requests/s', 'of its own without', 'p99 ms (median of rounds)', `over ${HANG_MS} ms`], results.map((result, k) => [
    result.name, round3(median(result.rounds)), k % 2 === 0 ? '' : showRatio(ratio(result, results[k - 1] as SideResult)), round3(p99(result)), String(hangs.get(result.name)),
  ]));
  const kept = ratio(blocked, free);
  return [
    { what: 'throughput with one core blocked, of without', figure: showRatio(kept), goal: '≥ 0.9', isMet: kept.median >= 0.9 },
    { what: 'requests that hung meanwhile', figure: `${hangs.get(blocked.name)} (node:cluster ${hangs.get(peerBlocked.name)})`, goal: '0', isMet: hangs.get(blocked.name) === 0 },
    { what: 'light p99 on other connections meanwhile', figure: `${round3(p99(blocked))} ms (node:cluster ${round3(p99(peerBlocked))})`, goal: `≤ ${GOAL_MS} ms`, isMet: p99(blocked) <= GOAL_MS },
  ];
};
