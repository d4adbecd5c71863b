import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, test } from 'vitest';
import { directOf } from '../../../../packages/worker/src/suspended.ts';
import { Barrier, Latch, spawn, yieldNow } from '../../../../packages/worker/src/thread-api.ts';
import { agrees, QueueModel, steps } from './rig.ts';

class BarrierModel extends QueueModel<'arrive', never> {
  start(id: number, op: 'arrive'): void {
    this.queue.push({ id, op });
    if (this.queue.length < 3) return;
    for (const one of this.queue.splice(0)) this.results.set(one.id, one.id === id);
  }
  act(): void { /* nobody else acts on a barrier */ }
}

class LatchModel extends QueueModel<'wait', number> {
  #count = 5;
  readonly #latch: Latch;
  constructor(latch: Latch) { super(); this.#latch = latch; }
  start(id: number, op: 'wait'): void {
    if (this.#count === 0) this.results.set(id, 'open');
    else this.queue.push({ id, op });
  }
  act(count: number): void {
    this.#count = Math.max(0, this.#count - count);
    if (this.#count === 0) for (const { id } of this.queue.splice(0)) this.results.set(id, 'open');
    this.#latch.countDown(count);
    assert.equal(this.#latch.count, this.#count);
  }
}

describe('Barrier', () => {
  const arrive = directOf(Barrier.prototype.wait);
  test('agrees with its model', async () => {
    await agrees(steps<'arrive', never>(fc.constant('arrive'), fc.constant(0 as never)), () => {
      const barrier = new Barrier(3);
      return { model: new BarrierModel(), subject: { awaited: (_, options) => barrier.wait(options), direct: (_, options) => arrive.call(barrier, options), show: (value) => value } };
    });
  });

  test('nobody is a round ahead: all have arrived before any goes on', async () => {
    const barrier = new Barrier(6);
    const arrived = Array.from({ length: 20 }, () => 0);
    await Promise.all(Array.from({ length: 6 }, (_, k) => spawn(async () => {
      for (let round = 0; round < arrived.length; round++) {
        for (let n = 0; n < (k + round) % 4; n++) await yieldNow();
        (arrived[round] as number)++;
        await barrier.wait();
        assert.equal(arrived[round], 6);
      }
    }).join()));
  });

  test('of one party never waits', async () => { assert.deepEqual([await new Barrier(1).wait(), new Barrier(1).waiting], [true, 0]); });
  test('refuses numbers that make no sense', () => { for (const parties of [0, -1, 1.5, '2']) assert.throws(() => new Barrier(parties as number), { code: 'CAP_ERR_OPTION' }); });
});

describe('Latch', () => {
  const wait = directOf(Latch.prototype.wait);
  test('agrees with its model', async () => {
    await agrees(steps<'wait', number>(fc.constant('wait'), fc.integer({ min: 1, max: 2 })), () => {
      const latch = new Latch(5);
      return { model: new LatchModel(latch), subject: { awaited: (_, options) => latch.wait(options), direct: (_, options) => wait.call(latch, options), show: () => 'open' } };
    });
  });
  test('of no events is open', async () => { const latch = new Latch(0); await latch.wait(); assert.equal(latch.isOpen, true); });
  test('refuses numbers that make no sense', () => {
    for (const count of [-1, 1.5, '2']) assert.throws(() => new Latch(count as number), { code: 'CAP_ERR_OPTION' });
    assert.throws(() => new Latch(1).countDown(0), { code: 'CAP_ERR_OPTION' });
  });
});
