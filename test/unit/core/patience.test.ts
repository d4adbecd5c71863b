/** Clients that give up before the deadline are noticed, and the queue is kept short enough for them. */
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { Continuation, Roots, sharedNow } from '@capriccio/worker';
import { Patience, Patiences } from '../../../packages/core/src/conductor/patience.ts';
import { Settling } from '../../../packages/core/src/conductor/settling.ts';
import { RouteAdmission, type Refusals } from '../../../packages/core/src/serve/route-admission.ts';

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
  let now = sharedNow();
  const come = (): number | undefined => {
    const judged = admission.arrives(now, 1000);
    if (judged === undefined) root.entries.push({ root, begin: () => { /* it is taken */ } });
    return judged;
  };
  const take = (): void => { now += 30; root.entries.shift(); admission.left(now); admission.begins(); };
  for (let k = 0; k < 50; k++) {                                          // three at a time, 10 a second: taken up at 33 a second
    assert.deepEqual([come(), come(), come()], [undefined, undefined, undefined], `${k}`);
    take(); take(); take();
    root.costUs = 1e6;                                                    // its share of the processors by itself would be one a second
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
  times(20, () => root.entries.push({ root, begin: () => { /* it waits */ } }));
  const judge = (): number | undefined => admission.arrives(sharedNow() + 60, 1000);
  judge();
  assert.equal(judge(), undefined, 'twenty of 20 ms each are ahead: in time for a deadline of a second');
  times(64, () => admission.gaveUp(500));
  judge();                                                              // one in a tenth of a second goes all the same
  assert.ok((judge() ?? 0) >= 100, 'and too late for who leaves after half of it');
});

test('requests whose clients have gone keep nobody waiting who comes later', () => {
  const roots = new Roots();
  const root = roots.named('GET /slow');
  root.costUs = 20_000;
  const admission = new RouteAdmission(root, roots.active);
  times(60, () => root.entries.push({ root, begin: () => { /* it waits */ } }));
  const judge = (): number | undefined => admission.arrives(sharedNow() + 60, 1000);
  judge();
  assert.ok((judge() ?? 0) >= 100, 'sixty of 20 ms each are too many');
  admission.gone = 60;
  assert.equal(admission.isWaitedFor, false);
  assert.equal(judge(), undefined);
});

test('a worker that refuses somebody keeps the queues of all who want its processor short, and no others', () => {
  const roots = new Roots();
  const refusals = { atMs: -Infinity };
  const now = sharedNow();
  const flooded = (name: string, set: (root: ReturnType<typeof roots.named>) => void): number => {
    const root = roots.named(name);
    root.costUs = 1e6;
    set(root);
    const admission = new RouteAdmission(root, roots.active, undefined, undefined, refusals);
    times(20, () => root.entries.push({ root, begin: () => { /* it waits */ } }));
    admission.arrives(now, 1000);
    assert.notEqual(admission.arrives(now, 1000), undefined);
    return refusals.atMs;
  };
  assert.equal(flooded('GET /away', (root) => { root.isAway = true; }), -Infinity, 'it waits for back lanes');
  assert.equal(flooded('GET /gated', (root) => { root.gateWait = () => ({ waiting: 1, ms: 100 }); }), -Infinity, 'it waits for a service');
  assert.equal(flooded('GET /here', () => { /* it wants the processor */ }), now);
});

