import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, test } from 'vitest';
import { directOf, SUSPENDED } from '../../../../packages/worker/src/suspended.ts';
import { current, Mutex, sleep, spawn, yieldNow } from '../../../../packages/worker/src/thread-api.ts';
import { agrees, dispose, QueueModel, settle, steps } from './rig.ts';

class MutexModel extends QueueModel<'lock' | 'try', 'release'> {
  #holder: number | undefined;
  start(id: number, op: 'lock' | 'try'): void {
    if (this.#holder === undefined) { this.#holder = id; this.results.set(id, 'held'); }
    else if (op === 'try') this.results.set(id, undefined);
    else this.queue.push({ id, op });
  }
  act(_: 'release', values: ReadonlyMap<number, unknown>): void {
    const holder = this.#holder;
    if (holder === undefined || !values.has(holder)) return;
    this.#holder = this.queue.shift()?.id;
    if (this.#holder !== undefined) this.results.set(this.#holder, 'held');
    dispose(values.get(holder));
  }
}

const lock = directOf(Mutex.prototype.lock);

describe('Mutex', () => {
  test('agrees with its model', async () => {
    await agrees(steps<'lock' | 'try', 'release'>(fc.constantFrom('lock', 'lock', 'lock', 'try'), fc.constant('release')), () => {
      const mutex = new Mutex();
      return {
        model: new MutexModel(),
        subject: {
          awaited: (op, options) => (op === 'try' ? Promise.resolve(mutex.tryLock()) : mutex.lock(options)),
          direct: (op, options) => (op === 'try' ? mutex.tryLock() : lock.call(mutex, options)),
          show: (value) => (value === undefined ? undefined : 'held'),
        },
      };
    });
  });

  test('goes to whoever has waited longest: nobody passes another', async () => {
    const mutex = new Mutex();
    const asked: number[] = [];
    const got: number[] = [];
    const threads = Array.from({ length: 8 }, (_, k) => spawn(async () => {
      for (let turn = 0; turn < 25; turn++) {
        asked.push(k);
        using held = await mutex.lock();
        got.push(k);
        await (turn % 3 === 0 ? sleep(0) : yieldNow());
        void held;
      }
    }));
    await Promise.all(threads.map((thread) => thread.join()));
    assert.deepEqual(got, asked);
  });

  test('does not make a convoy: whoever is handed it goes on before others find it locked', async () => {
    const mutex = new Mutex();
    let waited = 0;
    const worker = function* (): Generator<unknown, void, unknown> {
      for (let k = 0; k < 50; k++) {
        let held = lock.call(mutex) as unknown;
        if (held === SUSPENDED) { waited++; held = yield SUSPENDED; }
        (held as Disposable)[Symbol.dispose]();
        yield;
      }
    };
    const held = mutex.tryLock() as Disposable;
    const threads = Array.from({ length: 20 }, () => spawn(worker));
    await sleep(1);                                                         // all of them wait for it now
    held[Symbol.dispose]();
    for (const thread of threads) await thread.join();
    assert.ok(waited < 40, `${waited} of 1,000 locks waited`);                  // the 20, and who had a turn between them
  });

  test('a guard unlocks once, however often it is disposed of', async () => {
    const mutex = new Mutex();
    const first = await mutex.lock();
    dispose(first);
    const second = mutex.tryLock();
    dispose(first);
    assert.ok(second !== undefined && mutex.isLocked && mutex.tryLock() === undefined);
    dispose(second);
    assert.equal(mutex.isLocked, false);
  });

  test('handed over and cancelled in the same turn, the thread has it, and is told of the cancellation at its next wait', async () => {
    for (const form of ['frames', 'native']) {
      const mutex = new Mutex();
      const held = await mutex.lock();
      const log: string[] = [];
      const thread = form === 'native'
        ? spawn(async () => { using mine = await mutex.lock(); void mine; log.push('has it'); await sleep(1); log.push('no'); })
        : spawn(function* (): Generator<unknown, void, unknown> { using mine = (yield lock.call(mutex)) as Disposable; void mine; log.push('has it'); yield sleep(1); log.push('no'); });
      await settle();
      dispose(held);
      thread.cancel();
      await assert.rejects(thread.join(), { code: 'CAP_ERR_CANCELLED' });
      assert.deepEqual(log, ['has it'], form);
      assert.equal(mutex.isLocked, false);
    }
  });

  test('a cancelled thread does not lock it: lock rejects first', async () => {
    const mutex = new Mutex();
    const thread = spawn(async () => { current().cancel(); await mutex.lock(); });
    await assert.rejects(thread.join(), { code: 'CAP_ERR_CANCELLED' });
    assert.equal(mutex.isLocked, false);
  });

  test('a wait that is over by its time limit says what it waited for', async () => {
    const mutex = new Mutex({ name: 'cache' });
    const held = await mutex.lock();
    await assert.rejects(mutex.lock({ timeoutMs: 1 }), { code: 'CAP_ERR_TIMEOUT', message: "mutex 'cache' was not to be had within 1 ms" });
    dispose(held);
    assert.equal(mutex.isLocked, false);
  });

  test('refuses options that make no sense', async () => {
    assert.throws(() => new Mutex({ name: 5 as unknown as string }), { code: 'CAP_ERR_OPTION' });
    assert.throws(() => new Mutex(null as unknown as object), { code: 'CAP_ERR_OPTION' });
    for (const timeoutMs of [-1, Number.NaN, '5', null]) await assert.rejects(new Mutex().lock({ timeoutMs: timeoutMs as number }), { code: 'CAP_ERR_OPTION' });
    await assert.rejects(new Mutex().lock(5 as unknown as object), { code: 'CAP_ERR_OPTION' });
  });
});
