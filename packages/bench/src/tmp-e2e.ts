import { createPool } from 'capriccio';
import Piscina from 'piscina';
const N = +(process.argv[2] ?? 2);
const drive = async (call: (x: number) => Promise<unknown>, win: number, total: number): Promise<number> => {
  let next = 0; const one = async (): Promise<void> => { while (next < total) { next++; await call(next); } };
  const t = performance.now(); await Promise.all(Array.from({ length: win }, one)); return total / (performance.now() - t) * 1000;
};
const med = (a: number[]): number => a.sort((x, y) => x - y)[a.length >> 1]!;
const pool = await createPool(N);
const m = pool.module<{ add1(x: number): number }>(new URL('../../../test/fixtures/tiny.ts', import.meta.url));
const ours = (x: number): Promise<unknown> => m.add1(x);
await drive(ours, 1000, 200000);
for (const win of [1, 100, 1000, 50000]) { const r = []; for (let k = 0; k < 5; k++) r.push(await drive(ours, win, win === 1 ? 20000 : Math.max(300000, win * 4))); console.log('ours', win, Math.round(med(r))); }
if (process.argv[3]) {
const pis = new Piscina({ filename: new URL('../../../test/fixtures/tiny.mjs', import.meta.url).href, minThreads: N, maxThreads: N, atomics: 'sync', concurrentTasksPerWorker: 1000, recordTiming: false });
await drive((x) => pis.run(x), 100, 5000);
for (const win of [1, 100, 1000, 50000]) { const r = []; for (let k = 0; k < 3; k++) r.push(await drive((x) => pis.run(x), win, win === 1 ? 3000 : 50000)); console.log('piscina', win, Math.round(med(r))); }
await pis.destroy();
}
await pool.close();
