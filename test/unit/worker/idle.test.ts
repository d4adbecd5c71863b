import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'vitest';
import { allocateMemory, board, layOut, mapMemory, markLive, parker, type Memory } from '@capriccio/shared';
import { Idle, type IdleParts } from '../../../packages/worker/src/idle.ts';

const ME = 1;
interface Rig { memory: Memory; idle: Idle; log: string[] }
function rig(parts: Partial<IdleParts>): Rig {
  const layout = layOut({ participantCount: 2, slotCount: 16, payloadBytes: 65_536, namesBytes: 128, ringCount: 1 });
  const memory = mapMemory(allocateMemory(layout), layout);
  for (const id of [0, ME]) markLive(memory, id);
  const log: string[] = [];
  const idle = new Idle({ memory, me: ME, hasWork: () => false, takesWork: () => true, board: new board.Board(memory, ME), mustTurn: () => true, onSought: () => { /* nobody else is there */ }, turnNow: () => { log.push('turn'); }, arm: () => { log.push('arm'); }, ...parts });
  return { memory, idle, log };
}
/** Sleeps until the spin before the sleep is over. */
async function park({ idle, log }: Rig): Promise<void> {
  for (let k = 0; !idle.isParked; k++) { assert.ok(k < 100_000); idle.sleep(false); await Promise.resolve(); }
  log.length = 0;
}

test('in the event loop it parks, and a waker has a turn armed', async () => {
  const all = rig({});
  await park(all);
  assert.equal(parker.hungryCount(all.memory) > 0, true);
  assert.equal(parker.wakeOne(all.memory), true);
  while (all.log.length === 0) await delay(1);
  assert.deepEqual(all.log, ['arm']);
  all.idle.wakeUp();
  assert.equal(all.idle.isParked, false);
  assert.equal(parker.hungryCount(all.memory) > 0, false);
});

test('woken by something of its own it is parked no more, and nobody has to wake it', async () => {
  const all = rig({});
  await park(all);
  all.idle.wakeUp();
  assert.equal(parker.wakeOne(all.memory), false);
  await park(all);                                                       // its waiter of before still waits
  assert.equal(parker.wakeOne(all.memory), true);
  while (all.log.length === 0) await delay(1);
});

test('work that comes between the announcement and the sleep keeps it awake', () => {
  for (const mustTurn of [true, false]) {
    let looks = 0;
    const all = rig({ mustTurn: () => mustTurn, hasWork: () => ++looks > 0 });
    for (let k = 0; k < 100_000 && looks === 0; k++) all.idle.sleep(false);
    assert.equal(all.idle.isParked, false);
    assert.equal(parker.hungryCount(all.memory) > 0, false);
    assert.ok(all.log.includes(mustTurn ? 'arm' : 'turn'));
  }
});

test('outside of the event loop it sleeps for a while and then turns there once', () => {
  const all = rig({ mustTurn: () => false });
  const began = performance.now();
  all.idle.sleep(false);
  assert.ok(performance.now() - began >= 40);
  assert.deepEqual(all.log, ['arm']);
  assert.equal(all.idle.sleeps, 1);
});

test('turns that find nothing do not nest without end', () => {
  let depth = 0;
  let deepest = 0;
  const all: Rig = rig({
    mustTurn: () => false,
    hasWork: () => true,                                                 // work that this worker cannot take: its module is being loaded
    turnNow() { depth++; deepest = Math.max(deepest, depth); if (depth < 5_000) all.idle.sleep(false); depth--; },
  });
  all.idle.sleep(false);
  assert.ok(deepest < 100, `${deepest} turns inside each other`);
  assert.deepEqual(all.log, ['arm']);
});
