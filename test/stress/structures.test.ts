/**
 * The structures of packages/shared on real threads: what the model tests cannot see, for they see sequential consistency only. Every word of every
 * payload is checked where it arrives, and what went out is counted against what came in. Threads that wait do so as in the product.
 */
import { expect, test } from 'vitest';
import { effort, runThreads, seed, sum } from './rig.ts';

const timeout = 100_000 * effort;
console.log(`stress: seed ${seed}, effort ${effort}; to repeat: CAPRICCIO_SEED=${seed}`);

test('mailbox: payload checksum', { timeout }, async () => {
  const count = 125_000 * effort;
  const { reports: [consumer, ...producers] } = await runThreads({}, ['mailboxConsumer', 'mailboxProducer', 'mailboxProducer', 'mailboxProducer'].map((role) => ({ role, count })));
  expect(consumer?.['taken']).toBe(3 * count);
  expect(consumer?.['checksum']).toBe(sum(producers, 'checksum') | 0);
  expect(consumer?.['chains'], 'whoever pushes on an empty mailbox is told so, once a chain').toBe(sum(producers, 'wasEmpty'));
});

test('ring: every task once', { timeout }, async () => {
  const count = 400_000 * effort;
  const { reports: [spawner, ...takers], counters } = await runThreads({ slotCount: 256 }, [{ role: 'ringSpawner', count }, { role: 'ringTaker', count: 0 }, { role: 'ringTaker', count: 0 }, { role: 'ringTaker', count: 0 }], count);
  const { spawned = 0, done = 0, withdrawn = 0, revoked = 0 } = spawner ?? {};
  expect(spawned).toBe(count);
  expect(done + withdrawn + revoked, 'every task has one end').toBe(count);
  let [ran, twice] = [0, 0];
  for (let k = 0; k < count; k++) { ran += counters[k] as number; if ((counters[k] as number) > 1) twice++; }
  expect(twice, 'tasks that ran twice').toBe(0);
  expect(ran, 'those that are done ran, those that were stopped in time did not').toBe(done);
  expect(sum(takers, 'ran')).toBeGreaterThan(0);
  expect(withdrawn).toBeGreaterThan(0);
});

test('parker: ping pong', { timeout }, async () => {
  const count = 25_000 * effort;
  const { reports } = await runThreads({}, [{ role: 'player', count }, { role: 'player', count }]);
  expect(sum(reports, 'sleeps'), 'somebody has slept').toBeGreaterThan(0);
});

test('blocks: checksums', { timeout }, async () => {
  const count = 100_000 * effort;
  const { reports: [owner, ...readers] } = await runThreads({ payloadBytes: 16 * 65_536 }, [{ role: 'blockOwner', count }, { role: 'blockReader', count: 0 }, { role: 'blockReader', count: 0 }], 3);
  expect(sum(readers, 'read')).toBe(count);
  expect(sum(readers, 'bytes')).toBe(owner?.['bytes']);
  for (const reader of readers) expect(reader['read']).toBeGreaterThan(0);
});
