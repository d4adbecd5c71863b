import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, test } from 'vitest';
import { sharedNow } from '../../../packages/worker/src/clock.ts';
import { setPoolHandle } from '../../../packages/worker/src/current.ts';
import { checkCancelled, current, pool, sleep, spawn, yieldNow } from '../../../packages/worker/src/thread-api.ts';
import type { PoolHandle } from '../../../packages/worker/src/pool-handle.ts';

const isOption = (message: RegExp) => (error: unknown): boolean => (error as { code?: unknown }).code === 'CAP_ERR_OPTION' && message.test((error as Error).message);

describe('on a main thread without a pool', () => {
  test('spawn runs functions of every kind and gives their results', async () => {
    function* frames(n: number): Generator<unknown, number> { yield; return n * 2; }
    assert.equal(await spawn((a: number, b: number) => a + b, 1, 2).join(), 3);
    assert.equal(await spawn(async (n: number) => { await Promise.resolve(); return n; }, 4).join(), 4);
    assert.equal(await spawn(frames, 5).join(), 10);
    assert.equal(await spawn(Math.max, 1, 7, 3).join(), 7);
  });

  test('arguments and results are passed as they are', async () => {
    const object = { a: 1 };
    assert.equal(await spawn((value: object) => value, object).join(), object);
  });

  test('sleep outside of a thread waits too, and keeps the process alive until then', async () => {
    const until = sharedNow() + 12;
    await sleep(12);
    assert.ok(sharedNow() >= until);
  });

  test('sleep never wakes early inside a thread', async () => {
    const early: number[] = [];
    await Promise.all(Array.from({ length: 40 }, (_, k) => spawn(async () => {
      const until = sharedNow() + k / 2;
      await sleep(k / 2);
      if (sharedNow() < until) early.push(k / 2);
    }).join()));
    assert.deepEqual(early, []);
  });

  test('sleeps end in the order of their times, not of their calls', async () => {
    const log: number[] = [];
    await Promise.all([60, 20, 40, 0].map((ms) => spawn(async () => { await sleep(ms); log.push(ms); }).join()));
    assert.deepEqual(log, [0, 20, 40, 60]);
  });

  test('the longest sleep there is does not overflow', async () => {
    const warnings: string[] = [];
    const note = ({ name }: Error): void => { warnings.push(name); };
    process.on('warning', note);
    const threads = Array.from({ length: 20 }, () => spawn(async () => { await sleep(2 ** 31 - 1); }));
    await delay(5);
    for (const thread of threads) thread.cancel();
    await Promise.allSettled(threads.map((thread) => thread.join()));
    process.off('warning', note);
    assert.deepEqual(warnings, []);
  });

  test('yieldNow outside of a thread gives the event loop its turn', async () => {
    const log: string[] = [];
    setImmediate(() => { log.push('immediate'); });
    await yieldNow();
    log.push('after');
    assert.deepEqual(log, ['immediate', 'after']);
  });

  test('checkCancelled is silent where nothing was cancelled, and outside of threads', async () => {
    checkCancelled();
    await spawn(() => { checkCancelled(); }).join();
  });

  test('checkCancelled throws as often as it is asked, and counts as the delivery', async () => {
    const thread = spawn(async () => {
      current().cancel('r');
      const codes: unknown[] = [];
      for (let k = 0; k < 2; k++) try { checkCancelled(); } catch (error) { codes.push((error as { code: string }).code, (error as Error).cause); }
      await sleep(0);                                                    // a wait after the delivery
      return codes;
    });
    assert.deepEqual(await thread.join(), ['CAP_ERR_CANCELLED', 'r', 'CAP_ERR_CANCELLED', 'r']);
  });
});

describe('what is refused', () => {
  test('spawn of what is no function', () => {
    for (const [value, shown] of [[null, /not null/], [undefined, /not undefined/], [{}, /not object/], ['name', /not string/]] as const) {
      assert.throws(() => spawn(value as unknown as () => void), isOption(shown));
    }
  });

  test('sleep for no time that can be slept', () => {
    for (const ms of [-1, Number.NaN, 2 ** 31, Infinity, '5', undefined, null, 5n]) assert.throws(() => sleep(ms as number), isOption(/milliseconds from 0/), String(ms));
  });

  test('current outside of any thread', () => {
    assert.throws(() => current(), isOption(/outside of a thread/));
  });

  test('pool where there is none', () => {
    assert.throws(() => pool(), isOption(/outside of a pool/));
    const handle = { module: () => ({}), run: async <R>() => undefined as R } as unknown as PoolHandle;
    setPoolHandle(handle);
    assert.equal(pool(), handle);
    setPoolHandle(undefined);
    assert.throws(() => pool(), isOption(/outside of a pool/));
  });
});
