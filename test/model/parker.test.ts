import assert from 'node:assert/strict';
import { model, tinyLayout } from './harness.ts';
import type { Shared } from './mutant.ts';
import type { Memory } from '@capriccio/shared';
import { explore } from './explore.ts';
import { expect, test } from 'vitest';
import * as shared from '@capriccio/shared';

/** A bag of work on one word: publishers add, sleepers take; the smallest thing that a park protocol guards. */
const BAG = 50;                                                          // a spare header word
const put = (S: Shared, { words, ...rest }: Memory): void => { Atomics.add(words, BAG, 1); const memory = { words, ...rest }; S.parker.offer(memory); };
const grab = (words: Int32Array): boolean => {
  for (;;) {
    const left = Atomics.load(words, BAG);
    if (left === 0) return false;
    if (Atomics.compareExchange(words, BAG, left, left - 1) === left) return true;
  }
};
/** Takes `count` pieces of work, parking in between. */
const sleeper = (S: Shared, id: number, count: number) => (memory: Memory): number => {
  let taken = 0;
  while (taken < count) {
    if (grab(memory.words)) { taken++; continue; }
    S.parker.announce(memory, id, true);
    if (Atomics.load(memory.words, BAG) > 0) { S.parker.retract(memory, id); continue; }
    S.parker.sleep(memory, id, Infinity);
    S.parker.retract(memory, id);
    if (Atomics.load(memory.words, BAG) > 1) S.parker.offer(memory);
  }
  return taken;
};
/** The same, looking for work in place before it parks, as often as it may. */
const seeker = (S: Shared, id: number, count: number) => (memory: Memory): number => {
  let taken = 0;
  while (taken < count) {
    S.parker.seek(memory, id);
    Atomics.load(memory.words, BAG);
    S.parker.stopSeeking(memory, id);
    if (grab(memory.words)) {
      taken++;
      if (Atomics.load(memory.words, BAG) > 0) S.parker.offer(memory);   // nobody was woken for the rest
      continue;
    }
    S.parker.announce(memory, id, true);
    if (Atomics.load(memory.words, BAG) > 0) { S.parker.retract(memory, id); continue; }
    S.parker.sleep(memory, id, Infinity);
    S.parker.retract(memory, id);
    if (Atomics.load(memory.words, BAG) > 1) S.parker.offer(memory);
  }
  return taken;
};
const bugs = [
  { file: 'parker.ts', from: 'if (takesWork) Atomics.or(words, maskAt(id), bitOf(id));', to: '', finds: /deadlock/ },
  { file: 'parker.ts', from: '  if (Atomics.exchange(words, at, NOTIFIED) !== PARKED) return false;\n  Atomics.notify(words, at);', to: '  Atomics.notify(words, at);\n  if (Atomics.exchange(words, at, NOTIFIED) !== PARKED) return false;', finds: /deadlock/ },
];
model('parker: no wake-up is lost', { bound: 3 }, (S) => ({
  layout: tinyLayout(S, 2),
  threads: [(memory) => { put(S, memory); put(S, memory); }, sleeper(S, 1, 2)],
  check([, taken]: [undefined, number]) { assert.equal(taken, 2); },
}), bugs);
model('parker: two tasks wake two sleepers', { bound: 2 }, (S) => ({
  layout: tinyLayout(S),
  threads: [(memory) => { put(S, memory); put(S, memory); }, sleeper(S, 1, 1), sleeper(S, 2, 1)],
  check([, a, b]: [undefined, number, number]) { assert.equal(a + b, 2); },
}), [
  ...bugs,
  { file: 'parker.ts', from: 'if (Atomics.compareExchange(words, at, mask, mask & ~bit) !== mask) continue;', to: 'Atomics.store(words, at, 0);', finds: /deadlock/ },
]);

model('parker: who seeks is not woken beside', { bound: 2 }, (S) => ({
  layout: tinyLayout(S),
  threads: [(memory) => { put(S, memory); put(S, memory); }, seeker(S, 1, 1), sleeper(S, 2, 1)],
  check([, a, b]: [undefined, number, number]) { assert.equal(a + b, 2); },
}), [
  { file: 'parker.ts', from: 'export function stopSeeking({ words }: Memory, id: number): void { Atomics.and(words, SEEKING_MASK + (id >> 5), ~bitOf(id)); }', to: 'export function stopSeeking(_: Memory, __: number): void {}', finds: /deadlock/ },
]);
/** A seeker dies with its bit set: what was published for it sleeps on, until its death is marked. */
model('parker: a seeker killed at any step', { bound: 2, kills: 1, killable: 0b010 }, (S) => ({
  layout: tinyLayout(S),
  setUp: (memory) => { for (const id of [0, 1, 2]) S.markLive(memory, id); },
  threads: [
    (memory, control) => {
      for (;;) {
        const version = control.version();
        if (control.dead() !== 0) S.markDead(memory, 1);
        if (control.dead() !== 0 || Atomics.load(memory.words, BAG + 1) === 1) break;
        control.changed(version);
      }
      put(S, memory);
    },
    (memory) => { S.parker.seek(memory, 1); S.parker.stopSeeking(memory, 1); Atomics.store(memory.words, BAG + 1, 1); },
    sleeper(S, 2, 1),
  ],
  check() { /* a sleeper that stays asleep is the deadlock that the explorer reports */ },
}), [
  { file: 'recovery.ts', from: 'for (const mask of [IDLE_MASK, SEEKING_MASK, BACK_MASK])', to: 'for (const mask of [IDLE_MASK])', finds: /deadlock/ },
]);

/** The waker may be killed anywhere; whoever joins it wakes everybody, whatever their words say. */
model('parker: a waker killed at any step', { bound: 2, kills: 1, killable: 0b010 }, (S) => ({
  layout: tinyLayout(S),
  setUp: (memory) => { for (const id of [0, 1, 2]) S.markLive(memory, id); },
  threads: [
    (memory, control) => {
      for (;;) {
        const version = control.version();
        if (control.dead() !== 0) { Atomics.add(memory.words, BAG, 1); S.markDead(memory, 1); return; }
        if (Atomics.load(memory.words, BAG + 1) === 1) return;
        control.changed(version);
      }
    },
    (memory) => { put(S, memory); Atomics.store(memory.words, BAG + 1, 1); },
    sleeper(S, 2, 1),
  ],
  check() { /* a sleeper that stays asleep is the deadlock that the explorer reports */ },
}), [
  { file: 'parker.ts', from: '  Atomics.exchange(words, at, NOTIFIED);\n  Atomics.notify(words, at);\n}', to: '  wake({ words, layout }, id);\n}', finds: /deadlock/ },
]);

test('parker: the explorer sees a deadlock and a race at all', () => {
  const layout = tinyLayout(shared, 2);
  expect(() => explore(() => ({ layout, threads: [({ words }) => Atomics.wait(words, BAG, 0)], check() { /* nothing to check */ } }))).toThrow(/deadlock/);
  expect(() => explore(() => ({ layout, threads: [({ words }) => { words[BAG] = 1; }, ({ words }) => words[BAG]], check() { /* nothing to check */ } }))).toThrow(/race/);
});
