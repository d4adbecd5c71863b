import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, test } from 'vitest';
import { directOf } from '../../../../packages/worker/src/suspended.ts';
import { Semaphore, spawn, yieldNow } from '../../../../packages/worker/src/thread-api.ts';
import { agrees, dispose, pick, QueueModel, steps } from './rig.ts';

interface Op { readonly count: number; readonly isTry: boolean }
type Act = { readonly give: number } | { readonly back: number };

class SemaphoreModel extends QueueModel<Op, Act> {
  #available = 2;
  readonly #holds: { id: number; count: number }[] = [];
  readonly #semaphore: Semaphore;
  constructor(semaphore: Semaphore) { super(); this.#semaphore = semaphore; }
  start(id: number, op: Op): void {
    if (this.queue.length === 0 && op.count <= this.#available) this.#grant(id, op.count);
    else if (op.isTry) this.results.set(id, undefined);
    else this.queue.push({ id, op });
  }
  #grant(id: number, count: number): void {
    this.#available -= count;
    this.#holds.push({ id, count });
    this.results.set(id, 'permits');
  }
  override left(): void {
    for (let first = this.queue[0]; first !== undefined && first.op.count <= this.#available; first = this.queue[0]) { this.queue.shift(); this.#grant(first.id, first.op.count); }
  }
  act(act: Act, values: ReadonlyMap<number, unknown>): void {
    if ('give' in act) {
      this.#available += act.give;
      this.left();
      this.#semaphore.release(act.give);
      return;
    }
    const hold = pick(this.#holds.filter(({ id }) => values.has(id)), act.back);
    if (hold === undefined) return;
    this.#holds.splice(this.#holds.indexOf(hold), 1);
    this.#available += hold.count;
    this.left();
    dispose(values.get(hold.id));
  }
}

const acquire = directOf(Semaphore.prototype.acquire);

describe('Semaphore', () => {
  test('agrees with its model', async () => {
    const op = fc.record({ count: fc.integer({ min: 1, max: 4 }), isTry: fc.integer({ min: 0, max: 4 }).map((n) => n === 0) });
    const act = fc.oneof<fc.Arbitrary<Act>[]>(fc.record({ give: fc.integer({ min: 1, max: 2 }) }), fc.record({ back: fc.nat(9) }), fc.record({ back: fc.nat(9) }));
    await agrees(steps(op, act), () => {
      const semaphore = new Semaphore(2);
      return {
        model: new SemaphoreModel(semaphore),
        subject: {
          awaited: ({ count, isTry }, options) => (isTry ? Promise.resolve(semaphore.tryAcquire(count)) : semaphore.acquire(count, options)),
          direct: ({ count, isTry }, options) => (isTry ? semaphore.tryAcquire(count) : acquire.call(semaphore, count, options)),
          show: (value) => (value === undefined ? undefined : 'permits'),
        },
      };
    });
  });

  test('who wants many is not passed by who wants few', async () => {
    const semaphore = new Semaphore(3);
    const asked: number[] = [];
    const got: number[] = [];
    await Promise.all(Array.from({ length: 7 }, (_, k) => spawn(async () => {
      for (let turn = 0; turn < 20; turn++) {
        asked.push(k);
        using permits = await semaphore.acquire(1 + (k + turn) % 3);
        got.push(k);
        await yieldNow();
        void permits;
      }
    }).join()));
    assert.deepEqual(got, asked);
    assert.equal(semaphore.available, 3);
  });

  test('refuses numbers that make no sense', async () => {
    for (const count of [-1, 1.5, Number.NaN, '3', 2 ** 31]) assert.throws(() => new Semaphore(count as number), { code: 'CAP_ERR_OPTION' });
    const semaphore = new Semaphore(2 ** 31 - 1);
    for (const count of [0, -1, 0.5, '1']) {
      await assert.rejects(semaphore.acquire(count as number), { code: 'CAP_ERR_OPTION' });
      assert.throws(() => semaphore.tryAcquire(count as number), { code: 'CAP_ERR_OPTION' });
      assert.throws(() => semaphore.release(count as number), { code: 'CAP_ERR_OPTION' });
    }
    assert.throws(() => semaphore.release(), { code: 'CAP_ERR_OPTION' });
  });
});
