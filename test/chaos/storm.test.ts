/** Everything at once, for a bounded time; the long form (npm run test:long) is an hour's worth. */
import { expect, test } from 'vitest';
import { storm } from './storm.ts';

const isLong = process.env['CAPRICCIO_LONG'] === '1';
const seed = Number(process.env['CAPRICCIO_SEED'] ?? Date.now() % 2 ** 31);

const MIB = 2 ** 20;

test('storm: every call ends once, and nothing is left behind', { timeout: isLong ? 3_600_000 : 240_000 }, async () => {
  console.log(`storm: seed ${seed}`);
  await storm({ seed: seed + 1, seconds: 2 });                           // what a process keeps for good (libuv's threads, caches) is there after the first
  const report = await storm({ seed, seconds: isLong ? 900 : 20 });
  console.log(`storm: seed ${seed}: ${JSON.stringify(report)}`);
  expect(report.wrong).toEqual([]);
  expect(report.hung, 'calls that never ended').toBe(0);
  expect(report.slotsHeld, 'slots of main still in use').toBe(0);
  expect(report.threads[1], 'threads').toBe(report.threads[0]);
  expect(report.descriptors[1]! - report.descriptors[0]!, 'descriptors').toBeLessThanOrEqual(2);
  const [warm, last] = [report.levels[1]!, report.levels.at(-1)!];
  expect(report.levels.map(({ slots }) => slots), 'slots held at rest').toEqual(report.levels.map(() => 0));
  expect(last.heap - warm.heap, "main's heap").toBeLessThan(8 * MIB);
  expect(last.external - warm.external, "main's memory outside of its heap").toBeLessThan(8 * MIB);
  expect(last.payload - warm.payload, 'payload spans').toBeLessThanOrEqual(MIB);
  expect(last.rss, 'the process').toBeLessThan(warm.rss * 1.25 + 64 * MIB);
  expect(report.calls.ended).toBeGreaterThan(100);
  expect(report.requests.answered).toBeGreaterThan(20);
});
