/** Readings that make no sense, and runs that repeat. Scenarios 15 and 16. */
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { Admission, forecastWait, isStale } from '../../packages/core/src/conductor/admission.ts';
import { Standing } from '../../packages/core/src/conductor/standing.ts';
import { decide, firstState } from '../../packages/core/src/conductor/decide.ts';
import { drain } from '../../packages/core/src/conductor/drain-rates.ts';
import type { Snapshot, Sums } from '../../packages/core/src/conductor/snapshot.ts';
import { Ewma, blend, momentsOf } from '../../packages/worker/src/moments.ts';
import { ResourceGate } from '../../packages/worker/src/resource-gate.ts';
import { Roots } from '../../packages/worker/src/roots.ts';
import { run } from './runs.ts';
import { cpuMix, memio } from './workloads.ts';

test.each([['cpuMix', cpuMix], ['memio', memio]] as const)('%s: the same seed gives the same trace, another one another', (_, workload) => {
  const trace = (seed: number): string[] => run({ workload: workload(4), cores: 4, load: 2, seconds: 1, warmUp: 0, seed, traces: true }).machine.trace;
  const [first, second, other] = [trace(7), trace(7), trace(8)];
  assert.ok(first.length > 1000);
  assert.deepEqual(first, second);
  assert.notDeepEqual(first, other);
});

test('equal passes go in the order in which they came', () => {
  const roots = new Roots<{ attainedUs: number }>();
  const list = ['c', 'a', 'b'].map((name) => roots.named(name));
  for (const root of list) { root.push({ attainedUs: 0 }, 0); roots.activate(root); }
  const order = list.map(() => {
    const root = roots.pick();
    root?.draw();
    root?.shift();
    if (root !== undefined) roots.charge(root, 1);
    return root?.name;
  });
  assert.deepEqual(order, ['c', 'a', 'b']);
});

