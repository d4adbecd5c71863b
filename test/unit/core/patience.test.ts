/** Clients that give up before the deadline are noticed, and the queue is kept short enough for them. */
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { Roots, sharedNow } from '@capriccio/worker';
import { Patience, Patiences } from '../../../packages/core/src/conductor/patience.ts';
import { RouteAdmission } from '../../../packages/core/src/serve/route-admission.ts';

const times = (count: number, act: () => void): void => { for (let k = 0; k < count; k++) act(); };

describe('patience', () => {
  test('is the deadline while hardly anybody gives up', () => {
    const patience = new Patience();
    assert.equal(patience.within(1000), 1000);
    for (let k = 0; k < 20_000; k++) { patience.turn(); if (k % 200 === 0) patience.gaveUp(100); }
    assert.equal(patience.within(1000), 1000, 'one of two hundred');
    assert.equal(patience.within(Infinity), Infinity);
  });

  test('is how old those are that give up, where they are more than a few', () => {
    const patience = new Patience();
    for (let k = 0; k < 2000; k++) { patience.turn(); if (k % 10 === 0) patience.gaveUp(480 + k % 3); }
    assert.ok(Math.abs(patience.within(1000) - 480) < 30, patience.within(1000).toFixed(0));
    assert.equal(patience.within(200), 200, 'a shorter deadline stays');
  });

  test('follows clients that become more patient, and is forgotten when nobody gives up any more', () => {
    const patience = new Patience();
    times(64, () => patience.gaveUp(300));
    times(64, () => patience.gaveUp(800));
    assert.ok(patience.within(1000) > 700, patience.within(1000).toFixed(0));
    times(2000, () => patience.turn());
    assert.equal(patience.within(1000), 1000);
  });

  test('clients that leave at once take no more than three quarters of the deadline from others', () => {
    const patience = new Patience();
    times(1000, () => patience.gaveUp(0.1));
    assert.equal(patience.within(1000), 250);
    times(10, () => { patience.gaveUp(NaN); patience.gaveUp(-1); });
    assert.equal(patience.within(1000), 250);
  });
});

describe('patience of a server\'s clients', () => {
  test('is known of all routes as soon as those of two have shown it, and is the longest of these', () => {
    const clients = new Patiences();
    const [first, second, third] = [clients.of(), clients.of(), clients.of()];
    times(7, () => first.gaveUp(400));
    assert.equal(third.within(1000), 1000, 'one route says nothing of others');
    times(2, () => second.gaveUp(500));
    const shown = third.within(1000);
    assert.ok(Math.abs(shown - 490) < 30, shown.toFixed(0));
    assert.equal(second.within(1000), shown);
    assert.equal(third.within(300), 300, 'a shorter deadline stays');
    times(4, () => first.gaveUp(400));
    assert.ok(Math.abs(first.within(1000) - 390) < 30, 'its own clients have shown enough');
    times(2000, () => { first.turn(); second.turn(); });
    assert.equal(third.within(1000), 1000, 'and is forgotten');
  });

  test('what clients of one route do on purpose is no matter of the others', () => {
    const clients = new Patiences();
    const [hasty, other] = [clients.of(), clients.of()];
    times(1000, () => hasty.gaveUp(5));
    assert.equal(hasty.within(1000), 250);
    assert.equal(other.within(1000), 1000);
  });
});

test('a request that has not begun and would be late for its client does not begin, but for young ones', () => {
  const roots = new Roots();
  const admission = new RouteAdmission(roots.named('GET /slow'), roots.active);
  admission.ended(sharedNow() - 100);                                     // its own time: 100 ms
  assert.equal(admission.isTooLate(990, 1000), false, 'the deadline bounds the beginning alone');
  times(64, () => admission.gaveUp(500));
  assert.deepEqual([360, 440].map((ageMs) => admission.isTooLate(ageMs, 1000)), [false, true]);
  times(200, () => admission.ended(sharedNow() - 900));
  assert.deepEqual([230, 270].map((ageMs) => admission.isTooLate(ageMs, 1000)), [false, true], 'it has become slow: young ones begin, or it would be so for ever');
});

test('a route of which little comes is judged by how fast it is taken up while something waits, not by how little came', () => {
  const roots = new Roots();
  const root = roots.named('GET /rare');
  const admission = new RouteAdmission(root, roots.active);
  root.costUs = 1e6;                                                      // its share of the processors by itself would be one a second
  let now = sharedNow();
  const come = (): number | undefined => {
    const judged = root.entries.length > 0 ? admission.judge(now, 1000) : undefined;
    if (judged === undefined) root.entries.push({ root, begin: () => { /* it is taken */ } });
    return judged;
  };
  const take = (): void => { now += 30; root.entries.shift(); admission.left(now); admission.begins(); };
  for (let k = 0; k < 50; k++) {                                          // three at a time, 10 a second: taken up at 33 a second
    assert.deepEqual([come(), come(), come()], [undefined, undefined, undefined], `${k}`);
    take(); take(); take();
    now += 210;
  }
  for (let k = 0; k < 8; k++) assert.equal(come(), undefined, `${k} wait, 30 ms each`);
  for (let k = 0; k < 3; k++) come();
  now += 60;
  come();                                                                 // a probe perhaps
  assert.ok((come() ?? 0) > 300, 'eleven are too many');
});

test('a route whose clients give up at half of its deadline refuses what would be late for them', () => {
  const roots = new Roots();
  const root = roots.named('GET /slow');
  root.costUs = 20_000;
  const admission = new RouteAdmission(root, roots.active);
  times(10, () => root.entries.push({ root, begin: () => { /* it waits */ } }));
  const judge = (): number | undefined => admission.judge(sharedNow() + 60, 1000);
  judge();
  assert.equal(judge(), undefined, 'ten of 20 ms each are ahead: in time for a deadline of a second');
  times(64, () => admission.gaveUp(500));
  judge();                                                              // one in a tenth of a second goes all the same
  assert.ok((judge() ?? 0) >= 100, 'and too late for who leaves after half of it');
});
