/** Which worker gets a new connection: workers that are busy, one that stalls, and all that do. Sockets are real, workers are what they show of themselves. */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { allocateMemory, board, layOut, mapMemory } from '@capriccio/shared';
import { sharedNow } from '@capriccio/worker';
import { onTestFinished, test } from 'vitest';
import { Acceptor } from '../../../packages/core/src/serve/acceptor.ts';
import type { LiveWorker } from '../../../packages/core/src/worker-set.ts';
import { until } from './rig.ts';

const layout = layOut({ participantCount: 4, slotCount: 16, payloadBytes: 65_536, namesBytes: 128, ringCount: 3, backRingCount: 1 });
const TURN_MS = 15;

/** @param turns  for each worker whether its turns go on; none of them is ever idle */
async function rig(...turns: readonly boolean[]) {
  const memory = mapMemory(allocateMemory(layout), layout);
  const workers = turns.map((_, k) => ({ id: k + 1, handed: 0, thread: { performance: { eventLoopUtilization: () => ({ idle: 0 }) } } }) as unknown as LiveWorker);
  const boards = workers.map(({ id }) => new board.Board(memory, id));
  let tick = 0;
  for (const one of boards) one.beginTurn(0, sharedNow());
  const timer = setInterval(() => { tick++; for (const [k, one] of boards.entries()) if (turns[k] === true) one.beginTurn(tick, sharedNow()); }, TURN_MS);
  const given: { id: number; tick: number }[] = [];
  const acceptor = new Acceptor({ memory, ready: () => workers, hand: ({ id }, socket) => { given.push({ id, tick }); opened.push(socket); } }, Infinity);
  const opened: Socket[] = [];
  onTestFinished(() => {
    clearInterval(timer);
    acceptor.close();
    for (const socket of opened) socket.destroy();
  });
  const port = await acceptor.listen(0, '127.0.0.1');
  return {
    given,
    come: async (count: number): Promise<void> => {
      const from = given.length;
      for (let k = 0; k < count; k++) opened.push(connect(port, '127.0.0.1').on('error', () => { /* it is over */ }));
      await until(() => given.length === from + count, `${count} connections`);
    },
    get tick() { return tick; },
  };
}

test('all workers in turns of 15 ms: those that have come go on together, not one a turn', async () => {
  const acceptor = await rig(true, true);
  await acceptor.come(1);
  const before = acceptor.tick;
  await acceptor.come(80);
  assert.ok(acceptor.tick - before <= 20, `${acceptor.tick - before} turns`);
  for (const id of [1, 2]) assert.ok(acceptor.given.filter((one) => one.id === id).length >= 20, 'both get some');
});

test('one that stalls gets none while another moves', async () => {
  const acceptor = await rig(false, true);
  await acceptor.come(20);
  assert.deepEqual(new Set(acceptor.given.map(({ id }) => id)), new Set([2]));
});

test('where all stall, somebody gets it in the end', async () => {
  const acceptor = await rig(false, false);
  await acceptor.come(2);
  assert.deepEqual(acceptor.given.map(({ id }) => id).toSorted(), [1, 2], 'the one with fewer');
});
