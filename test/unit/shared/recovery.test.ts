import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import {
  ATTENTION, BOTTOM, COMPLETED, DEATHS, DeathWatch, INBOX, NAMES_COUNT, OWNER_NOTE, OrphanedRegion, PARK, Participant, RETURNED, STATE, TOP,
  controlOf, inspect, isDead, isForgotten, isLive, lifeOf, makeClaims, markDead, markLive, parker, resetControl, slots, slotsInUse, take, waiting, type Finding, type Memory,
} from '@capriccio/shared';
import { arena } from './arena.ts';

const MAIN = 0, DEAD = 1, LIVE = 2, OTHER = 3;
interface World { memory: Memory; main: Participant; dead: Participant; live: Participant }
/** Main and participants 1 to 3 live; number 1 is the one that will die. */
function world(): World {
  const memory = arena();
  for (let id = 0; id < 4; id++) markLive(memory, id);
  return { memory, main: new Participant(memory, MAIN), dead: new Participant(memory, DEAD), live: new Participant(memory, LIVE) };
}
const noSettling = (): void => { /* nothing is placed here, and nothing has ended */ };
/** Everybody who lives has seen all deaths. */
function acknowledgeAll({ memory, live }: World, settle: () => void = noSettling): void {
  live.deaths.acknowledge(settle, () => { /* nothing of the dead's is here */ });
  for (const id of [MAIN, OTHER]) if (isLive(memory, id)) new DeathWatch(memory, id).acknowledge(noSettling, () => { /* the same */ });
}
/** A slot of `owner` that `claimer` runs. */
function running({ memory }: World, owner: Participant, claimer: number): { slot: number; running: number } {
  const slot = owner.slots.allocate();
  owner.makeReady(slot, 0);
  return { slot, running: slots.start(memory.words, slot, slots.claim(memory.words, slot, claimer)) };
}

describe('life and death', () => {
  test('a participant is unused, live, dead, and live again; its deaths are counted', () => {
    const memory = arena();
    assert.deepEqual([isLive(memory, 1), isDead(memory, 1)], [false, false]);
    const lives = new Set<number>([lifeOf(memory, 1)]);
    for (let k = 0; k < 3; k++) {
      markLive(memory, 1);
      assert.deepEqual([isLive(memory, 1), isDead(memory, 1)], [true, false]);
      lives.add(lifeOf(memory, 1));
      markDead(memory, 1);
      assert.deepEqual([isLive(memory, 1), isDead(memory, 1)], [false, true]);
      lives.add(lifeOf(memory, 1));
    }
    assert.equal(lives.size, 7, 'no two are alike');
    assert.equal(Atomics.load(memory.words, DEATHS), 3);
  });

  test('a death wakes everybody who lives, whatever their words say, and takes the dead off the list of idle ones', () => {
    const { memory } = world();
    parker.announce(memory, DEAD, true);
    parker.announce(memory, LIVE, true);
    Atomics.store(memory.words, controlOf(memory.layout, OTHER) + PARK, parker.NOTIFIED);
    markDead(memory, DEAD);
    assert.equal(Atomics.load(memory.words, controlOf(memory.layout, LIVE) + PARK), parker.NOTIFIED);
    parker.retract(memory, LIVE);
    assert.equal(parker.hungryCount(memory) > 0, false);
    assert.equal(parker.hasMail(memory, LIVE), true);
  });
});

