/** The parts of the conductor's mind, one by one. What they are worth together is in test/simulation. */
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { NOTHING } from '@capriccio/worker';
import { decide, firstState } from '../../../packages/core/src/conductor/decide.ts';
import { growthToEnd, nextGrowth, observe, visitsOf, waysOut } from '../../../packages/core/src/conductor/forecast.ts';
import { presenceOf, rebalance, smoothed } from '../../../packages/core/src/conductor/rebalance.ts';
import type { EdgeReading, Snapshot } from '../../../packages/core/src/conductor/snapshot.ts';
import { calm, watch } from '../../../packages/core/src/conductor/thrash.ts';
import { nodeTickets } from '../../../packages/core/src/conductor/tickets.ts';

const MIB = 2 ** 20;
const sums = (count: number, mean: number, sd = 0) => ({ count, sum: count * mean, squares: count * (mean * mean + sd * sd) });
const edge = (from: number, to: number, count: number, heap: number, sd = 0): EdgeReading => ({ from, to, count, timeMs: sums(count, 1), growth: { heap: sums(count, heap, sd) } });

describe('forecasts', () => {
  /** Start 1 takes 1 MiB; of four at 2 one goes by 3, which takes 24 MiB; all give back at the end. */
  const ways = waysOut(observe(new Map(), [edge(1, 2, 1000, MIB), edge(2, 0, 750, -MIB), edge(2, 3, 250, 24 * MIB), edge(3, 0, 250, -25 * MIB)]));

  test('what the next edge takes, by what usually follows', () => {
    const next = nextGrowth(ways, 'heap');
    assert.equal(next.get(1)?.mean, MIB);
    assert.equal(next.get(2)?.mean, 6 * MIB);
    assert.ok(Math.abs(Math.sqrt(next.get(2)?.variance ?? 0) - 24 * MIB * Math.sqrt(0.25 * 0.75)) < 1);
    assert.deepEqual(next.get(3), NOTHING, 'who gives back takes nothing');
  });
  test('what is taken to the end', () => {
    assert.equal(growthToEnd(ways, 'heap').get(1)?.mean, 7 * MIB);
    assert.equal(growthToEnd(ways, 'external').get(1), undefined, 'nobody takes any');
  });
  test('how often a node is met, in a circle too', () => {
    assert.equal(visitsOf(ways, 3).get(1), 0.25);
    const circle = waysOut(observe(new Map(), [edge(1, 2, 100, 0), edge(2, 2, 100, 0), edge(2, 0, 100, 0)]));
    assert.ok(Math.abs((visitsOf(circle, 2).get(1) ?? 0) - 2) < 0.001);
  });
  test('follow what changes: of a hundred new passages the old ones weigh little', () => {
    const first = observe(new Map(), [edge(1, 2, 1000, MIB)]);
    const read = edge(1, 2, 1100, 0);
    const changed = observe(first, [{ ...read, growth: { heap: { count: 1100, sum: 1000 * MIB + 100 * 3 * MIB, squares: 1000 * MIB ** 2 + 100 * 9 * MIB ** 2 } } }]);
    const { mean } = nextGrowth(waysOut(changed), 'heap').get(1) as { mean: number };
    assert.ok(mean > 2.6 * MIB && mean < 3 * MIB, String(mean / MIB));
  });
});

describe('tickets of nodes', () => {
  const short = { use: 1.1 };
  test('who takes what is short has a quarter, who gives it back four times the share, a step of two a look', () => {
    let [takes, gives] = [1, 1];
    for (const [wantTakes, wantGives] of [[0.5, 2], [0.25, 4], [0.25, 4]] as const) {
      takes = nodeTickets(takes, [{ ...short, growth: 0.01 }]);
      gives = nodeTickets(gives, [{ ...short, growth: -0.01 }]);
      assert.deepEqual([takes, gives], [wantTakes, wantGives]);
    }
    assert.deepEqual([nodeTickets(takes, [{ use: 0.5, growth: 0.01 }]), nodeTickets(gives, [])], [0.5, 2], 'and back when nothing is short');
  });
  test('who takes one and gives back another that is short, takes', () => { assert.equal(nodeTickets(1, [{ ...short, growth: 0.01 }, { ...short, growth: -0.5 }]), 0.5); });
});

describe('thrash', () => {
  const reading = (concurrency: number, perMs: number, dispersion: number) => ({ concurrency, perMs, dispersion, use: 0.9 });
  test('more threads, less done, times that differ more: the mark falls at once and comes back slowly', () => {
    let state = calm;
    for (const one of [reading(100, 10, 1), reading(110, 9.8, 1.4), reading(120, 9.6, 1.8)]) { state = watch(state, one); assert.equal(state.isThrashing, false); }
    state = watch(state, reading(130, 9, 2.2));
    assert.equal(state.isThrashing, true);
    assert.equal(state.mark, 0.75);
    state = watch(state, reading(100, 10, 1));
    assert.ok(Math.abs(state.mark - 0.77) < 1e-9);
  });
  test.each([
    ['throughput that holds', [reading(100, 10, 1), reading(130, 10, 3), reading(130, 10, 3), reading(130, 10, 3)]],
    ['concurrency that holds', [reading(100, 10, 1), reading(100, 8, 3), reading(100, 8, 3), reading(100, 8, 3)]],
    ['times that are as they were', [reading(100, 10, 1), reading(130, 8, 1), reading(130, 8, 1), reading(130, 8, 1)]],
    ['a resource that is hardly used', [1, 2, 3, 4].map((k) => ({ ...reading(100 + 10 * k, 10 - k, k), use: 0.2 }))],
  ])('%s is none', (_, readings) => {
    let state = calm;
    for (const one of readings) { state = watch(state, one); assert.equal(state.isThrashing, false); }
  });
});