describe('more comes than a route can take up', () => {
  /** A route that takes 10 ms a request, alone on its worker; `come` as often as asked, at once, and `take` one. */
  const line = (settling?: Settling, refusals?: Refusals) => {
    const roots = new Roots();
    const root = roots.named('GET /light');
    root.costUs = 10_000;
    const admission = new RouteAdmission(root, roots.active, undefined, settling, refusals);
    let now = sharedNow();
    const come = (): boolean => {
      if (admission.arrives(now, 1000) !== undefined) return false;
      root.entries.push({ root, begin: () => { /* it is taken */ } });
      return true;
    };
    const take = (): void => { now += 10; if (root.entries.shift() !== undefined) { admission.left(now); admission.begins(); admission.ended(sharedNow() - 10); } };
    return { roots, root, admission, come, take, later: (ms: number): void => { now += ms; }, get now() { return now; } };
  };

  test('a burst is let in while its end is in time, also after a long time in which nothing came', () => {
    const { root, come, take, later } = line();
    for (const _ of [1, 2]) {
      later(10_000);
      const letIn = Array.from({ length: 80 }, come).filter(Boolean).length;
      assert.ok(letIn > 50 && letIn < 65, `${letIn} of 10 ms each: 0.6 of a second`);
      while (root.entries.length > 0) take();
    }
  });
  test('a burst after a pause is one too where those who were the last to wait had begun', () => {
    const { root, come, take, later } = line();
    for (let k = 0; k < 5; k++) come();
    root.runnable = 3;                                                    // of those that have begun and go on
    while (root.entries.length > 0) take();
    root.runnable = 0;
    later(10_000);
    const letIn = Array.from({ length: 80 }, come).filter(Boolean).length;
    assert.ok(letIn > 50, `${letIn} of 10 ms each: 0.6 of a second`);
  });
  test('a queue that stands is kept short, and what is in it waits for a few of its kind', () => {
    const { root, come, take } = line();
    let longest = 0;
    for (let k = 0; k < 300; k++) {
      come(); come(); come();
      take();
      if (k > 100) longest = Math.max(longest, root.entries.length);
    }
    assert.ok(longest <= 9 && longest >= 2, `${longest}`);
  });
  test('who has waited for two and a half turns leaves for the next that comes, while somebody is refused who wants the same processor', () => {
    const [worker, refusals] = [{ stalledAt: -Infinity }, { atMs: -Infinity }];
    const settling = new Settling(worker);
    const scene = line(settling, refusals);
    const { roots, root, admission, come, take } = scene;
    while (come() && root.entries.length < 30);
    for (let k = 0; k < 20; k++) take();                                  // a turn takes 10 ms: it has been seen
    come();
    const upTo = (ms: number) => assert.deepEqual([ms - 2, ms + 2].map((ageMs) => admission.isStale(scene.now, scene.now - ageMs, 1000)), [false, true]);
    upTo(25);
    root.isNewestFirst = true;
    upTo(20);
    root.isNewestFirst = false;
    const sheds = (): boolean => admission.shedsStale(scene.now);
    assert.equal(sheds(), false, 'nobody has been refused');
    refusals.atMs = scene.now - 999;
    assert.equal(sheds(), false, 'more than eight wait, of a route that is alone: a burst that was let in as a whole');
    const other = roots.named('GET /other');
    other.push(new Continuation(() => { /* it waits */ }), 1);
    roots.activate(other);
    scene.later(60);
    come();                                                               // it sees that it is not alone
    refusals.atMs = scene.now - 999;
    assert.equal(sheds(), true, 'beside others it is more likely how an overload begins');
    other.shift();
    roots.pick();
    scene.later(60);
    come();
    while (root.entries.length > 8) take();
    refusals.atMs = scene.now - 999;
    assert.equal(sheds(), true, 'somebody of another route has');
    refusals.atMs = scene.now - 1000;
    assert.equal(sheds(), false, 'not lately');
    refusals.atMs = scene.now;
    root.isAway = true;
    assert.equal(sheds(), false, 'it waits for back lanes');
    root.isAway = false;
    root.gateWait = () => ({ waiting: 1, ms: 100 });
    assert.equal(sheds(), false, 'it waits for a service');
    root.gateWait = undefined;
    settling.began(scene.now);
    worker.stalledAt = scene.now;
    assert.equal(sheds(), false, 'a new route has held up the worker: what gathers is worked off');
    worker.stalledAt = -Infinity;
    const before = admission.refused;
    refusals.atMs = scene.now - 500;
    assert.deepEqual([10, 400].map((ageMs) => admission.takesBack(scene.now, scene.now - ageMs)), [50, 400], 'a new attempt makes sense after as long as it has waited');
    assert.equal(admission.refused, before + 2);
    assert.equal(refusals.atMs, scene.now, 'it goes on');
    while (root.entries.length > 0) take();
    assert.equal(sheds(), false, 'nobody waits');
  });
  test('a root of which somebody is refused keeps for two seconds what it does not use', () => {
    const scene = line();
    scene.come();
    assert.equal(scene.root.claimMs, 0);
    while (scene.come());
    assert.equal(scene.root.claimMs, 60);
    for (const [ms, kept] of [[1999, 60], [2, 0]] as const) {
      scene.later(ms);
      while (scene.root.entries.length > 0) { scene.root.entries.shift(); scene.admission.left(scene.now); }
      scene.come();
      assert.equal(scene.root.claimMs, kept);
    }
  });
});

test('a burst is let in as far as nothing waits beside it, and less the more does', () => {
  const letIn = (beside: number): number => {
    const roots = new Roots();
    const now = sharedNow();
    const fill = (root: ReturnType<typeof roots.named>): void => { root.entries.push({ root, begin: () => { /* it waits */ } }); roots.activate(root); };
    const others = [1, 2, 3, 4].map((k) => roots.named(`GET /${k}`));
    for (const other of others) { other.costUs = 5000; roots.activate(other); times(beside, () => fill(other)); }
    const root = roots.named('GET /burst');
    root.costUs = 5000;
    const admission = new RouteAdmission(root, roots.active);
    for (let k = 0; k < 100; k++) {
      if (admission.arrives(now, 1000) !== undefined) return k;
      fill(root);
    }
    return 100;
  };
  const [none, few, many] = [0, 1, 50].map(letIn) as [number, number, number];
  assert.ok(none > 1.5 * few && few > 3 * many, `${none}, ${few}, ${many}`);
  assert.ok(many >= 2 && many <= 4, `${many}: 0.04 of a second and 0.08 for two, at 25 ms each`);
});
