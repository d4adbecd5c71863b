/** Everything at once, for a bounded time; the long form (npm run test:long) is an hour's worth. */
import { expect, test } from 'vitest';
import { storm } from './storm.ts';

const isLong = process.env['CAPRICCIO_LONG'] === '1';
const seed = Number(process.env['CAPRICCIO_SEED'] ?? Date.now() % 2 ** 31);

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
  expect(report.calls.ended).toBeGreaterThan(100);
  expect(report.requests.answered).toBeGreaterThan(20);
});
