/** Shared objects on real threads: what the models cannot see. */
import { expect, test } from 'vitest';
import { effort, runThreads, seed, sum } from './rig.ts';

const timeout = 100_000 * effort;
const script = new URL('objects-worker.ts', import.meta.url);
console.log(`stress: seed ${seed}, effort ${effort}; to repeat: CAPRICCIO_SEED=${seed}`);

test('objects: counts are right under real threads', { timeout }, async () => {
  const count = 30_000 * effort;
  const { reports, counters } = await runThreads({ script }, Array.from({ length: 3 }, () => ({ role: 'counter', count })), 3);
  expect(counters[0], 'turns under the mutex').toBe(3 * count);
  expect(counters[1], 'turns under the semaphore').toBe(3 * count);
  expect(sum(reports, 'contended'), 'somebody has waited').toBeGreaterThan(0);
});

test('objects: a channel between real threads', { timeout }, async () => {
  const count = 20_000 * effort;
  const { reports } = await runThreads({ script }, [...Array.from({ length: 2 }, () => ({ role: 'sender', count })), ...Array.from({ length: 2 }, () => ({ role: 'receiver', count }))]);
  expect(sum(reports, 'received')).toBe(2 * count);
  expect(sum(reports, 'sum'), 'each once').toBe(count * 1_000_000 + count * (count - 1));
});

test('objects: everybody gets the same', { timeout }, async () => {
  for (let round = 0; round < 5 * effort; round++) {
    const { reports } = await runThreads({ script, objectCount: 64 }, Array.from({ length: 4 }, () => ({ role: 'maker', count: 64 })));
    expect(new Set(Object.values(reports[0] as object)).size).toBe(64);
    for (const report of reports) expect(report).toEqual(reports[0]);
  }
});
