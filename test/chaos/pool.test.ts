/**
 * Workers of a real pool die at random moments while tasks of every kind are under way: small ones, payloads of every class, errors, streams,
 * transfers, and what workers spawn themselves. Long form (npm run test:long): 10,000 kills.
 */
import { expect, test } from 'vitest';
import { chaos } from './kills.ts';
import { asTimeAllows } from './time.ts';

const isLong = process.env['CAPRICCIO_LONG'] === '1';
const seed = Number(process.env['CAPRICCIO_SEED'] ?? Date.now() % 2 ** 31);

test('kills: nothing is lost, hung or completed twice', { timeout: isLong ? 3_600_000 : 120_000 }, async () => {
  const kills = isLong ? 10_000 : 150;
  const report = await chaos({ kills, cores: 2, seed, width: 100, secondsMax: isLong ? 3000 : asTimeAllows(40) });
  console.log(`chaos: seed ${seed}: ${JSON.stringify(report)}`);
  expect(report.wrong).toEqual([]);
  expect(report.hung, 'calls that never ended').toBe(0);
  expect(report.outstanding, 'calls still counted').toBe(0);
  expect(report.slotsHeld, 'slots of main still in use').toBe(0);
  expect(report.ranTwice, 'tasks that began twice without being idempotent').toBe(0);
  expect(report.ranThoughUnstarted, 'tasks reported as not begun that had').toBe(0);
  expect(report.right).toBeGreaterThan(100);
  expect(report.kills, 'the run was long enough to mean something').toBeGreaterThan(isLong ? 9_999 : 10);
});