describe('balance across cores', () => {
  /** Two roots on two workers; `b` has work on the second alone. Each worker is shared by tickets. */
  const settle = (steps: number): number[] => {
    let factors = [1, 1];
    let used = [[0, 0], [0, 0]];
    for (let k = 0; k < steps; k++) {
      const [a, b] = factors as [number, number];
      used = [[1, a / (a + b)], [0, b / (a + b)]];
      factors = rebalance(factors, used.map((usedMs, root) => ({ tickets: 1, usedMs, presence: root === 0 ? [1, 1] : [0, 1] })));
    }
    return used.map((usedMs) => usedMs.reduce((sum, ms) => sum + ms, 0));
  };
  test('a root that has work on one core only gets its share of both', () => {
    assert.deepEqual(settle(1), [1.5, 0.5], 'by tickets on each worker alone');
    const [a, b] = settle(100) as [number, number];
    assert.ok(b > 0.9 && a < 1.1, `${a.toFixed(2)} and ${b.toFixed(2)}`);
  });
  test('noise moves no factor for good', () => {
    const tickets = [1, 2, 4];
    let factors = tickets.map(() => 1);
    let seed = 1;
    const random = (): number => (seed = seed * 48_271 % 2_147_483_647) / 2_147_483_647;
    let farthest = 1;
    for (let k = 0; k < 5000; k++) {
      const weights = tickets.map((count, root) => count * (factors[root] as number) * (0.6 + 0.8 * random()));
      const sum = weights.reduce((total, weight) => total + weight, 0);
      factors = rebalance(factors, weights.map((weight, root) => ({ tickets: tickets[root] as number, usedMs: [50 * weight / sum, 50 * weight / sum], presence: [1, 0.4] })));
      if (k > 100) farthest = Math.max(farthest, ...factors, ...factors.map((factor) => 1 / factor));
    }
    assert.ok(farthest < 4, `a factor of ${farthest.toFixed(1)}`);
    assert.ok(farthest > 1);
  });
  test('who has work on all cores has his part on each, and who has it now and then what he wants: none has more for what half a second shows by chance', () => {
    const dice = [[30, 2], [1, 4], [9, 9]];
    for (const presence of [[1, 0.9], [0.8, 0.7], [0.7, 0.1]]) {
      let factors = [4, 1, 0.5];
      for (let k = 0; k < 3; k++) factors = rebalance(factors, dice.map((usedMs) => ({ tickets: 1, usedMs, presence })));
      assert.deepEqual(factors, [1, 1, 1]);
    }
    assert.notDeepEqual(rebalance([1, 1, 1], dice.map((usedMs) => ({ tickets: 1, usedMs, presence: [0.8, 0.3] }))), [1, 1, 1]);
  });
  test('where it has work is told over half a second', () => {
    let presence = 0;
    for (let ms = 0; ms < 500; ms += 50) presence = presenceOf(presence, true, 50);
    assert.ok(Math.abs(presence - 0.65) < 0.01, `${presence}`);
    for (let ms = 0; ms < 500; ms += 5) presence = presenceOf(presence, false, 5);
    assert.ok(Math.abs(presence - 0.65 * 0.35) < 0.01, `${presence}`);
  });
  test('what was used is smoothed over half a second, whatever the periods', () => {
    const after = (periodMs: number): number => {
      let used = 0;
      for (let ms = 0; ms < 500; ms += periodMs) used = smoothed(used, periodMs * 0.4, periodMs);
      return used;
    };
    assert.ok(Math.abs(after(50) - 13) < 0.5 && Math.abs(after(5) - after(50)) < 1e-9, `${after(50).toFixed(2)}, ${after(5).toFixed(2)} of 20`);
    assert.equal(smoothed(3, 5, 0), 3);
  });
  test('who wants less than its share has what it wants, and nothing moves', () => {
    assert.deepEqual(rebalance([1, 1], [{ tickets: 1, usedMs: [9, 9], presence: [1, 1] }, { tickets: 1, usedMs: [1, 1], presence: [0, 0] }]), [1, 1]);
  });
});

test('every decision in force is said in words', () => {
  const at = (k: number): Snapshot => ({
    atMs: k * 50, workers: 1,
    edges: [edge(1, 2, k * 100, 10 * MIB), edge(2, 3, k * 100, -10 * MIB)],
    nodes: [{ node: 1, isDownstream: false, done: 0, waits: 0, waiting: 0, inUse: 8, areaMs: 0 }, { node: 2, isDownstream: true, done: k * 100, waits: k * 5, waiting: 7, inUse: 8, areaMs: k * 800 }],
    roots: [{ name: 'GET /', start: 1, tickets: 1, queued: 4, started: k * 100, live: 9, ownMs: sums(k * 90, 5), usedMs: [k * 40], isRunnable: [true] }],
    resources: [{ resource: 'heap', used: 95 * MIB, limit: 100 * MIB }],
  });
  let state = firstState(0);
  let decided = decide(at(1), state);
  for (let k = 1; k < 6; k++) { decided = decide(at(k), state); state = decided.state; }
  const words = decided.plan.decisions.map(({ what, about, why }) => `${what} ${about}: ${why}`);
  for (const pattern of [/^window 2: at most \d+ threads/, /^tickets 1: .*25 % of the share/, /^tickets 2: .*4 times the share/, /^mark heap: 95\.0 MiB of 100\.0 MiB/, /^hold GET \/: each takes 10\.0 MiB/]) {
    assert.ok(words.some((line) => pattern.test(line)), `${String(pattern)} in\n${words.join('\n')}`);
  }
});
