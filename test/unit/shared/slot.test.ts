import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, test } from 'vitest';
import { Participant, STATE, slots } from '@capriccio/shared';
import { arena } from './arena.ts';

const { words } = arena();
const AT = 16 * 100;
const state = (): number => slots.stateOf(slots.loadState(words, AT));
const set = (name: number, claimer = 0, generation = 5): number => { const word = (generation << 12) | (claimer << 4) | name; words[AT + STATE] = word; return word; };
const all = [slots.FREE, slots.READY, slots.PLACED, slots.CLAIMED, slots.RUNNING, slots.CANCELLING, slots.DONE, slots.FAILED, slots.CANCELLED, slots.REVOKED];

test('a word has a state, a claimer and a generation, each in full', () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 2 ** 20 - 1 }), fc.integer({ min: 0, max: 255 }), fc.constantFrom(...all), (generation, claimer, name) => {
    const word = set(name, claimer, generation);
    assert.deepEqual([slots.stateOf(word), slots.claimerOf(word), slots.generationOf(words[AT + STATE] as number)], [name, claimer, generation]);
  }));
});

describe('a task', () => {
  test('goes from free over ready, claimed and running to its end, and the slot to a new generation', () => {
    set(slots.FREE);
    slots.makeReady(words, AT);
    assert.equal(state(), slots.READY);
    const claimed = slots.claim(words, AT, 255);
    assert.deepEqual([slots.stateOf(claimed), slots.claimerOf(claimed), slots.generationOf(claimed)], [slots.CLAIMED, 255, 5]);
    const running = slots.start(words, AT, claimed);
    assert.deepEqual([slots.stateOf(running), slots.claimerOf(running)], [slots.RUNNING, 255]);
    slots.finish(words, AT, running, slots.DONE);
    assert.equal(state(), slots.DONE);
    slots.free(words, AT);
    assert.deepEqual([state(), slots.generationOf(slots.loadState(words, AT)), slots.claimerOf(slots.loadState(words, AT))], [slots.FREE, 6, 0]);
  });

  test('that is placed is claimed by its target, by nobody else', () => {
    set(slots.FREE);
    slots.makePlaced(words, AT);
    assert.equal(slots.claim(words, AT, 2), 0);
    assert.equal(slots.claimerOf(slots.claimPlaced(words, AT, 2)), 2);
  });

  test('is claimed once', () => {
    set(slots.READY);
    assert.notEqual(slots.claim(words, AT, 1), 0);
    assert.equal(slots.claim(words, AT, 2), 0);
    assert.equal(slots.claimerOf(slots.loadState(words, AT)), 1);
  });

  test('can be claimed in no state but ready, or placed', () => {
    for (const name of all) {
      set(name);
      assert.equal(slots.claim(words, AT, 1) !== 0, name === slots.READY);
      set(name);
      assert.equal(slots.claimPlaced(words, AT, 1) !== 0, name === slots.PLACED);
    }
  });

  test('that was revoked does not start; its claimer lets go', () => {
    set(slots.READY);
    const claimed = slots.claim(words, AT, 3);
    assert.equal(slots.cancel(words, AT), 'revoked');
    assert.equal(slots.start(words, AT, claimed), 0);
    slots.letGo(words, AT);
    assert.equal(state(), slots.REVOKED);
  });

  test('that a claimer gives back is ready again, unless it was revoked', () => {
    set(slots.READY);
    const claimed = slots.claim(words, AT, 3);
    assert.equal(slots.unclaim(words, AT, claimed), true);
    assert.deepEqual([state(), slots.claimerOf(slots.loadState(words, AT))], [slots.READY, 0]);
    const again = slots.claim(words, AT, 4);
    slots.cancel(words, AT);
    assert.equal(slots.unclaim(words, AT, again), false);
  });

  test('that is asked to stop while it runs ends as it likes', () => {
    for (const outcome of [slots.DONE, slots.FAILED] as const) {
      set(slots.READY);
      const running = slots.start(words, AT, slots.claim(words, AT, 3));
      assert.equal(slots.cancel(words, AT), 'asked');
      assert.equal(state(), slots.CANCELLING);
      slots.finish(words, AT, running, outcome);
      assert.deepEqual([state(), slots.claimerOf(slots.loadState(words, AT))], [outcome, 3]);
    }
  });

  test('of a dead claimer is opened again, unless it has moved', () => {
    const word = set(slots.RUNNING, 3);
    assert.equal(slots.reopen(words, AT, word), true);
    assert.deepEqual([state(), slots.claimerOf(slots.loadState(words, AT))], [slots.READY, 0]);
    assert.equal(slots.reopen(words, AT, word), false);
  });
});

test('cancelling meets each state as it should, and changes nothing that has ended', () => {
  const expected = new Map<number, [string, number]>([
    [slots.FREE, ['ended', slots.FREE]], [slots.READY, ['withdrawn', slots.FREE]], [slots.PLACED, ['revoked', slots.CANCELLED]],
    [slots.CLAIMED, ['revoked', slots.CANCELLED]], [slots.RUNNING, ['asked', slots.CANCELLING]], [slots.CANCELLING, ['asked', slots.CANCELLING]],
    [slots.DONE, ['ended', slots.DONE]], [slots.FAILED, ['ended', slots.FAILED]], [slots.CANCELLED, ['revoked', slots.CANCELLED]], [slots.REVOKED, ['revoked', slots.REVOKED]],
  ]);
  for (const name of all) {
    set(name, 7);
    assert.deepEqual([slots.cancel(words, AT), state()], expected.get(name));
    if (name !== slots.READY) assert.equal(slots.claimerOf(slots.loadState(words, AT)), 7);
    assert.equal(slots.generationOf(slots.loadState(words, AT)), name === slots.READY ? 6 : 5);
  }
});

test('the last generation is followed by the first', () => {
  set(slots.DONE, 3, 2 ** 20 - 1);
  slots.free(words, AT);
  assert.equal(slots.loadState(words, AT), 0);
});

describe('a broken invariant is an error, not a guess', () => {
  test('finishing what its claimer does not hold', () => {
    const running = set(slots.RUNNING, 3);
    set(slots.RUNNING, 4);
    assert.throws(() => slots.finish(words, AT, running, slots.DONE), /corrupt/);
  });

  test('letting go of what was not cancelled', () => {
    set(slots.CLAIMED, 3);
    assert.throws(() => slots.letGo(words, AT), /corrupt/);
  });
});

test('a slot that comes home does so once, in the order in which the tasks ended', () => {
  const memory = arena();
  const [owner, worker] = [new Participant(memory, 0), new Participant(memory, 1)];
  const ended: number[] = [];
  for (let k = 0; k < 5; k++) {
    const slot = owner.slots.allocate();
    owner.makeReady(slot, 0);
    worker.finish(slot, slots.start(memory.words, slot, slots.claim(memory.words, slot, 1)), slots.DONE);
    ended.push(slot);
  }
  assert.equal(owner.takeCompleted(), 0, 'not yet handed over');
  worker.handOver();
  const home: number[] = [];
  for (let slot = owner.takeCompleted(); slot !== 0; slot = owner.nextInChain(slot)) home.push(slot);
  assert.deepEqual(home, ended);
  assert.equal(owner.takeCompleted(), 0);
  assert.equal(worker.hasEnded, false);
});
