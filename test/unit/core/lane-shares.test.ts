/** Whose request is handed over to the back lanes next. */
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { LaneShares } from '../../../packages/core/src/serve/lane-shares.ts';

interface Route { readonly name: string; readonly ms: number; tickets: number; wantsLane: boolean; usedMs: number; turns: number }
const route = (name: string, ms: number, tickets = 1): Route => ({ name, ms, tickets, wantsLane: true, usedMs: 0, turns: 0 });

/** One place, for which all ask in the order of the list: who is next has it. Its answer comes `late` hand-overs later. */
function share(routes: readonly Route[], turns: number, late = 0): void {
  const shares = new LaneShares<Route>();
  const away: { one: Route; paidMs: number }[] = [];
  for (let k = 0; k < turns; k++) {
    for (const one of routes) if (one.wantsLane) shares.wait(one);
    const next = routes.find((one) => one.wantsLane && shares.isNext(one)) as Route;
    away.push({ one: next, paidMs: shares.handOver(next) });
    next.turns++;
    if (away.length <= late) continue;
    const { one, paidMs } = away.shift() as typeof away[number];
    one.usedMs += one.ms;
    shares.answered(one, one.ms, paidMs);
  }
}
const partsOf = (routes: readonly Route[]): number[] => {
  const all = routes.reduce((sum, { usedMs }) => sum + usedMs, 0);
  return routes.map(({ usedMs }) => usedMs / all);
};

describe('time is shared, not turns', () => {
  test.each([['at once', 0], ['two later', 2], ['four later', 4]])('answers come %s', (_, late) => {
    const routes = [route('light', 2), route('wait', 2), route('page', 4), route('search', 7), route('report', 21)];
    share(routes, 2000, late);
    for (const part of partsOf(routes)) assert.ok(Math.abs(part - 0.2) <= 0.01, `${partsOf(routes)}`);
  });
  test('by tickets', () => {
    const routes = [route('a', 3, 1), route('b', 20, 2), route('c', 1, 5)];
    share(routes, 4000, 2);
    for (const [k, due] of [1 / 8, 2 / 8, 5 / 8].entries()) assert.ok(Math.abs((partsOf(routes)[k] as number) - due) <= 0.02, `${partsOf(routes)}`);
  });
});

test('who did not wait has saved nothing up, and owes what it owed', () => {
  const [often, seldom] = [route('often', 5), route('seldom', 5)];
  seldom.wantsLane = false;
  const shares = new LaneShares<Route>();
  for (let k = 0; k < 100; k++) { shares.wait(often); assert.ok(shares.isNext(often)); shares.answered(often, 5, shares.handOver(often)); }
  seldom.wantsLane = true;
  let ofSeldom = 0;
  for (let k = 0; k < 100; k++) {
    for (const one of [often, seldom]) shares.wait(one);
    const next = shares.isNext(seldom) ? seldom : often;
    if (next === seldom) ofSeldom++;
    shares.answered(next, 5, shares.handOver(next));
  }
  assert.ok(Math.abs(ofSeldom - 50) <= 2, `${ofSeldom} of 100 turns`);
});

test('who waits and may not begin for another reason keeps nobody', () => {
  const [full, other] = [route('full', 5), route('other', 5)];
  const shares = new LaneShares<Route>();
  shares.answered(other, 5, shares.handOver(other));
  shares.wait(full);
  shares.wait(other);
  assert.equal(shares.isNext(other), false);
  assert.equal(shares.isNext(full), true);
  full.wantsLane = false;                                                // its requests would not fit into memory
  assert.equal(shares.isNext(other), true);
});

test('nobody waits: whoever comes may go, however much it has had', () => {
  const one = route('one', 5);
  const shares = new LaneShares<Route>();
  for (let k = 0; k < 10; k++) { assert.equal(shares.isNext(one), true); shares.handOver(one); }
  shares.wait(one);
  shares.leave(one);
  assert.deepEqual([...shares.waiting], []);
});

test('what was paid for a request that no lane has answered is given back; it does not go before those that wait', () => {
  const [a, b] = [route('a', 10), route('b', 10)];
  const shares = new LaneShares<Route>();
  for (const one of [a, b]) shares.answered(one, 10, shares.handOver(one));
  const paid = [shares.handOver(a), shares.handOver(a)];
  assert.deepEqual(paid, [10, 10]);
  for (const one of [a, b]) shares.wait(one);
  assert.equal(shares.isNext(a), false);
  for (const ms of paid) shares.failed(a, ms);
  assert.equal(shares.meanMsOf(a), 10);
  let ofA = 0;
  for (let k = 0; k < 20; k++) {
    for (const one of [a, b]) shares.wait(one);
    const next = shares.isNext(a) ? a : b;
    if (next === a) ofA++;
    shares.answered(next, 10, shares.handOver(next));
  }
  assert.ok(Math.abs(ofA - 10) <= 1, `${ofA} of 20 turns`);
});
