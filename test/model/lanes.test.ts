import assert from 'node:assert/strict';
import { model, tinyLayout } from './harness.ts';
import type { Control } from './explore.ts';
import type { Shared } from './mutant.ts';
import type { Memory } from '@capriccio/shared';

/** Looks names up, one after the other. */
const looks = (S: Shared, ...names: string[]) => (memory: Memory): number[] => names.map((name) => S.lanes.verdictWordOf(memory, name));

/** Two names whose first hashes are equal: they meet in every row. */
const A = 'n17033';
const B = 'n53646';

/** What the table says of names when everybody has gone: a survivor walks by. */
const settled = (S: Shared, memory: Memory, names: readonly string[]): number[] => names.map((name) => S.lanes.verdictWordOf(memory, name));

model('lanes: one row a name, whoever is killed while it is made', { bound: 2, kills: 1 }, (S) => ({
  layout: tinyLayout(S),
  threads: [looks(S, A, B), looks(S, B, A), looks(S, A)],
  check(results: unknown[], memory) {
    const [a, b] = settled(S, memory, [A, B]) as [number, number];
    assert.ok(a !== 0 && b !== 0);
    assert.notEqual(a, b, 'two names share a verdict');
    const [first, second, third] = results as (number[] | undefined)[];
    if (first !== undefined) assert.deepEqual(first, [a, b]);
    if (second !== undefined) assert.deepEqual(second, [b, a]);
    if (third !== undefined) assert.deepEqual(third, [a]);
  },
}), [
  { file: 'lanes.ts', from: 'if (owner === check) return row + 2;', to: 'return row + 2;', finds: /share a verdict|deepEqual|strictly/ },
]);

model('lanes: no change of a verdict is lost', { bound: 3 }, (S) => {
  const adds = (memory: Memory): void => {
    const word = S.lanes.verdictWordOf(memory, 'a');
    for (let k = 0; k < 2; k++) S.lanes.changeVerdict(memory, word, (verdict) => verdict + 1);
  };
  return {
    layout: tinyLayout(S, 2),
    threads: [adds, adds],
    check(_, memory) { assert.equal(S.lanes.readVerdict(memory, S.lanes.verdictWordOf(memory, 'a')), 4); },
  };
}, [
  { file: 'lanes.ts', from: 'if (after === before || Atomics.compareExchange(words, word, before, after) === before) return { before, after };', to: 'Atomics.store(words, word, after); return { before, after };', finds: /4/ },
]);

/** A back lane takes `count` tasks from its ring, parking in between; it is not in the idle mask. */
const backLane = (S: Shared, id: number, count: number) => (memory: Memory): number => {
  S.lanes.joinBack(memory, id);
  const claims = S.makeClaims(1);
  let taken = 0;
  const has = (): boolean => S.waiting(memory, 0, 1) > 0;
  while (taken < count) {
    claims.count = 0;
    if (S.take(memory, 0, 1, id, 1, claims) > 0) { taken += claims.count; continue; }
    if (has()) continue;
    S.parker.announce(memory, id, false);
    if (has()) { S.parker.retract(memory, id); continue; }
    S.parker.sleep(memory, id, Infinity);
    S.parker.retract(memory, id);
  }
  return taken;
};

model('lanes: work for a back lane wakes it', { bound: 2 }, (S) => ({
  layout: S.layOut({ participantCount: 2, slotCount: 16, payloadBytes: 65_536, namesBytes: 128, ringCount: 2, backRingCount: 1 }),
  threads: [
    (memory: Memory, control: Control) => {
      const me = control.quiet(() => new S.Participant(memory, 0));
      for (let k = 0; k < 2; k++) { me.makeReady(me.slots.allocate(), 1); me.publish(); }
    },
    backLane(S, 1, 2),
  ],
  check([, taken]: [undefined, number]) { assert.equal(taken, 2); },
}), [
  { file: 'participant.ts', from: '(this.rings.fresh & this.#backRings) !== 0', to: 'false', finds: /deadlock/ },
  { file: 'claim-ring.ts', from: 'this.fresh |= dirty & -dirty;', to: '', finds: /deadlock/ },
  { file: 'lanes.ts', from: '=== PARKED && wake(memory, id)) return true;', to: '!== PARKED && wake(memory, id)) return true;', finds: /deadlock/ },
]);

/** A front lane takes one task of a back ring, which it may when back lanes are given up; it parks until then. */
const frontLane = (S: Shared, id: number) => (memory: Memory): number => {
  const claims = S.makeClaims(1);
  const has = (): boolean => S.lanes.stateOfLanes(memory) === S.lanes.UNAVAILABLE && S.waiting(memory, 0, 1) > 0;
  for (;;) {
    claims.count = 0;
    if (S.lanes.stateOfLanes(memory) === S.lanes.UNAVAILABLE && S.take(memory, 0, 1, id, 1, claims) > 0) return claims.count;
    if (has()) continue;
    S.parker.announce(memory, id, true);
    if (has()) { S.parker.retract(memory, id); continue; }
    S.parker.sleep(memory, id, Infinity);
    S.parker.retract(memory, id);
  }
};

model('lanes: work for back lanes that are given up wakes a front lane', { bound: 2 }, (S) => ({
  layout: S.layOut({ participantCount: 3, slotCount: 16, payloadBytes: 65_536, namesBytes: 128, ringCount: 2, backRingCount: 1 }),
  threads: [
    (memory: Memory, control: Control) => {
      const me = control.quiet(() => new S.Participant(memory, 0));
      me.makeReady(me.slots.allocate(), 1);
      me.publish();
    },
    frontLane(S, 1),
    (memory: Memory) => {
      S.lanes.setLanes(memory, S.lanes.UNAVAILABLE);
      S.parker.wakeHard(memory, 1);
    },
  ],
  check([, taken]: [undefined, number]) { assert.equal(taken, 1); },
}), [
  { file: 'participant.ts', from: ' || stateOfLanes(this.memory) === UNAVAILABLE', to: '', finds: /deadlock/ },
]);
