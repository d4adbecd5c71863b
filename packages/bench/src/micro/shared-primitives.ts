/** A mutex handed from core to core, a value there and back, and a stream of items, beside the same by postMessage in the same run. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { createPool, type Pool } from 'capriccio';
import { interleave, median, ratio, round3, showRatio, table, type Bench, type Finding, type Side } from '../harness.ts';

const url = new URL('./shared-tasks.ts', import.meta.url);
type Tasks = typeof import('./shared-tasks.ts');

/** Hand-overs of one mutex between main and a worker, a second: a condition makes them take turns, and who is signalled gets the mutex itself. */
async function handOvers(pool: Pool, count: number): Promise<number> {
  const cells = new SharedArrayBuffer(4);
  const words = new Int32Array(cells);
  const mutex = pool.mutex('bench');
  const changed = pool.condition('bench changed', mutex);
  const other = pool.module<Tasks>(url).takeTurns(cells, count);
  const began = performance.now();
  {
    using held = await mutex.lock();
    void held;
    for (let turn = 0; turn < count; turn++) {
      while (words[0] !== 0) await changed.wait();
      words[0] = 1;
      changed.signal();
    }
  }
  await other;
  return 2 * count / (performance.now() - began) * 1000;
}

async function pings(pool: Pool, count: number): Promise<number> {
  const [there, back] = [pool.channel<number>('there', { capacity: 1 }), pool.channel<number>('back', { capacity: 1 })];
  const other = pool.module<Tasks>(url).pong(count);
  const began = performance.now();
  for (let k = 0; k < count; k++) {
    await there.send(k);
    if (await back.recv() !== k + 1) throw new Error('a wrong answer');
  }
  const took = performance.now() - began;
  await other;
  return 2 * count / took * 1000;
}
async function pingsByPort(worker: Worker, count: number): Promise<number> {
  const began = performance.now();
  for (let k = 0; k < count; k++) {
    worker.postMessage(k);
    const [answer] = await once(worker, 'message') as [number];
    if (answer !== k + 1) throw new Error('a wrong answer');
  }
  return 2 * count / (performance.now() - began) * 1000;
}

async function items(pool: Pool, value: unknown, count: number): Promise<number> {
  const channel = pool.channel<unknown>('items', { capacity: 1024, bytes: 2 ** 20 });
  const other = pool.module<Tasks>(url).drain('items', count);
  const began = performance.now();
  for (let k = 0; k < count; k++) if (!channel.trySend(value)) await channel.send(value);
  if (await other !== count) throw new Error('items are missing');
  return count / (performance.now() - began) * 1000;
}
async function itemsByPort(worker: Worker, value: unknown, count: number): Promise<number> {
  const began = performance.now();
  worker.postMessage({ expect: count });
  for (let k = 0; k < count; k++) worker.postMessage({ item: value });
  await once(worker, 'message');
  return count / (performance.now() - began) * 1000;
}

export const bench: Bench = async ({ rounds, quick }) => {
  await using pool = await createPool(1);
  const worker = new Worker(url, { workerData: { isBare: true } });
  const scale = quick ? 1 : 4;
  const record = { id: 7, name: 'user7', ok: true, score: 1.5, tags: ['a', 'bb'] };
  const questions: readonly { readonly what: string; readonly goal: number; readonly sides: readonly [Side, Side] }[] = [
    { what: 'mutex handed over', goal: 5, sides: [{ name: 'mutex', measure: () => handOvers(pool, 2_000 * scale) }, { name: 'a token by postMessage', measure: () => pingsByPort(worker, 2_000 * scale) }] },
    { what: 'value there and back', goal: 5, sides: [{ name: 'two channels', measure: () => pings(pool, 2_000 * scale) }, { name: 'postMessage', measure: () => pingsByPort(worker, 2_000 * scale) }] },
    ...Object.entries({ 'items, numbers': 42, 'items, objects of 5 fields': record }).map(([what, value]) => ({ what, goal: 5, sides: [
      { name: 'channel', measure: () => items(pool, value, 20_000 * scale) }, { name: 'postMessage', measure: () => itemsByPort(worker, value, 20_000 * scale) }] as const })),
  ];
  const rows: string[][] = [];
  const found: Finding[] = [];
  for (const { what, goal, sides } of questions) {
    for (const side of sides) await side.measure();
    const [ours, theirs] = await interleave(sides, rounds, { label: what, unit: '/s' }) as [Awaited<ReturnType<typeof interleave>>[0], Awaited<ReturnType<typeof interleave>>[0]];
    const figure = ratio(ours, theirs);
    for (const { name, rounds: figures } of [ours, theirs]) rows.push([what, name, round3(median(figures) / 1000), `${(1e6 / median(figures)).toFixed(2)}`]);
    found.push({ what: `${what}, over postMessage`, figure: showRatio(figure), goal: `≥ ${goal}`, isMet: figure.median >= goal });
  }
  await worker.terminate();
  table(['', 'side', 'thousand a second', 'us each'], rows);
  return found;
};
