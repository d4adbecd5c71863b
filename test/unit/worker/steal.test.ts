import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, test } from 'vitest';
import { FUNCTION, Participant, allocateMemory, layOut, mapMemory, markLive, slots, type Memory, LIFE, controlOf } from '@capriccio/shared';
import { Roots } from '../../../packages/worker/src/roots.ts';
import type { Root } from '../../../packages/worker/src/run-queues.ts';
import { Taker } from '../../../packages/worker/src/steal.ts';

const layout = layOut({ participantCount: 4, slotCount: 64, payloadBytes: 65_536, namesBytes: 128, ringCount: 2 });
const withBack = layOut({ participantCount: 4, slotCount: 64, payloadBytes: 65_536, namesBytes: 128, ringCount: 2, backRingCount: 1 });

interface Rig { memory: Memory; owners: Participant[]; roots: Roots; taker: Taker; publish(owner: number, ring: number, root: number): number; rootOf(slot: number): Root }
/** Participants 0 to 3 live; number 3 takes. The function number of a slot names its root. */
function rig(): Rig {
  const memory = mapMemory(allocateMemory(layout), layout);
  for (let id = 0; id < 4; id++) markLive(memory, id);
  const owners = Array.from({ length: 4 }, (_, id) => new Participant(memory, id));
  const roots = new Roots();
  const rootOf = (slot: number): Root => roots.named(`root ${memory.words[slot + FUNCTION]}`);
  const taker = new Taker(memory, 3, rootOf, (root) => roots.activate(root));
  const publish = (owner: number, ring: number, root: number): number => {
    const me = owners[owner] as Participant;
    const slot = me.slots.allocate();
    memory.words[slot + FUNCTION] = root;
    me.makeReady(slot, ring);
    me.rings.publish();
    return slot;
  };
  return { memory, owners, roots, taker, publish, rootOf };
}
const taken = ({ taker }: Rig, root: Root, max: number): number[] => { const { count, slots: found } = taker.take(root, max); return [...found.subarray(0, count)]; };

describe('a look', () => {
  test('finds what others have published and activates its root', () => {
    const all = rig();
    assert.equal(all.taker.anyWork(), false);
    all.publish(1, 0, 7);
    assert.equal(all.taker.anyWork(), true);
    all.taker.look();
    assert.deepEqual(all.roots.active.map(({ name, sources }) => [name, sources]), [['root 7', 1]]);
  });

  test('finds what is in its own rings too', () => {
    const all = rig();
    const slot = all.publish(3, 1, 7);
    all.taker.look();
    assert.deepEqual(taken(all, all.roots.named('root 7'), 4), [slot]);
  });

  test('sees nothing of a participant that is not live', () => {
    const all = rig();
    all.publish(1, 0, 7);
    const dead = rig();
    dead.publish(1, 0, 7);
    Atomics.store(dead.memory.words, controlOf(dead.memory.layout, 1) + LIFE, 0);   // never begun
    dead.taker.look();
    assert.equal(dead.roots.active.length, 0);
    assert.equal(dead.taker.anyWork(), false);
    all.taker.look();
    assert.equal(all.roots.active.length, 1);
  });

  test('that found nothing costs nothing until something new is published', () => {
    const all = rig();
    all.taker.look();
    all.publish(2, 1, 1);
    all.taker.look();
    assert.deepEqual(taken(all, all.roots.named('root 1'), 4).length, 1);
    assert.deepEqual(taken(all, all.roots.named('root 1'), 4), []);
    assert.equal(all.roots.named('root 1').sources, 0);
    all.taker.look();
    assert.equal(all.taker.anyWork(), false);
    all.publish(2, 1, 1);
    assert.equal(all.taker.anyWork(), true);
  });
});