describe('what makes no sense changes nothing for good', () => {
  test('a clock that jumps back, no time at all, NaN', () => {
    const roots = new Roots<{ attainedUs: number }>();
    const root = roots.named('r');
    const thread = { attainedUs: 5 };
    root.push(thread, 0);
    roots.activate(root);
    for (const ms of [-1e9, 0, NaN]) {
      root.draw();
      root.shift();
      roots.charge(root, ms);
      assert.equal(root.pass, 0);
      assert.equal(thread.attainedUs, 5);
      root.push(thread, 0);
    }
    const known = { taken: 30, ms: 10 };
    assert.equal(drain(known, { count: 5, ms: 0, isBacklogged: true, fairPerMs: NaN }), known);
    assert.equal(drain(known, { count: NaN, ms: 1, isBacklogged: true, fairPerMs: NaN }), known);
    assert.deepEqual(drain({ taken: 0, ms: 0 }, { count: 0, ms: 1, isBacklogged: false, fairPerMs: NaN }), { taken: 0, ms: 0 });
    assert.equal(forecastWait(10, 0, [{ visits: 1, waiting: 5, ratePerMs: 0 }]), 0);
  });

  test('negative changes of memory and values that are no numbers', () => {
    const seen = new Ewma();
    for (const value of [1, NaN, Infinity, 1]) seen.add(value);
    assert.deepEqual([seen.mean, seen.variance, seen.count], [1, 0, 2]);
    assert.deepEqual(momentsOf(0, NaN, NaN), { mean: 0, variance: 0 });
    assert.deepEqual(blend({ mean: 2, variance: 1 }, { mean: 100, variance: 5 }, 0), { mean: 2, variance: 1 });
    const gate = new ResourceGate<number>(1e9);
    gate.inside = 1;
    gate.read(NaN);
    gate.read(-5);
    for (const mean of [NaN, -1e12]) gate.keep(gate.reserve({ mean, variance: NaN }));
    gate.read(0);
    assert.equal(gate.promisedKib, 0);
    assert.equal(gate.hasRoom({ mean: 0.8e9, variance: 0 }), true);
  });

  test('a conductor that is shown nonsense goes on deciding', () => {
    const sums = (count: number, sum: number): Sums => ({ count, sum, squares: sum * sum });
    const snapshot = (atMs: number, count: number, sum: number): Snapshot => ({
      atMs, workers: 2,
      edges: [{ from: 1, to: 2, count, timeMs: sums(count, sum), growth: { heap: sums(count, -sum), bytes: sums(count, NaN) } }, { from: 2, to: 1, count, timeMs: sums(count, sum), growth: {} }],
      nodes: [{ node: 2, isDownstream: true, done: count, waits: count, waiting: 0, inUse: 8, areaMs: sum }],
      roots: [{ name: 'r', start: 1, tickets: 1, queued: 3, started: count, live: 1, ownMs: sums(count, sum), usedMs: [sum, sum], isRunnable: [true, false] }],
      resources: [{ resource: 'heap', used: NaN, limit: 100 }, { resource: 'bytes', used: 5, limit: 0 }],
    });
    let state = firstState(0);
    for (const [atMs, count, sum] of [[50, 10, 5], [50, 10, 5], [40, 20, 9], [100, 3, 1], [150, 1000, NaN], [200, 2000, 100]] as const) {
      const result = decide(snapshot(atMs, count, sum), state);
      state = result.state;
      const root = result.plan.roots.get('r');
      assert.ok(root !== undefined && root.drainPerMs >= 0 && Number.isFinite(root.ownMs.mean) && root.tickets > 0, JSON.stringify(root));
      for (const { tickets, window } of result.plan.nodes.values()) assert.ok(tickets > 0 && (window === undefined || window >= 1), `${tickets} ${window}`);
    }
  });

  test('decide changes neither what it is given nor what it remembers', () => {
    const freeze = <T>(value: T): T => {
      if (typeof value === 'object' && value !== null) { Object.freeze(value); for (const one of value instanceof Map ? value.values() : Object.values(value)) freeze(one); }
      return value;
    };
    const read = (k: number): Snapshot => freeze({
      atMs: k * 50, workers: 1, edges: [{ from: 1, to: 2, count: k * 40, timeMs: { count: k, sum: k, squares: k }, growth: { heap: { count: k, sum: k * 1000, squares: k * 1e6 } } }],
      nodes: [{ node: 2, isDownstream: true, done: k * 40, waits: k, waiting: 1, inUse: 8, areaMs: k * 500 }],
      roots: [{ name: 'r', start: 1, tickets: 2, queued: 1, started: k, live: 1, ownMs: { count: k, sum: k, squares: k }, usedMs: [k], isRunnable: [true] }],
      resources: [{ resource: 'heap' as const, used: 900, limit: 1000 }],
    });
    let state = firstState(0);
    for (let k = 1; k < 10; k++) {
      const before = freeze(state);
      const once = decide(read(k), before);
      assert.deepEqual(decide(read(k), before), once);
      state = once.state;
    }
  });
});

test('who is refused is told when to come back; a probe goes through now and then', () => {
  const admission = new Admission();
  const arrival = { arrivedAtMs: 0, deadlineMs: 100, waitMs: 200, waiting: 100, workers: 2, ownMs: { mean: 10, variance: 25 } };
  assert.equal(admission.judge({ ...arrival, nowMs: 0 }), undefined, 'the first is a probe');
  assert.equal(admission.judge({ ...arrival, nowMs: 50, arrivedAtMs: 50 }), 200);
  assert.equal(admission.judge({ ...arrival, nowMs: 799, arrivedAtMs: 799 }), 200);
  assert.equal(admission.judge({ ...arrival, nowMs: 801, arrivedAtMs: 801 }), undefined, 'the next, after four times the wait');
  assert.equal(admission.judge({ ...arrival, nowMs: 102, arrivedAtMs: 102, waiting: 2 }), undefined, 'no more wait than there are workers');
  assert.equal(admission.judge({ ...arrival, nowMs: 102, arrivedAtMs: 102, waitMs: 0 }), undefined);
  assert.equal(admission.judge({ ...arrival, nowMs: 102, arrivedAtMs: 102, deadlineMs: Infinity }), undefined, 'without a deadline nothing is refused');
  assert.equal(admission.judge({ ...arrival, nowMs: 102, arrivedAtMs: 102, waitMs: 25 }), undefined, '0.3 of the 85 ms that are left');
  assert.equal(admission.judge({ ...arrival, nowMs: 102, arrivedAtMs: 102, waitMs: 26 }), 50);
  assert.deepEqual([admission.admitted, admission.refused, admission.probed], [6, 3, 2]);
});