describe('a watch', () => {
  test('tells each death once, and settles before', () => {
    const { memory, live } = world();
    const log: (string | number)[] = [];
    assert.equal(live.deaths.isDue, false);
    markDead(memory, DEAD);
    markDead(memory, OTHER);
    assert.equal(live.deaths.isDue, true);
    live.deaths.acknowledge(() => { log.push('settle'); }, (id) => { log.push(id); });
    assert.deepEqual(log, ['settle', DEAD, OTHER]);
    assert.equal(live.deaths.isDue, false);
    live.deaths.acknowledge(noSettling, (id) => { log.push(id); });
    assert.equal(log.length, 3);
  });

  test('sees a number that died, was reused and died again between two looks', () => {
    const { memory, live } = world();
    markDead(memory, DEAD);
    live.deaths.acknowledge(noSettling, () => { /* the first death */ });
    markLive(memory, DEAD);
    markDead(memory, DEAD);
    const seen: number[] = [];
    live.deaths.acknowledge(noSettling, (id) => { seen.push(id); });
    assert.deepEqual(seen, [DEAD]);
  });

  test('of a newcomer does not tell of deaths before its time', () => {
    const { memory } = world();
    markDead(memory, DEAD);
    markLive(memory, DEAD);
    const newcomer = new Participant(memory, DEAD);
    assert.equal(newcomer.deaths.isDue, false);
    newcomer.deaths.acknowledge(noSettling, (id) => { assert.fail(`told of ${id}`); });
  });

  test('a death while it recovers is told the next time', () => {
    const { memory, live } = world();
    markDead(memory, DEAD);
    live.deaths.acknowledge(noSettling, () => { markDead(memory, OTHER); });
    assert.equal(live.deaths.isDue, true);
    const seen: number[] = [];
    live.deaths.acknowledge(noSettling, (id) => { seen.push(id); });
    assert.ok(seen.length <= 1 && (seen[0] ?? OTHER) === OTHER);
    assert.equal(live.deaths.isDue, false);
  });

  test('an epoch is forgotten when the last that lives has seen it', () => {
    const all = world();
    markDead(all.memory, DEAD);
    const epoch = Atomics.load(all.memory.words, DEATHS);
    assert.equal(isForgotten(all.memory, epoch), false);
    all.live.deaths.acknowledge(noSettling, () => { /* seen */ });
    assert.equal(isForgotten(all.memory, epoch), false, 'main and another have not');
    all.main.deaths.acknowledge(noSettling, () => { /* seen */ });
    markDead(all.memory, OTHER);
    assert.equal(isForgotten(all.memory, epoch), true, 'the dead need not see it');
    assert.equal(isForgotten(all.memory, epoch + 1), false);
  });
});

describe('what an owner finds in its slots', () => {
  const { FREE, READY, PLACED, CLAIMED, RUNNING, CANCELLING, DONE, FAILED, CANCELLED, REVOKED } = slots;
  type Row = [state: number, claimer: number, placedOn: number, finding: Finding, after?: number];
  const rows: Row[] = [
    [FREE, 0, DEAD, 'none'],
    [READY, 0, -1, 'none'], [READY, 0, DEAD, 'reopened'], [READY, 0, LIVE, 'none'],
    [PLACED, 0, DEAD, 'placed'], [PLACED, 0, LIVE, 'none'],
    [CLAIMED, DEAD, -1, 'reopened', READY], [CLAIMED, LIVE, -1, 'none'], [CLAIMED, DEAD, DEAD, 'placed'], [CLAIMED, LIVE, LIVE, 'none'],
    [RUNNING, DEAD, -1, 'begun'], [RUNNING, LIVE, -1, 'none'], [RUNNING, DEAD, DEAD, 'begun'],
    [CANCELLING, DEAD, -1, 'begun'], [CANCELLING, LIVE, -1, 'none'],
    [DONE, DEAD, -1, 'ended'], [DONE, LIVE, -1, 'none'], [FAILED, DEAD, -1, 'ended'], [FAILED, LIVE, -1, 'none'],
    [CANCELLED, DEAD, -1, 'ended'], [CANCELLED, LIVE, -1, 'none'], [CANCELLED, 0, DEAD, 'ended'], [CANCELLED, 0, LIVE, 'none'], [CANCELLED, LIVE, DEAD, 'none'],
    [REVOKED, DEAD, -1, 'ended'], [REVOKED, LIVE, -1, 'none'], [REVOKED, 0, DEAD, 'ended'], [REVOKED, 0, LIVE, 'none'],
  ];
  test('is right for every state, claimer and target', () => {
    const { memory, main } = world();
    const slot = main.slots.allocate();
    for (const [state, claimer, placedOn, finding, after] of rows) {
      memory.words[slot + STATE] = (9 << 12) | (claimer << 4) | state;
      memory.words[slot + OWNER_NOTE] = placedOn;
      const what = `state ${state}, claimer ${claimer}, placed on ${placedOn}`;
      assert.equal(inspect(memory.words, slot, DEAD), finding, what);
      assert.equal(slots.stateOf(slots.loadState(memory.words, slot)), after ?? state, what);
      assert.equal(slots.generationOf(slots.loadState(memory.words, slot)), 9, what);
    }
    memory.words[slot + STATE] = 15;
    assert.throws(() => inspect(memory.words, slot, DEAD), /corrupt/);
  });
});

