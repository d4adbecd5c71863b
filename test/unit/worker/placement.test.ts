import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { Participant, allocateMemory, board, layOut, mapMemory, markDead, markLive, type Memory } from '@capriccio/shared';
import { sharedNow } from '../../../packages/worker/src/clock.ts';
import { chooseWorker } from '../../../packages/worker/src/placement.ts';

/** An arena in which main and workers 1 to `workers` live. */
function arena(workers: number): Memory {
  const layout = layOut({ participantCount: 12, slotCount: 16, payloadBytes: 65_536, namesBytes: 128, ringCount: 1 });
  const memory = mapMemory(allocateMemory(layout), layout);
  for (let id = 0; id <= workers; id++) live(memory, id, id);
  return memory;
}
const live = (memory: Memory, id: number, seat: number): void => { new board.Board(memory, id).setSeat(seat); markLive(memory, id); };
const keys = Array.from({ length: 4_000 }, (_, k) => `customer-${k}`);

describe('by key', () => {
  test('a key has one worker, whoever asks and however often', () => {
    const memory = arena(8);
    for (const key of keys.slice(0, 100)) assert.equal(new Set(Array.from({ length: 5 }, () => chooseWorker(memory, key))).size, 1);
    assert.equal(chooseWorker(memory, 7), chooseWorker(memory, '7'), 'a number is its text');
  });

  test('keys spread evenly, and never to main', () => {
    const memory = arena(8);
    const counts = new Map<number, number>();
    for (const key of keys) { const id = chooseWorker(memory, key) as number; counts.set(id, (counts.get(id) ?? 0) + 1); }
    assert.deepEqual([...counts.keys()].toSorted((a, b) => a - b), [1, 2, 3, 4, 5, 6, 7, 8]);
    for (const [id, count] of counts) assert.ok(count > 400 && count < 600, `worker ${id} has ${count} of ${keys.length}`);
  });

  test('when a worker dies only its keys move; who takes its seat has them again, under another number; one more takes its share of all', () => {
    const memory = arena(8);
    const before = new Map(keys.map((key) => [key, chooseWorker(memory, key)]));
    markDead(memory, 5);
    for (const [key, id] of before) if (id !== 5) assert.equal(chooseWorker(memory, key), id); else assert.notEqual(chooseWorker(memory, key), 5);
    live(memory, 10, 5);
    for (const [key, id] of before) assert.equal(chooseWorker(memory, key), id === 5 ? 10 : id);
    live(memory, 9, 9);
    const moved = keys.filter((key) => chooseWorker(memory, key) !== (before.get(key) === 5 ? 10 : before.get(key)));
    assert.ok(moved.every((key) => chooseWorker(memory, key) === 9));
    assert.ok(moved.length > 350 && moved.length < 550, `${moved.length} of ${keys.length} moved`);
  });
});

describe('without a key', () => {
  test('the least loaded is chosen', () => {
    const memory = arena(3);
    for (const [id, threads] of [[1, 5], [2, 1], [3, 9]] as const) new board.Board(memory, id).endTurn({ runnable: 0, threads, queued: 0 });
    for (let k = 0; k < 10; k++) assert.equal(chooseWorker(memory, undefined), 2);
  });

  test('equals take turns', () => {
    const memory = arena(4);
    const chosen = Array.from({ length: 40 }, () => chooseWorker(memory, undefined));
    for (const id of [1, 2, 3, 4]) assert.equal(chosen.filter((one) => one === id).length, 10);
  });

  test('one that has been in a turn for long is passed over, though it shows no load', () => {
    const memory = arena(2);
    new board.Board(memory, 1).beginTurn(1, sharedNow() - 1_000);
    new board.Board(memory, 2).endTurn({ runnable: 50, threads: 50, queued: 50 });
    for (let k = 0; k < 6; k++) assert.equal(chooseWorker(memory, undefined), 2);
  });

  test('nobody where no worker lives', () => {
    const memory = arena(0);
    assert.equal(chooseWorker(memory, undefined), undefined);
    assert.equal(chooseWorker(memory, 'key'), undefined);
    assert.ok(new Participant(memory, 1).slots.available > 0);            // made, not yet live
    assert.equal(chooseWorker(memory, undefined), undefined);
  });
});