test('a queue that stands is kept short; a burst may wait for longer, by the wait that its share would mean', () => {
  const admission = new Admission();
  const arrival = { nowMs: 1000, arrivedAtMs: 1000, deadlineMs: 1100, waitMs: 5000, waiting: 100, workers: 1, ownMs: { mean: 100, variance: 0 } };
  assert.equal(admission.judge(arrival), undefined, 'a probe');
  const judge = (stands: boolean, waitMs: number, fairWaitMs: number, share = 1, isAway = false, waiting = 100, ofOwn = share) => admission.judge({ ...arrival, waitMs, waiting, queue: { stands, isAway, isGated: false, share, ofOwn, fairWaitMs } });
  assert.equal(judge(false, 5000, 600), undefined, '0.6 of the 1000 ms that are left');
  assert.notEqual(judge(false, 5000, 601), undefined);
  const upTo = (most: number, judged: (ms: number) => unknown) => assert.deepEqual([most, most + 1].map((ms) => judged(ms) === undefined), [true, false]);
  upTo(150, (ms) => judge(false, 5000, ms, 0.5));                       // where as much waits beside it a quarter of that
  upTo(600, (ms) => judge(false, 5000, ms, 0.5, false, 100, 1)); // and where nothing waits beside it all, though others run
  upTo(40, (ms) => judge(false, 5000, ms, 0.2));                        // 0.04 at least
  upTo(80, (ms) => judge(false, 5000, ms, 0.2, false, 2));       // or 0.08 where two wait
  upTo(300, (ms) => judge(false, 5000, ms, 0.5, true));                 // back lanes: half of the 600 where another has the other half
  upTo(80, (ms) => judge(false, 5000, ms, 0.1, true));                  // and 0.08 at least
  for (let k = 0; k < 100; k++) judge(true, 1, 1);
  upTo(150, (ms) => judge(false, 5000, ms, 0.1, true, 4));       // or 0.15 where four wait
  for (let k = 0; k < 100; k++) judge(true, 5000, 5000);
  assert.equal(judge(true, 30, 5000), undefined, '0.03 of them, where most are refused');
  assert.notEqual(judge(true, 31, 1), undefined, 'it stands: what was seen of it counts');
  const behind = (waiting: number, isGated = false) => admission.judge({ ...arrival, waiting, waitMs: 250, queue: { stands: true, isAway: false, isGated, share: 1, ofOwn: 1, fairWaitMs: 250 } });
  assert.equal(behind(2) === undefined, false, 'where most are refused one may wait, and no second');
  assert.equal(behind(2, true) === undefined, true, 'but before a window');
  assert.notEqual(judge(false, 31, 1), undefined, 'it stands, though it has been empty for an instant');
  assert.equal(admission.judge({ ...arrival, nowMs: 1400, arrivedAtMs: 1400, deadlineMs: 2500, waitMs: 1, queue: { stands: false, isAway: false, isGated: false, share: 1, ofOwn: 1, fairWaitMs: 290 } }), undefined, 'nobody has been refused for a while: what comes now is a burst');
  for (let k = 0; k < 48; k++) judge(true, 1, 1);
  assert.deepEqual([2, 3].map((waiting) => behind(waiting) === undefined), [true, false], 'where a third are, two may wait for a quarter of it all the same');
  for (let k = 0; k < 58; k++) judge(true, 1, 1);
  for (let k = 0; k < 3; k++) judge(true, 5000, 5000);                   // of those who came lately a third were refused, and of the last few a sixth
  assert.deepEqual([4, 5].map((waiting) => behind(waiting) === undefined), [true, false], 'and four where fewer are refused');
  for (let k = 0; k < 100; k++) judge(true, 1, 1);
  for (let k = 0; k < 6; k++) judge(true, 5000, 5000);
  assert.deepEqual([79, 81].map((ms) => judge(true, ms, 1) === undefined), [true, false], '0.08 in one burst of refusals');
  for (let k = 0; k < 100; k++) judge(true, 1, 1);
  assert.deepEqual([290, 301].map((ms) => judge(true, ms, 1) === undefined), [true, false], 'and 0.3 where hardly one is');
  for (let k = 0; k < 100; k++) judge(true, 1, 1);
  assert.deepEqual([540, 551].map((ms) => judge(true, ms, 1, 1, true) === undefined), [true, false], 'or 0.55 where it waits for back lanes');
  for (let k = 0; k < 100; k++) judge(true, 5000, 5000, 1, true);
  assert.deepEqual([30, 31].map((ms) => judge(true, ms, 1, 1, true) === undefined), [true, false], 'but no longer than others where most are refused');
});