describe('the region of a dead owner', () => {
  test('that had nothing is at rest when all have seen the death', () => {
    const all = world();
    markDead(all.memory, DEAD);
    const region = new OrphanedRegion(all.memory, DEAD);
    assert.equal(region.isAtRest(), false);
    acknowledgeAll(all);
    assert.equal(region.isAtRest(), true);
  });

  test('what nobody has taken is withdrawn: a later taker gets nothing', () => {
    const all = world();
    const slot = all.dead.slots.allocate();
    all.dead.makeReady(slot, 0);
    all.dead.rings.publish();
    markDead(all.memory, DEAD);
    const region = new OrphanedRegion(all.memory, DEAD);
    const claims = makeClaims(4);
    take(all.memory, DEAD, 0, LIVE, 4, claims);
    assert.equal(claims.count, 0);
    acknowledgeAll(all);
    assert.equal(region.isAtRest(), true);
  });

  test('what runs is asked once to stop, and freed when it has come home', () => {
    const all = world();
    const task = running(all, all.dead, LIVE);
    markDead(all.memory, DEAD);
    parker.retract(all.memory, LIVE);
    const region = new OrphanedRegion(all.memory, DEAD);
    assert.equal(slots.stateOf(slots.loadState(all.memory.words, task.slot)), slots.CANCELLING);
    assert.equal(all.live.mustLook, true);
    assert.equal(Atomics.load(all.memory.words, controlOf(all.memory.layout, LIVE) + PARK), parker.NOTIFIED, 'it is woken');
    acknowledgeAll(all);
    for (let k = 0; k < 3; k++) assert.equal(region.isAtRest(), false);
    assert.equal(Atomics.load(all.memory.words, controlOf(all.memory.layout, LIVE) + ATTENTION), 1);
    all.live.finish(task.slot, task.running, slots.FAILED);
    assert.equal(region.isAtRest(), false, 'it has ended and is not handed over');
    all.live.handOver();
    assert.equal(region.isAtRest(), true);
    assert.equal(slotsInUse(all.memory, DEAD), 0);
  });

  test('what was claimed and has not begun never begins', () => {
    const all = world();
    const slot = all.dead.slots.allocate();
    all.dead.makeReady(slot, 0);
    const claimed = slots.claim(all.memory.words, slot, LIVE);
    markDead(all.memory, DEAD);
    const region = new OrphanedRegion(all.memory, DEAD);
    assert.equal(slots.start(all.memory.words, slot, claimed), 0);
    all.live.letGo(slot);
    acknowledgeAll(all, () => all.live.handOver());
    assert.equal(region.isAtRest(), true);
  });

  test('what was placed on somebody comes home through his inbox', () => {
    const all = world();
    const slot = all.dead.slots.allocate();
    all.dead.place(slot, LIVE);
    markDead(all.memory, DEAD);
    const region = new OrphanedRegion(all.memory, DEAD);
    assert.equal(region.isAtRest(), false);
    acknowledgeAll(all, () => {
      const placed = all.live.takePlaced();
      assert.equal(placed, slot);
      assert.equal(slots.claimPlaced(all.memory.words, placed, LIVE), 0, 'it was revoked');
      all.live.letGo(placed);
      all.live.handOver();
    });
    assert.equal(region.isAtRest(), true);
  });

  test('what its owner was about to place, and what it had taken home and not freed, is freed when all have seen the death', () => {
    const all = world();
    const { words } = all.memory;
    const placed = all.dead.slots.allocate();
    words[placed + OWNER_NOTE] = LIVE;
    slots.makePlaced(words, placed);                                     // died before the push
    const task = running(all, all.dead, LIVE);
    all.live.finish(task.slot, task.running, slots.DONE);
    all.live.handOver();
    assert.equal(all.dead.takeCompleted(), task.slot);                    // died before it freed it
    markDead(all.memory, DEAD);
    const region = new OrphanedRegion(all.memory, DEAD);
    assert.equal(region.isAtRest(), false);
    assert.equal(slotsInUse(all.memory, DEAD), 2, 'in doubt until then');
    acknowledgeAll(all);
    assert.equal(region.isAtRest(), true);
  });

  test('what was held by one that died too is freed at once', () => {
    const all = world();
    running(all, all.dead, OTHER);
    const slot = all.dead.slots.allocate();
    all.dead.place(slot, OTHER);
    running(all, all.dead, DEAD);
    markDead(all.memory, OTHER);
    markDead(all.memory, DEAD);
    const region = new OrphanedRegion(all.memory, DEAD);
    assert.equal(slotsInUse(all.memory, DEAD), 0);
    acknowledgeAll(all);
    assert.equal(region.isAtRest(), true);
  });

  test('what was held by one that dies later is freed then', () => {
    const all = world();
    running(all, all.dead, OTHER);
    markDead(all.memory, DEAD);
    const region = new OrphanedRegion(all.memory, DEAD);
    acknowledgeAll(all);
    assert.equal(region.isAtRest(), false);
    markDead(all.memory, OTHER);
    assert.equal(region.isAtRest(), true, 'nobody else is concerned');
  });

  test('what is in its mailbox was let go and is freed; what was not let go is an error', () => {
    const all = world();
    const task = running(all, all.dead, LIVE);
    all.live.finish(task.slot, task.running, slots.DONE);
    all.live.handOver();
    markDead(all.memory, DEAD);
    const region = new OrphanedRegion(all.memory, DEAD);
    assert.equal(slotsInUse(all.memory, DEAD), 0);
    acknowledgeAll(all);
    assert.equal(region.isAtRest(), true);
    const broken = world();
    const { slot } = running(broken, broken.dead, LIVE);
    Atomics.store(broken.memory.words, controlOf(broken.memory.layout, DEAD) + COMPLETED, slot);
    markDead(broken.memory, DEAD);
    assert.throws(() => new OrphanedRegion(broken.memory, DEAD), /corrupt/);
  });
});

