import assert from 'node:assert/strict';
import { collect, work } from './protocol.ts';
import { model, tinyLayout } from './harness.ts';
import type { Scenario, Control } from './explore.ts';
import type { Shared } from './mutant.ts';
import type { Memory } from '@capriccio/shared';

/** Main places two tasks on worker 1, revokes the first at any moment, and reuses slots as they come home. */
const placing = (S: Shared) => (memory: Memory, control: Control): number[] => {
  const me = control.quiet(() => new S.Participant(memory, 0));
  const ends: number[] = [];
  const place = (argument: number): number => {
    const slot = me.slots.allocate();
    memory.words[slot + S.ARGUMENTS] = argument;
    me.place(slot, 1);
    return slot;
  };
  const first = place(10);
  place(20);
  const outcome = S.slots.cancel(memory.words, first);
  assert.notEqual(outcome, 'withdrawn', 'what is linked in an inbox is never freed there');
  let placed = 2;
  for (;;) {
    const version = control.version();
    let home = 0;
    collect(S, memory, me, (_, state) => { ends.push(state); home++; });
    while (home-- > 0 && placed < 3) { place(30); placed++; }
    if (ends.length === 3) return ends;
    control.changed(version);
  }
};

model('placement: a slot comes home once', { bound: 2 }, (S): Scenario<[number[]]> => ({
  layout: tinyLayout(S, 2),
  mayBlock: 0b10,
  threads: [placing(S), (memory, control) => work(S, memory, control, 1, { victims: [] })],
  check([ends], _, __, notes) {
    const revoked = ends.filter((state) => state === S.slots.REVOKED).length;
    assert.ok(revoked <= 1);
    assert.equal(notes.length, 3 - revoked, 'what was not revoked ran, once');
  },
}), [
  { file: 'slot.ts', from: 'case READY: return [nextFree(word), \'withdrawn\'];\n    case PLACED: case CLAIMED: return', to: 'case READY: case PLACED: return [nextFree(word), \'withdrawn\'];\n    case CLAIMED: return', finds: /never freed/ },
  { file: 'participant.ts', from: 'push(words, controlOf(layout, target) + INBOX, NEXT, slot, slot);\n    wake(this.memory, target);', to: 'wake(this.memory, target);\n    push(words, controlOf(layout, target) + INBOX, NEXT, slot, slot);', finds: /deadlock/ },
]);

/** The target dies at any step: its owner finds every task it had placed there, begun or not. */
model('placement: a target killed at any step', { bound: 2, kills: 1 }, (S) => ({
  layout: tinyLayout(S, 2),
  mayBlock: 0b10,
  setUp: (memory) => { for (const id of [0, 1]) S.markLive(memory, id); },
  threads: [
    (memory, control) => {
      const me = control.quiet(() => new S.Participant(memory, 0));
      const fates = new Map<number, string>();
      const slots = [10, 20].map((argument) => {
        const slot = me.slots.allocate();
        memory.words[slot + S.ARGUMENTS] = argument;
        me.place(slot, 1);
        return slot;
      });
      const end = (slot: number, fate: string): void => { assert.ok(!fates.has(slot), 'one fate'); fates.set(slot, fate); };
      let handled = false;
      for (;;) {
        const version = control.version();
        collect(S, memory, me, (slot) => end(slot, 'answered'));
        if (!handled && control.dead() !== 0) {
          handled = true;
          S.markDead(memory, 1);
          me.deaths.acknowledge(() => { /* nothing is placed on a spawner, and it runs nothing */ }, (dead) => {
            collect(S, memory, me, (slot) => end(slot, 'answered'));
            for (const slot of slots) {
              if (fates.has(slot)) continue;
              const finding = S.inspect(memory.words, slot, dead);
              assert.notEqual(finding, 'none', 'every slot of the dead is found');
              end(slot, finding);
              me.slots.release(slot);
            }
          });
        }
        if (fates.size === 2) return fates;
        control.changed(version);
      }
    },
    (memory, control) => work(S, memory, control, 1, { victims: [] }),
  ],
  check([fates]: [Map<number, string>], _, killed, notes) {
    const placedBack = [...fates.values()].filter((fate) => fate === 'placed').length;
    assert.ok(notes.length + placedBack <= 2, 'what is given back as not begun has not run');
    if (killed === 0) assert.deepEqual([...fates.values()], ['answered', 'answered']);
  },
}), [
  { file: 'recovery.ts', from: "case PLACED: return placedOn === dead ? 'placed' : 'none';", to: "case PLACED: return 'none';", finds: /every slot of the dead/ },
  { file: 'recovery.ts', from: "case DONE: case FAILED: return claimerOf(word) === dead ? 'ended' : 'none';", to: "case DONE: case FAILED: return 'none';", finds: /every slot of the dead/ },
]);
