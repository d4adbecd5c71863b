/** Whether there is a processor for one more back lane: real shared memory, times as they are given. */
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { allocateMemory, board, lanes, layOut, mapMemory, markLive } from '@capriccio/shared';
import { LaneRoom } from '@capriccio/worker';

const layout = layOut({ participantCount: 8, slotCount: 16, payloadBytes: 65_536, namesBytes: 128, ringCount: 3, backRingCount: 1 });

/** A front that waits all the time, and a back lane; what the lane has had is told, ms. */
function machine(account: 'kept' | 'missing' = 'kept') {
  const memory = mapMemory(allocateMemory(layout), layout);
  for (const id of [1, 2]) {
    if (id === 2) lanes.joinBack(memory, id);
    new board.Board(memory, id).setKernelId(100 + id);
    markLive(memory, id);
  }
  let [nowMs, ranMs, waitedMs] = [0, 0, 0];
  const room = new LaneRoom(memory, (task) => (account === 'missing' ? undefined : task === 102 ? { ranMs, waitedMs } : { ranMs: 0, waitedMs: nowMs * 10 }));
  return {
    after: (ms: number, ran: number, waited: number): boolean => {
      nowMs += ms;
      ranMs += ran;
      waitedMs += waited;
      return room.isThere(nowMs);
    },
    restart: () => { ranMs = waitedMs = 0; },
  };
}

describe('room for one more back lane', () => {
  test('where those that there are have hardly waited for a processor, since they began', () => {
    const { after } = machine();
    assert.equal(after(500, 400, 60), true, 'it has loaded the application');
    assert.equal(after(100, 100, 0), false, 'too little to say anything');
    assert.equal(after(160, 158, 2), true);
  });
  test('not where they wait for one, and then not until they have hardly waited for a quarter of a second', () => {
    const { after } = machine();
    assert.equal(after(500, 300, 200), false);
    assert.equal(after(260, 210, 50), false);
    for (let k = 0; k < 12; k++) assert.equal(after(20, 20, 0), false, 'too little to say anything');
    assert.equal(after(20, 20, 0), true);
  });
  test('where they could not have run: they are blocked in the kernel', () => {
    const { after } = machine();
    after(500, 300, 200);
    assert.equal(after(200, 1, 0), false, 'too soon to say');
    assert.equal(after(201, 1, 0), true);
  });
  test('not while one has just been replaced: what it had is missing', () => {
    const { after, restart } = machine();
    after(500, 400, 0);
    restart();
    assert.equal(after(400, 300, 0), false);
    assert.equal(after(400, 300, 0), true);
  });
  test('where the kernel keeps no account', () => {
    const { after } = machine('missing');
    assert.equal(after(500, 1, 1000), true);
  });
});
