import assert from 'node:assert/strict';
import { awaitMail, collect, spawn, work } from './protocol.ts';
import { model, tinyLayout } from './harness.ts';
import type { Scenario } from './explore.ts';
import type { Shared } from './mutant.ts';
import { test, expect } from 'vitest';
import * as shared from '@capriccio/shared';

/** Main spawns tasks one by one, two workers run them, main parks until all have come home. */
const pool = (tasks: number, workers: number, batch: number) => (S: Shared): Scenario<[Map<number, number>]> => ({
  layout: tinyLayout(S),
  mayBlock: 0b110,
  setUp: (memory) => { for (const id of [0, 1, 2]) S.markLive(memory, id); },
  threads: [
    (memory, control) => {
      const me = control.quiet(() => new S.Participant(memory, 0));
      const answers = new Map<number, number>();
      const expected = new Map<number, number>();
      for (let k = 0; k < tasks; k++) expected.set(spawn(S, memory, me, 10 * (k + 1)), 10 * (k + 1));
      for (;;) {
        collect(S, memory, me, (slot, state, result) => {
          assert.equal(state, S.slots.DONE);
          const argument = expected.get(slot) as number;
          answers.set(argument, (answers.get(argument) ?? 0) + (result === argument + 1 ? 1 : 100));
        });
        if (answers.size === tasks) break;
        awaitMail(S, memory, 0);
      }
      assert.equal(me.slots.available, me.slots.slotCount, 'no slot leaks');
      return answers;
    },
    ...Array.from({ length: workers }, (_, k) => (memory: shared.Memory, control: Parameters<Scenario['threads'][0]>[1]) => work(S, memory, control, k + 1, { batch })),
  ],
  check([answers], _, __, notes) {
    assert.equal(answers.size, tasks);
    for (const [argument, count] of answers) assert.equal(count, 1, `the answer to ${argument}: once, and right`);
    assert.equal(notes.length, tasks, 'each task ran once');
  },
});

const bugs = [
  { file: 'slot.ts', from: "  if (stateOf(word) !== READY) return 0;\n  const claimed = (word & KEEP_GENERATION) | (me << CLAIMER_SHIFT) | CLAIMED;\n  return Atomics.compareExchange(words, slot + STATE, word, claimed) === word ? claimed : 0;", to: '  if (stateOf(word) !== READY) return 0;\n  const claimed = (word & KEEP_GENERATION) | (me << CLAIMER_SHIFT) | CLAIMED;\n  Atomics.store(words, slot + STATE, claimed); return claimed;', finds: /once|corrupt|race/ },
  { file: 'claim-ring.ts', from: 'Atomics.store(this.#words, this.#bottomAt, this.#bottom);', to: 'this.#words[this.#bottomAt] = this.#bottom;', finds: /race/ },
  { file: 'parker.ts', from: 'if (takesWork) Atomics.or(words, maskAt(id), bitOf(id));', to: '', finds: /deadlock/ },
];
model('ring: results arrive whole, one worker', { bound: 3 }, pool(2, 1, 1), bugs.slice(1));
model('ring: arguments arrive whole, two workers', { bound: 2 }, pool(2, 2, 1), bugs);
model('ring: batches', { bound: 2 }, pool(2, 2, 2), bugs.slice(0, 1));

/** The owner exports tasks and may take them back itself; slots are reused at once, so hints go stale. */
model('ring: reuse under stale hints', { bound: 2 }, (S) => {
  const layout = tinyLayout(S);
  return {
    layout,
    mayBlock: 0b110,
    threads: [
      (memory, control) => {
        const me = control.quiet(() => new S.Participant(memory, 0));
        const claims = S.makeClaims(1);
        let settled = 0;
        const collectHere = (): void => collect(S, memory, me, () => { settled++; });
        for (let task = 1; task <= 2; task++) {
          spawn(S, memory, me, task);
          if (task === 1 && S.take(memory, 0, 0, 0, 1, claims) > 0 && claims.count > 0) {           // taken back by its own ring
            const running = S.slots.start(memory.words, claims.slots[0] as number, claims.claimed[0] as number);
            control.note(['ran', memory.words[(claims.slots[0] as number) + S.ARGUMENTS]]);
            me.finish(claims.slots[0] as number, running, S.slots.DONE);
            me.handOver();
          }
          collectHere();
        }
        while (settled < 2) { const version = control.version(); collectHere(); if (settled < 2) control.changed(version); }
        return settled;
      },
      (memory, control) => work(S, memory, control, 1),
      (memory, control) => work(S, memory, control, 2),
    ],
    check(_: unknown[], __, ___, notes) {
      assert.deepEqual(notes.map((note) => (note as [string, number])[1]).toSorted(), [1, 2], 'each task ran once');
    },
  };
}, [
  { file: 'claim-ring.ts', from: 'const claimed = slot === 0 ? 0 : claim(words, slot, me);', to: 'const claimed = words[slot + 0] | 0;', finds: /race|once|corrupt/ },
]);

