/** Whether back lanes starve, by what the kernel says of them and what fronts show: real shared memory, times as they are given. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { describe, test } from 'vitest';
import { allocateMemory, board, lanes, layOut, mapMemory, markLive } from '@capriccio/shared';
import { cpuMs } from '../../../../packages/worker/src/lanes/lane-clock.ts';
import { LaneHunger, kernelTimes } from '../../../../packages/worker/src/lanes/lane-hunger.ts';

const layout = layOut({ participantCount: 8, slotCount: 16, payloadBytes: 65_536, namesBytes: 128, ringCount: 3, backRingCount: 1 });
const STEP_MS = 250;

/** Two fronts and two back lanes; what one of each has had in a step is told. */
function machine() {
  const memory = mapMemory(allocateMemory(layout), layout);
  const pens = [1, 2, 3, 4].map((id) => new board.Board(memory, id));
  const tasks = new Map([[3, 103], [4, 104]]);
  for (const [at, pen] of pens.entries()) {
    const id = at + 1;
    if (id > 2) lanes.joinBack(memory, id);
    pen.setKernelId(tasks.get(id) ?? 0);
    markLive(memory, id);
  }
  let [nowMs, frontMs, ranMs, waitedMs, looks] = [1000, 0, 0, 0, 0];
  const hunger = new LaneHunger(memory, (task) => { looks++; return task === 0 ? undefined : { ranMs, waitedMs }; });
  const statistics = { begun: 0, finished: 0, failed: 0, calls: 0, sleeps: 0, sleptMs: 0, loopMs: 0, heapBytes: 0, externalBytes: 0 };
  hunger.isStarving(nowMs);                                              // the first look only remembers
  return {
    hunger,
    get looks() { return looks; },
    replaceLane: () => { pens[3]?.setKernelId(204); ranMs = waitedMs = 0; },
    step: ({ ran, waited, front = 0 }: { ran: number; waited: number; front?: number }): boolean => {
      [nowMs, ranMs, waitedMs, frontMs] = [nowMs + STEP_MS, ranMs + ran, waitedMs + waited, frontMs + front];
      for (const pen of pens.slice(0, 2)) pen.writeStatistics({ ...statistics, cpuMs: frontMs });
      return hunger.isStarving(nowMs);
    },
  };
}

describe('lanes starve', () => {
  const drought = { ran: 10, waited: 230 };
  test('when for a second others than the fronts keep them from a processor, until they get a third of what they could use', () => {
    const { step } = machine();
    assert.equal(step({ ran: 120, waited: 120 }), false, 'half');
    for (let k = 0; k < 6; k++) assert.equal(step({ ran: 35, waited: 200 }), false, 'a seventh');
    assert.deepEqual(Array.from({ length: 4 }, () => step({ ...drought, front: 20 })), [false, false, false, true]);
    assert.equal(step({ ran: 60, waited: 180, front: 240 }), true, 'a quarter, and the fronts are busy now with what lanes would have done');
    assert.equal(step({ ran: 1, waited: 2 }), true, 'too little to say anything');
    assert.equal(step({ ran: 6, waited: 9 }), false, 'two fifths of what the few had that were handed over');
  });

  test('not when it was for less than a second', () => {
    const { step } = machine();
    for (let k = 0; k < 20; k++) assert.equal(step(k % 4 === 3 ? { ran: 60, waited: 180 } : drought), false);
  });

  test('not when it is the fronts that keep them', () => {
    const { step } = machine();
    for (let k = 0; k < 8; k++) assert.equal(step({ ...drought, front: 130 }), false);
    assert.deepEqual(Array.from({ length: 4 }, () => step({ ...drought, front: 120 })), [false, false, false, true]);
  });

  test('not when they have little to do, or where the kernel does not tell', () => {
    const { step } = machine();
    for (let k = 0; k < 8; k++) assert.equal(step({ ran: 1, waited: 10 }), false, `${k}`);   // two looks have seen enough, of eight
    const silent = new LaneHunger(mapMemory(allocateMemory(layout), layout), () => undefined);
    for (let now = 0; now < 3000; now += STEP_MS) assert.equal(silent.isStarving(now), false);
  });

  test('not by what a lane had that has been replaced', () => {
    const { step, replaceLane } = machine();
    for (let k = 0; k < 3; k++) assert.equal(step(drought), false);
    replaceLane();
    assert.deepEqual(Array.from({ length: 5 }, () => step(drought)), [false, false, false, false, true], 'the first of another lane is only remembered');
  });

  test('which is asked of the kernel a few times a second', () => {
    const one = machine();
    const before = one.looks;
    for (let now = 1000; now < 1200; now += 1) one.hunger.isStarving(now);
    assert.equal(one.looks, before);
  });
});

test.runIf(process.platform === 'linux')('the kernel tells how long this thread has run', () => {
  const task = Number(readlinkSync('/proc/thread-self').split('/').pop());
  const before = kernelTimes(task);
  if (before === undefined) return;                                      // a kernel without that account
  for (const end = performance.now() + 20; performance.now() < end;) { /* it runs, or waits for a processor */ }
  const after = kernelTimes(task) as typeof before;
  assert.ok(after.ranMs + after.waitedMs > before.ranMs + before.waitedMs);
  assert.equal(kernelTimes(2 ** 30), undefined);
});
test.runIf(process.platform === 'linux')('and nothing of one that has ended, though it was asked for before', async () => {
  const worker = new Worker("const { readlinkSync } = require('node:fs'); const { parentPort } = require('node:worker_threads'); parentPort.postMessage(Number(readlinkSync('/proc/thread-self').split('/').at(-1))); parentPort.once('message', () => {});", { eval: true });
  const [task] = await once(worker, 'message') as [number];
  if (kernelTimes(process.pid) !== undefined) assert.ok((kernelTimes(task)?.ranMs ?? 0) > 0);
  worker.postMessage('end');
  await once(worker, 'exit');
  assert.equal(kernelTimes(task), undefined);
});
test('processor time does not go back, and counts no rest', async () => {
  const began = cpuMs();
  let last = began;
  for (let k = 0; k < 20_000; k++) {
    const now = cpuMs();
    assert.ok(now >= last, `${last} and then ${now} ms`);
    last = now;
  }
  const before = cpuMs();
  await delay(60);
  assert.ok(cpuMs() - before < 40, `${cpuMs() - before} of 60 ms of rest`);
});
