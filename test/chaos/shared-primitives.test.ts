/**
 * Workers die at random moments while their threads own, wait, send and receive across cores. Nobody is beside an owner, nobody hangs, no item is
 * lost but those that a dead thread had in its hands, none comes twice, and at the end everything is at rest. Long form: npm run test:long.
 */
import type { Worker } from 'node:worker_threads';
import { createPool, isCapriccioError } from 'capriccio';
import { expect, test } from 'vitest';
import { FIRST_ITEM, MUTEX_COUNT, MUTEX_INSIDE, PERMITS, RECEIVED, SENT, TOLD, TRIED, violations, type Message } from '../fixtures/shared-chaos.ts';
import { asTimeAllows } from './time.ts';

const isLong = process.env['CAPRICCIO_LONG'] === '1';
const seed = Number(process.env['CAPRICCIO_SEED'] ?? Date.now() % 2 ** 31);
const ITEMS_MAX = 2_000_000;

function random(from: number): () => number {
  let state = from | 0 || 1;
  return () => { state ^= state << 13; state ^= state >>> 17; state ^= state << 5; return (state >>> 0) / 2 ** 32; };
}

test('shared primitives: workers that own, wait, send and receive die at random', { timeout: isLong ? 3_600_000 : 150_000 }, async () => {
  const chance = random(seed);
  const [kills, secondsMax] = isLong ? [3_000, 3_000] : [100, asTimeAllows(45)];
  let killed = 0;
  let isStopping = false;
  const enough = Promise.withResolvers<void>();
  let lifeMsMax = 0;
  const doom = (worker: Worker): void => {
    setTimeout(() => {
      if (isStopping) return;
      if (++killed >= kills) enough.resolve();
      void worker.terminate();
    }, lifeMsMax * (0.2 + 0.8 * chance()));
  };
  const first: Worker[] = [];
  const note = (worker: Worker): void => { first.push(worker); };
  process.on('worker', note);
  const starting = performance.now();
  const pool = await createPool({ cores: 3, memory: { slots: 1024, payloadBytes: 2 ** 20 } });
  lifeMsMax = (performance.now() - starting) * 3;
  process.off('worker', note);
  process.on('worker', doom);
  for (const worker of first) doom(worker);
  pool.on('warning', () => { /* back-off after kills during start is expected here */ });
  const tasks = pool.module<typeof import('../fixtures/shared-chaos.ts')>(new URL('../fixtures/shared-chaos.ts', import.meta.url));
  const cells = new SharedArrayBuffer((FIRST_ITEM + ITEMS_MAX) * 4);
  const words = new Int32Array(cells);
  const count = { calls: 0, lost: 0, receiversLost: 0, items: 0 };
  const wrong: string[] = [];
  const kinds: readonly (() => Promise<unknown>)[] = [
    () => tasks.owns(cells, 1 + count.calls, Math.floor(chance() * 3)),
    () => tasks.takes(1 + Math.floor(chance() * PERMITS), Math.floor(chance() * 3)),
    () => tasks.reads(cells, Math.floor(chance() * 3)),
    () => tasks.writes(cells, 1 + count.calls, Math.floor(chance() * 3)),
    () => { const from = count.items; count.items += 20; return tasks.sends(cells, from, 20); },
    () => tasks.receives(cells, 20, 20).catch((error: unknown) => { count.receiversLost++; throw error; }),
    () => tasks.signals(cells, 3),
    () => tasks.meets(10),
  ];
  const loops = Array.from({ length: 40 }, async () => {
    while (!isStopping && count.items < ITEMS_MAX - 100) {
      count.calls++;
      try {
        await (kinds[Math.floor(chance() * kinds.length)] as () => Promise<unknown>)();
      } catch (error) {
        count.lost++;
        if (!isCapriccioError(error, 'CAP_ERR_WORKER_LOST')) wrong.push(String(error));
      }
    }
  });
  /** Main takes part, and never dies. */
  const here = (async () => {
    const channel = pool.channel<Message>('chaos channel', { capacity: 16, bytes: 8192 });
    while (!isStopping) {
      { using held = await pool.mutex('chaos').lock(); if (held.ownerDied) words[TOLD] = (words[TOLD] as number) + 1; else if (Atomics.load(words, MUTEX_INSIDE) !== 0) wrong.push('main was beside another owner'); Atomics.store(words, MUTEX_INSIDE, 0); }
      const got = channel.tryRecv();
      if (got !== undefined) Atomics.add(words, FIRST_ITEM + got.value.id, RECEIVED);
      pool.condition('chaos condition', pool.mutex('chaos')).broadcast();
      await new Promise((resolve) => { setImmediate(resolve); });
    }
  })();
  const limit = setTimeout(enough.resolve, secondsMax * 1000);
  await enough.promise;
  clearTimeout(limit);
  isStopping = true;
  const late = Symbol('late');
  /** The senders may wait for room for ever, for the receivers have stopped. */
  const channel = pool.channel<Message>('chaos channel', { capacity: 16, bytes: 8192 });
  let isOver = false;
  const drained = (async () => {
    while (!isOver || channel.length > 0) {
      try { const { id } = await channel.recv({ timeoutMs: 50 }); Atomics.add(words, FIRST_ITEM + id, RECEIVED); } catch (error) { if (!isCapriccioError(error, 'CAP_ERR_TIMEOUT')) throw error; }
    }
  })();
  let timer: NodeJS.Timeout | undefined;
  const ended = await Promise.race([Promise.all([...loops, here]), new Promise((resolve) => { timer = setTimeout(resolve, 30_000, late); })]);
  clearTimeout(timer);
  isOver = true;
  expect(ended === late ? `${pool.stats().calls.outstanding} calls hang` : 'all have ended').toBe('all have ended');
  await drained;
  process.off('worker', doom);
  let [lostItems, twice, unsent, received] = [0, 0, 0, 0];
  for (let id = 0; id < count.items; id++) {
    const word = words[FIRST_ITEM + id] as number;
    const times = word >> 2;
    received += times;
    if (times > 1) twice++;
    if (times > 0 && (word & TRIED) === 0) unsent++;
    if (times === 0 && (word & SENT) !== 0) lostItems++;
  }
  const report = { seed, killed, ...count, received, lostItems, turns: words[MUTEX_COUNT], told: words[TOLD] };
  console.log(`chaos: ${JSON.stringify(report)}`);
  expect(wrong).toEqual([]);
  expect(violations(words)).toEqual([]);
  expect(twice, 'items that came twice').toBe(0);
  expect(unsent, 'items that nobody sent').toBe(0);
  expect(lostItems, 'items lost beyond those in the hands of dead receivers').toBeLessThanOrEqual(count.receiversLost);
  for (const rest of [pool.semaphore('chaos permits', PERMITS).acquire(PERMITS, { timeoutMs: 5000 }), pool.rwlock('chaos lock').write({ timeoutMs: 5000 }), pool.mutex('chaos').lock({ timeoutMs: 5000 })]) (await rest)[Symbol.dispose]();
  expect(killed).toBeGreaterThan(isLong ? 2_999 : 10);
  expect(received).toBeGreaterThan(100);
  await pool.close({ graceMs: 0 });
});
