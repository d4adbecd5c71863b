/** What gathers behind the first requests of another route is worked off, and an overload is one all the same. In a time of its own. */
import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, test } from 'vitest';
import { Roots, Scheduler, sharedNow } from '@capriccio/worker';
import { Settling } from '../../../packages/core/src/conductor/settling.ts';
import { RouteAdmission } from '../../../packages/core/src/serve/route-admission.ts';

describe('a worker settles', () => {
  test('for three seconds after a route has come, in the half second after something held it up', () => {
    const worker = { stalledAt: -Infinity };
    const settling = new Settling(worker);
    settling.began(1000);
    assert.equal(settling.settles(1100), false, 'nothing has held it up');
    worker.stalledAt = 1200;
    assert.deepEqual([1200, 1699, 1700].map((now) => settling.settles(now)), [true, true, false]);
    worker.stalledAt = 3900;
    assert.deepEqual([3950, 4000].map((now) => settling.settles(now)), [true, false], 'nothing is new any more');
    settling.began(4100);
    assert.equal(settling.settles(4200), true);
  });
});

/**
 * Light requests, one a millisecond, beside another route that wants all it can have. Hardly any is taken up for a while, for that one holds the worker, then so
 * many a millisecond. @returns how many were refused, of 300 and 900
 */
function refusedOf({ stallMs, takenPerMs, settles }: { stallMs: number; takenPerMs: number; settles: boolean }): number {
  const roots = new Roots();
  const [root, other] = [roots.named('GET /light'), roots.named('GET /heavy')];
  root.costUs = other.costUs = 400;
  other.entries.push({ root: other, begin: () => { /* it waits */ } });
  roots.activate(other);
  const begin = sharedNow();
  const worker = { stalledAt: -Infinity };
  const settling = new Settling(worker);
  if (settles) settling.began(begin);
  const admission = new RouteAdmission(root, roots.active, undefined, settling);
  let [refused, due] = [0, 0];
  for (let ms = 0; ms < stallMs + 900; ms++) {
    const now = begin + ms;
    if (admission.arrives(now, 1000) === undefined) { root.entries.push({ root, begin: () => { /* it is taken */ } }); roots.activate(root); }
    else refused++;
    if (ms <= stallMs && ms % 100 === 0) worker.stalledAt = now;
    for (due += ms < stallMs ? 0.1 : takenPerMs; due >= 1; due--) if (root.entries.shift() !== undefined) { admission.left(now); admission.begins(); admission.endedAtOnce(now); }
  }
  return refused;
}

describe('what has gathered while the first requests of another route held the worker', () => {
  test('is worked off, and nobody refused', () => {
    const after = { stallMs: 400, takenPerMs: 1.2 };
    assert.equal(refusedOf({ ...after, settles: true }), 0);
    assert.ok(refusedOf({ ...after, settles: false }) > 100, 'where nothing is new, a queue that stands so long is an overload');
  });
  test('is refused where it is an overload', () => {
    assert.ok(refusedOf({ stallMs: 300, takenPerMs: 0.3, settles: true }) > 300);
  });
});

test('a scheduler tells when something had held everything else up', async () => {
  const scheduler = new Scheduler({ sliceMs: 5 });
  const root = scheduler.roots.named('root');
  const run = async (ms: number): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    root.entries.push({ root, begin: () => { for (const end = performance.now() + ms; performance.now() < end;); resolve(); } });
    scheduler.roots.activate(root);
    scheduler.arm();
    await promise;
    await turn();
  };
  await run(10);
  assert.equal(scheduler.stalledAt, -Infinity);
  const before = sharedNow();
  await run(120);
  assert.ok(scheduler.stalledAt >= before + 100 && scheduler.stalledAt <= sharedNow());
});
