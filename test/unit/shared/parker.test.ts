import assert from 'node:assert/strict';
import { test } from 'vitest';
import { ATTENTION, COMPLETED, DEATHS, IDLE_MASK, INBOX, PARK, Participant, controlOf, parker } from '@capriccio/shared';
import { arena } from './arena.ts';

const park = (memory: ReturnType<typeof arena>, id: number): number => Atomics.load(memory.words, controlOf(memory.layout, id) + PARK);

test('announced it is parked and idle, retracted it is neither', () => {
  const memory = arena();
  parker.announce(memory, 2, true);
  assert.deepEqual([park(memory, 2), parker.hungryCount(memory) > 0], [parker.PARKED, true]);
  assert.equal(parker.retract(memory, 2), false);
  assert.deepEqual([park(memory, 2), parker.hungryCount(memory) > 0], [parker.RUNNING, false]);
});

test('one that takes no work is parked and not idle', () => {
  const memory = arena();
  parker.announce(memory, 2, false);
  assert.equal(parker.hungryCount(memory), 0);
  assert.equal(parker.wakeOne(memory), false);
  assert.equal(parker.wake(memory, 2), true);
});

test('a wake before the sleep is not lost', () => {
  const memory = arena();
  parker.announce(memory, 2, true);
  assert.equal(parker.wake(memory, 2), true);
  assert.equal(parker.sleep(memory, 2, 10_000), 'not-equal');
  assert.equal(parker.sleepInLoop(memory, 2), undefined);
  assert.equal(parker.retract(memory, 2), true);
});

test('a wake of one that is awake leaves a token: its next retract says so', () => {
  const memory = arena();
  assert.equal(parker.wake(memory, 2), false);
  assert.equal(parker.retract(memory, 2), true);
  assert.equal(parker.retract(memory, 2), false);
});

test('a sleep that nobody ends ends by itself', () => {
  const memory = arena();
  parker.announce(memory, 2, true);
  assert.equal(parker.sleep(memory, 2, 2), 'timed-out');
});

test('a sleep in the event loop is ended by a wake', async () => {
  const memory = arena();
  parker.announce(memory, 2, true);
  const sleep = parker.sleepInLoop(memory, 2);
  assert.ok(sleep !== undefined);
  parker.wake(memory, 2);
  assert.equal(await sleep, 'ok');
});

test('waking hard wakes also one that is notified and asleep: its waker died in between', async () => {
  const memory = arena();
  parker.announce(memory, 2, true);
  const sleep = parker.sleepInLoop(memory, 2);
  Atomics.exchange(memory.words, controlOf(memory.layout, 2) + PARK, parker.NOTIFIED);
  parker.wakeHard(memory, 2);
  assert.equal(await sleep, 'ok');
});

test('one wake wakes one, each of them once', () => {
  const memory = arena();
  for (const id of [1, 2, 3]) parker.announce(memory, id, true);
  const woken = [1, 2, 3].map(() => { parker.wakeOne(memory); return [1, 2, 3].filter((id) => park(memory, id) === parker.NOTIFIED); });
  assert.deepEqual(woken.map(({ length }) => length), [1, 2, 3]);
  assert.equal(parker.wakeOne(memory), false);
});

test('two hundred and fifty-five participants have a bit each', () => {
  const memory = arena({ participantCount: 255 });
  for (const id of [0, 30, 31, 32, 63, 64, 127, 128, 223, 224, 254]) {
    parker.announce(memory, id, true);
    assert.equal(parker.hungryCount(memory), 1, String(id));
    assert.equal(parker.wakeOne(memory), true, String(id));
    assert.equal(park(memory, id), parker.NOTIFIED, String(id));
    assert.equal(parker.hungryCount(memory), 0, String(id));
  }
  assert.ok(memory.words.subarray(IDLE_MASK, IDLE_MASK + 8).every((word) => word === 0));
});

test('all who are idle or seek are counted once, in whatever word of the mask', () => {
  const memory = arena({ participantCount: 70 });
  const hungry = [0, 1, 31, 32, 33, 63, 64, 69];
  for (const [k, id] of hungry.entries()) {
    assert.equal(parker.hungryCount(memory), k);
    if (k % 2 === 0) parker.seek(memory, id);
    if (k % 3 !== 1 || k % 2 === 1) parker.announce(memory, id, true);
  }
  assert.equal(parker.hungryCount(memory), hungry.length);
  for (let id = 0; id < 70; id++) { parker.retract(memory, id); parker.stopSeeking(memory, id); }
  assert.equal(parker.hungryCount(memory), 0);
});

test('mail is an ended or placed slot, a request to look, or a death', () => {
  for (const word of [COMPLETED, INBOX, ATTENTION, -1]) {
    const memory = arena();
    assert.equal(parker.hasMail(memory, 1), false);
    Atomics.store(memory.words, word < 0 ? DEATHS : controlOf(memory.layout, 1) + word, 64);
    assert.equal(parker.hasMail(memory, 1), true);
    assert.equal(parker.hasMail(memory, 2), word < 0, 'a death is news to everybody');
  }
});

test('a request to look stands until it is answered', () => {
  const memory = arena();
  const [asker, asked] = [new Participant(memory, 0), new Participant(memory, 1)];
  assert.equal(asked.mustLook, false);
  asker.askToLook(1);
  assert.equal(asked.mustLook, true);
  asked.looked();
  assert.equal(asked.mustLook, false);
  asker.askToLook(1);
  asker.askToLook(1);
  asked.looked();
  assert.equal(asked.mustLook, false);
});
