import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { test } from 'vitest';
import { PassHeap, type Seat } from '../../../packages/worker/src/pass-heap.ts';
import { charge, join, refund } from '../../../packages/worker/src/stride.ts';

interface Client extends Seat { used: number; turns: number }
const client = (tickets: number): Client => ({ tickets, pass: 0, seat: -1, order: 0, used: 0, turns: 0 });
const least = (clients: readonly Client[]): Client | undefined => {
  const heap = new PassHeap<Client>();
  for (const one of clients) heap.push(one);
  return heap.top;
};

/** Runs turns of `msOf` milliseconds until `totalMs` have been used. @returns the pass of who ran last */
function run(clients: readonly Client[], totalMs: number, msOf: (turn: number) => number = () => 1): number {
  let globalPass = 0;
  for (let used = 0, turn = 0; used < totalMs; turn++) {
    const next = least(clients) as Client;
    const ms = msOf(turn);
    globalPass = next.pass;
    charge(next, ms);
    next.used += ms;
    next.turns++;
    used += ms;
  }
  return globalPass;
}

test('shares follow tickets, to a turn for each client', () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 12 }), (tickets) => {
    const clients = tickets.map(client);
    const sum = tickets.reduce((a, b) => a + b, 0);
    run(clients, 5_000);
    for (const { tickets: own, turns } of clients) assert.ok(Math.abs(turns - 5_000 * own / sum) <= clients.length, `${turns} turns for ${own} of ${sum} tickets`);
  }), { numRuns: 50 });
});

test('time is shared, not turns: who runs long turns has fewer', () => {
  const [long, short] = [client(1), client(1)];
  for (let used = 0; used < 10_000;) {
    const next = least([long, short]) as Client;
    const ms = next === long ? 5 : 0.25;
    charge(next, ms);
    next.used += ms;
    next.turns++;
    used += ms;
  }
  assert.ok(Math.abs(long.used - short.used) <= 5, `${long.used} ms and ${short.used} ms`);
  assert.ok(short.turns > 15 * long.turns);
});

test('who joins late gets no credit for the time before', () => {
  const [early, late] = [client(1), client(1)];
  const globalPass = run([early], 1_000);
  join(late, globalPass);
  const before = early.turns;
  run([early, late], 100);
  assert.ok(Math.abs(late.turns - 50) <= 1, `${late.turns} of 100 turns`);
  assert.ok(Math.abs(early.turns - before - 50) <= 1);
});

test('who left in debt still owes when it comes back', () => {
  const [debtor, other] = [client(1), client(1)];
  charge(debtor, 100);
  const globalPass = run([other], 10);
  join(debtor, globalPass);
  run([debtor, other], 100);
  assert.ok(debtor.turns <= 6, `it owed 90 ms of 100 and had ${debtor.turns}`);
});

test('the heap has least pass first through any coming, going and charging, equals in the order in which they came', () => {
  fc.assert(fc.property(fc.array(fc.record({ what: fc.constantFrom('come', 'go', 'charge'), which: fc.nat(9), ms: fc.integer({ min: 0, max: 5 }) }), { maxLength: 200 }), (steps) => {
    const heap = new PassHeap<Client>();
    const all = Array.from({ length: 10 }, () => client(1));
    for (const { what, which, ms } of steps) {
      const one = all[which] as Client;
      if (what === 'come' && one.seat < 0) heap.push(one);
      else if (what === 'go' && one.seat >= 0) heap.remove(one);
      else if (what === 'charge') { charge(one, ms); if (one.seat >= 0) heap.sink(one); }
      const inside = all.filter(({ seat }) => seat >= 0).toSorted((a, b) => a.pass - b.pass || a.order - b.order);
      assert.equal(heap.top, inside[0]);
      assert.equal(heap.items.length, inside.length);
      for (const [seat, item] of heap.items.entries()) assert.equal(item.seat, seat);
    }
  }), { numRuns: 200 });
});

test('nobody to choose from gives nobody, equals go in order', () => {
  assert.equal(least([]), undefined);
  const [first, second] = [client(1), client(1)];
  assert.equal(least([first, second]), first);
});

test('what is given back was paid; by it nobody comes before those that wait', () => {
  const [a, b] = [client(2), client(2)];
  charge(a, 10);
  charge(a, 7);
  charge(b, 10);
  refund(a, 7, 0);
  assert.equal(a.pass, b.pass);
  refund(a, 100, b.pass / 2);
  assert.equal(a.pass, b.pass / 2);
  refund(a, 100, b.pass);
  assert.equal(a.pass, b.pass / 2, 'who stands before the global pass stays there');
  for (const none of [0, -1, NaN]) refund(a, none, 0);
  assert.equal(a.pass, b.pass / 2);
});