/** Main recovers from a worker that is killed before any single operation; tasks are run again. */
const killed = (S: Shared): Scenario<[Map<number, number>]> => ({
  layout: tinyLayout(S),
  mayBlock: 0b110,
  setUp: (memory) => { for (const id of [0, 1, 2]) S.markLive(memory, id); },
  threads: [
    (memory, control) => {
      const me = control.quiet(() => new S.Participant(memory, 0));
      const answers = new Map<number, number>();
      const open = new Map<number, number>();
      for (const argument of [10, 20]) open.set(spawn(S, memory, me, argument), argument);
      let known = 0;
      const ended = (slot: number, result: number): void => {
        const argument = open.get(slot) as number;
        answers.set(argument, (answers.get(argument) ?? 0) + (result === argument + 1 ? 1 : 100));
        open.delete(slot);
      };
      for (;;) {
        const version = control.version();
        collect(S, memory, me, (slot, _, result) => ended(slot, result));
        const dead = control.dead() & ~known;
        if (dead !== 0) {
          known |= dead;
          const id = 31 - Math.clz32(dead);
          S.markDead(memory, id);
          me.deaths.acknowledge(() => { /* nothing is placed on a spawner, and it runs nothing */ }, (gone) => {
            collect(S, memory, me, (slot, _, result) => ended(slot, result));
            for (const slot of [...open.keys()]) {
              const finding = S.inspect(memory.words, slot, gone);
              if (finding === 'begun') { assert.ok(S.slots.reopen(memory.words, slot, S.slots.loadState(memory.words, slot))); me.rings.push(0, slot); }
              if (finding === 'reopened') me.rings.push(0, slot);
              if (finding === 'ended') { ended(slot, memory.words[slot + S.RESULT] as number); me.slots.release(slot); }
            }
            if (me.rings.publish()) S.parker.offer(memory);
          });
          continue;
        }
        if (answers.size === 2) break;
        control.changed(version);
      }
      assert.equal(me.slots.available, me.slots.slotCount, 'no slot leaks');
      return answers;
    },
    (memory, control) => work(S, memory, control, 1),
    (memory, control) => work(S, memory, control, 2),
  ],
  check([answers]) {
    assert.equal(answers.size, 2);
    for (const count of answers.values()) assert.equal(count, 1, 'answered once, and right');
  },
});

model('ring: a taker killed at any step loses no task', { bound: 1, kills: 1 }, killed, [
  { file: 'claim-ring.ts', from: '  out.count = 0;\n  if (waiting <= 0) return 0;', to: '  out.count = 0;\n  if (waiting <= 0) return 0;\n  if (Atomics.compareExchange(words, topAt, top, (top + Math.min(waiting, max)) | 0) !== top) return 1;', finds: /deadlock/ },
  { file: 'parker.ts', from: '  Atomics.exchange(words, at, NOTIFIED);\n  Atomics.notify(words, at);\n}', to: '  wake({ words, layout }, id);\n}', finds: /deadlock/ },
  { file: 'recovery.ts', from: 'if (other !== id && isLive(memory, other)) wakeHard(memory, other);', to: 'if (other !== id && isLive(memory, other) && (Atomics.load(words, IDLE_MASK) & (1 << other)) !== 0) wakeHard(memory, other);', finds: /deadlock/ },
]);

test('ring: a full ring refuses, and overflow waits for room', () => {
  const layout = shared.layOut({ participantCount: 2, slotCount: 16, payloadBytes: 65_536, namesBytes: 128, ringCount: 4 });
  const memory = shared.mapMemory(shared.allocateMemory(layout), layout);
  const ring = new shared.ClaimRing(memory, 0, 3);
  for (let k = 0; k < 16; k++) expect(ring.push(shared.regionOf(layout, 0) + k * 16)).toBe(true);
  expect(ring.push(1)).toBe(false);
  expect(ring.publish()).toBe(16);
  expect(shared.take(memory, 0, 3, 1, 4, shared.makeClaims(4))).toBe(4);      // stale hints: passed, not claimed
  expect(ring.push(1)).toBe(true);
});
