import assert from 'node:assert/strict';
import { collect, spawn, work } from './protocol.ts';
import { model, tinyLayout } from './harness.ts';
import type { CancelOutcome } from '../../packages/shared/src/slot.ts';

/** The owner cancels while two takers race for the task: it begins at most once, and comes to exactly one end. */
model('slot: a task begins at most once', { bound: 2 }, (S) => ({
  layout: tinyLayout(S),
  mayBlock: 0b110,
  threads: [
    (memory, control) => {
      const me = control.quiet(() => new S.Participant(memory, 0));
      const slot = spawn(S, memory, me, 10);
      const outcome = S.slots.cancel(memory.words, slot);
      if (outcome === 'withdrawn') me.slots.recycle(slot);
      if (outcome === 'asked') me.askToLook(S.slots.claimerOf(S.slots.loadState(memory.words, slot)));
      const ends: number[] = [];
      while (outcome !== 'withdrawn' && ends.length === 0) {
        const version = control.version();
        collect(S, memory, me, (_, state) => ends.push(state));
        if (ends.length === 0) control.changed(version);
      }
      assert.equal(me.slots.available, me.slots.slotCount, 'no slot leaks');
      return [outcome, ends];
    },
    (memory, control) => work(S, memory, control, 1),
    (memory, control) => work(S, memory, control, 2),
  ],
  check([[outcome, ends]]: [[CancelOutcome, number[]]], _, __, notes) {
    assert.ok(notes.length <= 1, 'begins at most once');
    if (outcome === 'withdrawn' || outcome === 'revoked') assert.equal(notes.length, 0, 'what was stopped in time never begins');
    if (outcome === 'revoked') assert.deepEqual(ends, [S.slots.REVOKED]);
    if (outcome === 'asked' || outcome === 'ended') { assert.equal(notes.length, 1); assert.deepEqual(ends, [S.slots.DONE]); }
  },
}), [
  { file: 'slot.ts', from: '  return Atomics.compareExchange(words, slot + STATE, claimed, running) === claimed ? running : 0;', to: '  Atomics.store(words, slot + STATE, running);\n  return running;', finds: /never begins|corrupt|livelock|deadlock/ },
  { file: 'slot.ts', from: 'if (next === word || Atomics.compareExchange(words, slot + STATE, word, next) === word) return outcome;', to: 'Atomics.store(words, slot + STATE, next); return outcome;', finds: /never begins|corrupt|most once|leaks|deadlock|equal/ },
  { file: 'slot.ts', from: 'const seen = Atomics.compareExchange(words, slot + STATE, cancelling, ended);', to: 'const seen = cancelling;', finds: /equal|deepEqual|Expected|deadlock/ },
]);
