/** The table of verdicts and the mask of back lanes, one thread. What other threads may do meanwhile: test/model/lanes.test.ts. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { allocateMemory, lanes, layOut, mapMemory, markDead, markLive, parker } from '@capriccio/shared';

const layout = layOut({ participantCount: 70, slotCount: 16, payloadBytes: 65_536, namesBytes: 128, ringCount: 3, backRingCount: 1 });
const memoryFor = () => mapMemory(allocateMemory(layout), layout);

test('a name keeps its word, others have words of their own', () => {
  const memory = memoryFor();
  const names = Array.from({ length: 600 }, (_, k) => `GET /route/${k}`);
  const words = names.map((name) => lanes.verdictWordOf(memory, name));
  assert.equal(new Set(words).size, names.length);
  assert.ok(words.every((word) => word > 0));
  assert.deepEqual(names.map((name) => lanes.verdictWordOf(memory, name)), words);
  for (const [k, word] of words.entries()) lanes.changeVerdict(memory, word, () => k);
  assert.deepEqual(words.map((word) => lanes.readVerdict(memory, word)), [...names.keys()]);
});

test('a table without room says so, and keeps what it has', () => {
  const memory = memoryFor();
  const words = Array.from({ length: 3 * lanes.LANE_ROW_COUNT }, (_, k) => lanes.verdictWordOf(memory, `root ${k}`));
  assert.ok(words.includes(0));
  const kept = words.filter((word) => word !== 0);
  assert.equal(new Set(kept).size, kept.length);
  assert.ok(kept.length > 0.9 * lanes.LANE_ROW_COUNT);
  assert.equal(lanes.verdictWordOf(memory, 'root 0'), words[0]);
});

test('back lanes join, are counted, and leave by death', () => {
  const memory = memoryFor();
  for (const id of [1, 33, 69]) { lanes.joinBack(memory, id); markLive(memory, id); }
  assert.equal(lanes.backLaneCount(memory), 3);
  assert.deepEqual([1, 2, 33, 69].map((id) => lanes.isBackLane(memory, id)), [true, false, true, true]);
  markDead(memory, 33);
  assert.equal(lanes.backLaneCount(memory), 2);
  assert.equal(lanes.isBackLane(memory, 33), false);
  assert.equal(lanes.offerBack(memory), false, 'none of them sleeps');
  assert.equal(lanes.busyBackLaneCount(memory), 2);
  parker.announce(memory, 69, true);
  assert.equal(lanes.busyBackLaneCount(memory), 1);
  parker.wake(memory, 69);
  assert.equal(lanes.busyBackLaneCount(memory), 2, 'it is about to run');
});

test('its rings are the last ones, and there is always one for the others', () => {
  assert.equal(layout.backRingCount, 1);
  for (const backRingCount of [3, -1, 0.5]) assert.throws(() => layOut({ ...layout, backRingCount }), { code: 'CAP_ERR_OPTION' });
});