describe('taking', () => {
  test('claims oldest first, at most as many as asked', () => {
    const all = rig();
    const published = Array.from({ length: 10 }, () => all.publish(1, 0, 7));
    all.taker.look();
    const root = all.roots.named('root 7');
    assert.deepEqual(taken(all, root, 4), published.slice(0, 4));
    assert.deepEqual(taken(all, root, 16), published.slice(4));
    for (const slot of published) assert.equal(slots.claimerOf(slots.loadState(all.memory.words, slot)), 3);
  });

  test('never claims more than sixteen at a time: what is claimed cannot be stolen', () => {
    const all = rig();
    for (let k = 0; k < 40; k++) all.publish(1, 0, 7);
    all.taker.look();
    assert.equal(taken(all, all.roots.named('root 7'), 1_000).length, 16);
  });

  test('a ring that two roots share passes from one to the other', () => {
    const all = rig();
    const first = all.publish(1, 0, 1);
    const second = all.publish(1, 0, 2);
    all.taker.look();
    const [one, two] = [all.roots.named('root 1'), all.roots.named('root 2')];
    assert.deepEqual([one.sources, two.sources], [1, 0]);
    assert.deepEqual(taken(all, one, 1), [first]);
    assert.deepEqual([one.sources, two.sources, two.isActive], [0, 1, true]);
    assert.deepEqual(taken(all, one, 1), []);
    assert.deepEqual(taken(all, two, 1), [second]);
  });

  test('a back lane looks again before it takes: what was next another lane has, and what is next is of another root', () => {
    const memory = mapMemory(allocateMemory(withBack), withBack);
    for (let id = 0; id < 4; id++) markLive(memory, id);
    const owner = new Participant(memory, 1);
    const lanes = [2, 3].map((id) => {
      const roots = new Roots();
      const taker = new Taker(memory, id, (slot) => roots.named(`root ${memory.words[slot + FUNCTION]}`), (root) => roots.activate(root), true);
      return { roots, taker };
    });
    for (const root of [1, 2]) {
      const slot = owner.slots.allocate();
      memory.words[slot + FUNCTION] = root;
      owner.makeReady(slot, 1);
    }
    owner.rings.publish();
    for (const { taker } of lanes) taker.look();
    const [first, second] = lanes as [typeof lanes[number], typeof lanes[number]];
    assert.equal(first.taker.take(first.roots.named('root 1'), 1).count, 1);
    assert.equal(second.taker.take(second.roots.named('root 1'), 1).count, 0);
    assert.equal(second.roots.named('root 1').sources, 0);
    assert.equal(second.taker.take(second.roots.named('root 2'), 1).count, 1);
  });

  test('stale hints are passed over', () => {
    const all = rig();
    const [stale, good] = [all.publish(1, 0, 7), all.publish(1, 0, 7)];
    assert.equal(slots.cancel(all.memory.words, stale), 'withdrawn');
    all.taker.look();
    const root = all.roots.named('root 7');
    const found = [...taken(all, root, 1), ...taken(all, root, 1)];
    assert.deepEqual(found, [good]);
  });

  test('any order of publishing and taking loses nothing and takes nothing twice, and ends with no source', () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ owner: fc.integer({ min: 0, max: 3 }), ring: fc.integer({ min: 0, max: 1 }), root: fc.integer({ min: 0, max: 3 }) }) },
      { weight: 2, arbitrary: fc.record({ take: fc.integer({ min: 0, max: 3 }), max: fc.integer({ min: 1, max: 20 }) }) },
    );
    fc.assert(fc.property(fc.array(step, { maxLength: 120 }), (program) => {
      const all = rig();
      const open = new Set<number>();
      const note = (found: number[]): void => { for (const slot of found) assert.ok(open.delete(slot), `slot ${slot} is taken that is not open`); };
      for (const one of program) {
        if ('owner' in one) { if ((all.owners[one.owner] as Participant).slots.available > 0) open.add(all.publish(one.owner, one.ring, one.root)); } else { all.taker.look(); note(taken(all, all.roots.named(`root ${one.take}`), one.max)); }
      }
      for (let turn = 0; open.size > 0; turn++) {
        assert.ok(turn < 1_000, `${open.size} slots are never found`);
        assert.equal(all.taker.anyWork(), true);
        all.taker.look();
        const root = all.roots.pick();
        if (root !== undefined) note(taken(all, root, 16));
      }
      for (let turn = 0; turn < 20; turn++) { const root = all.roots.pick(); if (root === undefined) break; taken(all, root, 16); }
      for (const root of all.roots.all) assert.equal(root.sources, 0, root.name);
      assert.equal(all.taker.anyWork(), false);
    }), { numRuns: 200 });
  });
});