test('a number at rest is handed on with empty mailboxes, an empty table of names and no hints', () => {
  const all = world();
  const control = controlOf(all.memory.layout, DEAD);
  for (let k = 0; k < 3; k++) { all.dead.makeReady(all.dead.slots.allocate(), k % 2); all.dead.rings.publish(); }
  all.dead.names.intern('old');
  for (const word of [COMPLETED, INBOX, RETURNED, PARK]) Atomics.store(all.memory.words, control + word, 1);
  resetControl(all.memory, DEAD);
  assert.deepEqual([COMPLETED, INBOX, RETURNED, PARK, NAMES_COUNT].map((word) => Atomics.load(all.memory.words, control + word)), [0, 0, 0, 0, 0]);
  assert.deepEqual([waiting(all.memory, DEAD, 0), waiting(all.memory, DEAD, 1)], [0, 0]);
  assert.deepEqual([BOTTOM, TOP].map((word) => Atomics.load(all.memory.words, control + word)), [2, 2], 'the ring goes on where it was');
  const heir = new Participant(all.memory, DEAD);
  markLive(all.memory, DEAD);
  assert.equal(heir.slots.available, 16);
  assert.equal(heir.names.intern('new'), 0);
  all.live.forget(DEAD);
  assert.equal(all.live.namesOf(DEAD).text(0), 'new');
});
