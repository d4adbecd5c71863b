/** Which lane a call goes to, while lanes fare well and while they starve. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { allocateMemory, board, lanes, layOut, mapMemory, markLive } from '@capriccio/shared';
import type { Call } from '../../../../packages/worker/src/call.ts';
import { LaneClock } from '../../../../packages/worker/src/lanes/lane-clock.ts';
import { LaneHunger } from '../../../../packages/worker/src/lanes/lane-hunger.ts';
import { LaneRouter } from '../../../../packages/worker/src/lanes/lane-router.ts';

const layout = layOut({ participantCount: 8, slotCount: 16, payloadBytes: 65_536, namesBytes: 128, ringCount: 3, backRingCount: 1 });

function rig() {
  const memory = mapMemory(allocateMemory(layout), layout);
  const [front, back] = [new board.Board(memory, 1), new board.Board(memory, 2)];
  lanes.joinBack(memory, 2);
  front.setKernelId(101);
  back.setKernelId(102);
  markLive(memory, 1);
  markLive(memory, 2);
  lanes.setLanes(memory, lanes.OPEN);
  const times = { ranMs: 0, waitedMs: 0 };
  const hunger = new LaneHunger(memory, () => ({ ...times }));
  const clock = new LaneClock(memory, false, { onChange: () => { /* nobody listens */ } });
  const router = new LaneRouter(memory, clock, () => { /* they are there */ }, hunger);
  const callOf = (rootName: string, lane?: 'front' | 'back'): Call => ({ target: { rootName, lane: undefined }, options: lane === undefined ? undefined : { lane } }) as unknown as Call;
  let nowMs = 1000;
  return {
    clock, router, callOf,
    looks: (count: number, ran: number, waited: number) => {
      for (let k = 0; k < count; k++) { times.ranMs += ran; times.waitedMs += waited; hunger.isStarving(nowMs += 250); }
      nowMs = performance.timeOrigin + performance.now();               // the router asks by the clock: not to be looked at again yet
    },
  };
}

test('what is long goes to the back, what is not stays, and what somebody says goes before', () => {
  const { clock, router, callOf } = rig();
  const long = clock.of('long');
  for (let k = 0; k < 64; k++) clock.judge(long, 20, true);
  assert.equal(router.isForBack(callOf('long')), true);
  assert.equal(router.isForBack(callOf('short')), false);
  assert.equal(router.isForBack(callOf('long', 'front')), false);
  assert.equal(router.isForBack(callOf('short', 'back')), true);
});

test('while lanes starve what is long stays in front, but for one call in a while, and what somebody has put there goes', () => {
  const { clock, router, callOf, looks } = rig();
  const long = clock.of('long');
  for (let k = 0; k < 64; k++) clock.judge(long, 20, true);
  looks(6, 10, 230);
  assert.deepEqual(Array.from({ length: 5 }, () => router.isForBack(callOf('long'))), [true, false, false, false, false]);
  assert.equal(router.isForBack(callOf('long', 'back')), true);
  looks(1, 200, 40);
  assert.equal(router.isForBack(callOf('long')), true, 'they have what they can use again');
});