test('who has waited longest leaves instead of the newcomer while a refusal is soon; where many are refused always, and who came last begins first', () => {
  const admission = new Admission();
  const judge = (waitMs: number) => admission.judge({ nowMs: 1000, arrivedAtMs: 1000, deadlineMs: 1100, waitMs, waiting: 5, workers: 1, ownMs: { mean: 10, variance: 0 } });
  const leaves = (deadlineMs: number, waiting = 8) => [6, 8, 20, 80].map((ageMs) => admission.leavesInstead(1000, ageMs, deadlineMs, waiting) && !admission.leavesInstead(1000, ageMs + 1, deadlineMs, waiting));
  judge(1);
  assert.deepEqual([leaves(75), leaves(1000)], [[true, false, false, false], [false, false, true, false]], 'no longer than in a queue that stands');
  assert.equal(admission.takesNewest(1000, 1), false);
  for (let k = 0; k < 50; k++) judge(5000);
  assert.deepEqual([8, 9].map((waiting) => admission.takesNewest(1000, waiting)), [true, false], 'of a long queue the oldest: it was let in as a whole');
  assert.equal(admission.leavesInstead(1000, 10_000, 1000, 8), true);
  assert.deepEqual(leaves(10_000, 9), [false, false, true, false]);
  for (let k = 0; k < 100; k++) judge(1);
  assert.equal(admission.takesNewest(1000, 2), false, 'hardly anybody is refused any longer');
  for (let k = 0; k < 5; k++) judge(5000);
  assert.equal(admission.takesNewest(1000, 2), false, 'five in a row may be chance');
  for (let k = 0; k < 4; k++) judge(5000);
  assert.equal(admission.takesNewest(1000, 2), true);
  assert.deepEqual([1300, 1301].map((nowMs) => admission.takesNewest(nowMs, 2)), [true, false], 'nobody has been refused for a while');
});

test('where somebody is refused nobody waits for longer than two and a half turns take, or one and a half; of a long turn, than half of the deadline', () => {
  const upTo = (deadlineMs: number, turnMs: number, isNewestFirst: boolean, most: number) => assert.deepEqual([most, most + 1].map((ageMs) => isStale(ageMs, deadlineMs, turnMs, isNewestFirst)), [false, true]);
  for (const [deadlineMs, turnMs, few, many] of [[1000, 5, 20, 20], [1000, 30, 75, 45], [1000, 500, 500, 500], [30, 500, 15, 15], [1000, Infinity, 500, 500], [Infinity, 40, 100, 60]] as const) {
    upTo(deadlineMs, turnMs, false, few);
    upTo(deadlineMs, turnMs, true, many);
  }
});

