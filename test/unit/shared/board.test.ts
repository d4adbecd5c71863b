import assert from 'node:assert/strict';
import { test } from 'vitest';
import { board } from '@capriccio/shared';
import { arena } from './arena.ts';

const statistics = { cpuMs: 1.25, begun: 2, finished: 3, failed: 4, calls: 5, sleeps: 6, sleptMs: 7.5, loopMs: 8.125, heapBytes: 9, externalBytes: 10 };

test('what one participant writes the others read, each his own', () => {
  const memory = arena();
  const [one, two] = [new board.Board(memory, 1), new board.Board(memory, 2)];
  one.endTurn({ runnable: 3, threads: 4, queued: 5 });
  one.setConnections(6);
  two.endTurn({ runnable: 7, threads: 8, queued: 9 });
  assert.deepEqual(board.readLoad(memory, 1), { runnable: 3, threads: 4, queued: 5, connections: 6 });
  assert.deepEqual(board.readLoad(memory, 2), { runnable: 7, threads: 8, queued: 9, connections: 0 });
});

test('statistics keep their fractions, and do not spill over', () => {
  const memory = arena();
  new board.Board(memory, 1).writeStatistics(statistics);
  assert.deepEqual(board.readStatistics(memory, 1), statistics);
  assert.deepEqual(Object.values(board.readStatistics(memory, 0)), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  assert.deepEqual(Object.values(board.readStatistics(memory, 2)), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
});

test('how long a turn lasts is known while it lasts', () => {
  const memory = arena();
  const mine = new board.Board(memory, 1);
  assert.equal(board.busyForMs(memory, 1, 1_000), 0, 'before the first turn');
  mine.beginTurn(1, 1_000.7);
  assert.equal(board.busyForMs(memory, 1, 1_250), 250);
  assert.equal(board.busyForMs(memory, 1, 900), 0, 'a reader whose clock is behind');
  mine.endTurn({ runnable: 0, threads: 0, queued: 0 });
  assert.equal(board.busyForMs(memory, 1, 9_999), 0);
});

test('a clock beyond 32 bits, or at a multiple of 2^32, is no trouble', () => {
  const memory = arena();
  const mine = new board.Board(memory, 1);
  for (const began of [2 ** 31 - 10, 2 ** 32 - 10, 2 ** 32, 2 ** 40 + 0.5]) {
    mine.beginTurn(1, began);
    const busy = board.busyForMs(memory, 1, began + 30);
    assert.ok(busy >= 29 && busy <= 30, `${busy} ms`);
  }
});

test('turns are counted modulo 2^32', () => {
  const memory = arena();
  const mine = new board.Board(memory, 1);
  mine.beginTurn(2 ** 31, 5);
  assert.equal(board.readTick(memory, 1) >>> 0, 2 ** 31);
});
