/** One worker is stalled for two seconds: how many of forty new connections wait for it? Ours with both ways to accept. */
import { createPool } from 'capriccio';
import { table, type Bench, type Finding } from '../harness.ts';

const CONNECTIONS = 40;
const HELD_UP_MS = 500;

async function heldUp(accept: 'placed' | 'reusePort', cores: number): Promise<{ heldUp: number; slowestMs: number }> {
  await using pool = await createPool(Math.max(2, cores));
  await using server = await pool.serve(new URL('apps/listener.ts', import.meta.url), { port: 0, accept });
  await (await fetch(server.url)).text();
  const stalled = fetch(`${server.url}/stall`).then((answer) => answer.text());
  await new Promise((resolve) => { setTimeout(resolve, 100); });
  const times = await Promise.all(Array.from({ length: CONNECTIONS }, async () => {
    const began = performance.now();
    await (await fetch(server.url, { headers: { connection: 'close' } })).text();
    return performance.now() - began;
  }));
  await stalled;
  return { heldUp: times.filter((ms) => ms > HELD_UP_MS).length, slowestMs: Math.max(...times) };
}

export const bench: Bench = async ({ cores, quick }) => {
  const found: Finding[] = [];
  const rows: string[][] = [];
  for (const accept of ['placed', 'reusePort'] as const) {
    const runs = [];
    for (let k = 0; k < (quick ? 1 : 3); k++) runs.push(await heldUp(accept, cores));
    const worst = Math.max(...runs.map(({ heldUp: count }) => count));
    rows.push([accept, runs.map(({ heldUp: count }) => count).join(', '), Math.max(...runs.map(({ slowestMs }) => slowestMs)).toFixed(0)]);
    if (accept === 'placed') found.push({ what: 'new connections held up by a stalled worker, of 40', figure: String(worst), goal: '0', isMet: worst === 0 });
  }
  table(['accept', 'held up', 'slowest ms'], rows);
  return found;
};