test('one that was let in and is refused after all counts like one that was refused at once', () => {
  const judge = (admission: Admission, waitMs: number) => admission.judge({ nowMs: 1000, arrivedAtMs: 1000, deadlineMs: 1100, waitMs, waiting: 5, workers: 1, ownMs: { mean: 10, variance: 0 } });
  const found = Array.from({ length: 16 }, (_, refused) => {
    const [atOnce, later] = [new Admission(), new Admission()];
    judge(atOnce, 1);
    judge(later, 1);
    for (let k = 0; k < refused; k++) { judge(atOnce, 5000); judge(later, 1); later.takesBack(); }
    const [first, second] = [atOnce, later].map((admission) => { judge(admission, 5000); return [admission.takesNewest(1000, 1), admission.admitted, admission.refused]; });
    assert.deepEqual(second, first);
    return second?.[0];
  });
  assert.ok(found.includes(true) && found.includes(false));
});

test('a probe goes through only where nobody else does', () => {
  const admission = new Admission();
  const arrival = { deadlineMs: 100, workers: 1, ownMs: { mean: 10, variance: 0 } };
  const judge = (nowMs: number, waitMs: number) => admission.judge({ ...arrival, nowMs, arrivedAtMs: nowMs, waitMs, waiting: 5 });
  assert.equal(judge(1000, 10), undefined);
  for (let k = 1; k < 50; k++) {
    assert.notEqual(judge(1000 + 20 * k, 60), undefined, `${k}: somebody went 20 ms before`);
    assert.equal(judge(1000 + 20 * k, 10), undefined);
  }
  assert.equal(admission.probed, 0);
  assert.equal(judge(1000 + 20 * 49 + 241, 60), undefined, 'nobody for four times the wait');
  assert.equal(admission.probed, 1);
});

describe('a queue stands', () => {
  /** For so long somebody waits for the part of each millisecond. */
  const pass = (standing: Standing, fromMs: number, forMs: number, part: number): void => {
    for (let now = fromMs; now < fromMs + forMs; now += 10) { standing.note(now, true); standing.note(now + 10 * part, false); }
    standing.note(fromMs + forMs, false);
  };
  test('in which somebody waits nearly all the time, and not one with bursts', () => {
    const standing = new Standing();
    pass(standing, 0, 10_000, 0.6);
    assert.equal(standing.stands, false);
    pass(standing, 10_000, 1000, 0.9);
    assert.equal(standing.stands, true);
  });
  test('until it is empty for longer than for an instant', () => {
    const standing = new Standing();
    pass(standing, 0, 1000, 1);
    pass(standing, 1000, 10_000, 0.5);
    assert.equal(standing.stands, true, 'those who are refused keep it so');
    pass(standing, 11_000, 1000, 0.2);
    assert.equal(standing.stands, false);
  });
  test('of long ones no sooner than after a few of them', () => {
    const standing = new Standing();
    for (let now = 0; now <= 500; now += 50) standing.note(now, true, 100);
    assert.equal(standing.stands, false);
    for (let now = 550; now <= 700; now += 50) standing.note(now, true, 100);
    assert.equal(standing.stands, true);
  });
  test('no sooner than after four tenths of a second, and not after a long time in which nothing came', () => {
    const standing = new Standing();
    standing.note(0, true);
    standing.note(400, true);
    assert.equal(standing.stands, false);
    standing.note(430, true);
    assert.equal(standing.stands, true);
    standing.note(440, false);
    standing.note(10_000, true);
    assert.equal(standing.stands, false);
  });
});
