/** Threads call their own pool from any worker: fork-join over cores, recursion, every way in, and AsyncLocalStorage intact on each side. */
import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { createPool, type Pool, type Remote } from 'capriccio';
import { current, pool as poolOfThread } from 'capriccio/thread';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { fixture, poolFor, rejection, soon, thrown, until } from './rig.ts';

type Nested = typeof import('../../fixtures/core/nested.ts');
let pool: Pool;
let nested: Remote<Nested>;
beforeAll(async () => {
  pool = await createPool(2);
  nested = pool.module<Nested>(fixture('nested.ts'));
});
afterAll(async () => {
  assert.equal(pool.stats().lost, 0);
  assert.equal(pool.stats().calls.outstanding, 0);
  await pool.close({ graceMs: 0 });
});

describe('fork and join', () => {
  test('fib over two cores', async () => {
    await until(async () => {                                           // a worker that rests may be woken after all is done, where others have the processors
      const { value, threads } = await soon(nested.fib(24, 12));
      assert.equal(value, 46_368);
      return threads.length === 2;
    }, 'both workers taking part in one');
  });
  test('a child of a thread that computes on does not wait for it: who becomes idle runs it, or its own worker where the thread is preempted', async () => {
    const other = nested.busy(100);                                     // nobody is idle when the child is called
    const { childWaitedMs } = await soon(nested.computesBeside(1000));
    await other;
    assert.ok(childWaitedMs < 900, `the child waited ${childWaitedMs} ms, as long as its caller computed`);
  });
  test('quicksort', async () => {
    const list = Array.from({ length: 3000 }, (_, k) => (k * 7919) % 3001);
    assert.deepEqual(await soon(nested.quicksort(list)), list.toSorted((a, b) => a - b));
  });
  test('deep', async () => { assert.equal(await soon(nested.deep(1000)), 1000); });
  test('wide', async () => { assert.equal(await soon(nested.wide(20_000)), 20_000); });
  test('many at once', async () => {
    const results = await soon(Promise.all(Array.from({ length: 20 }, () => nested.fib(16, 10))));
    for (const { value } of results) assert.equal(value, 987);
  });
  test('on one core, which waits for what it must run itself', async () => {
    const one = await poolFor(1);
    const here = one.module<Nested>(fixture('nested.ts'));
    assert.equal(await soon(here.handsBack(50)), await here.where());
    assert.equal((await soon(here.fib(15, 5))).value, 610);
  });
  test('some fail: each its own', async () => {
    const outcomes = await nested.settles(10);
    assert.deepEqual(outcomes, Array.from({ length: 10 }, (_, k) => (k % 2 === 1 ? `RangeError odd ${k}` : String(k))));
  });
});

describe('ways in', () => {
  test('run', async () => { assert.equal(await pool.run<string>(fixture('nested.ts'), 3), '3 2 1 bottom'); });
  test('modules by URL, by path, after a build', async () => { assert.deepEqual(await nested.otherModules(), [3, 7, 'module.js']); });
  test('what is wrong is refused there as here', async () => {
    assert.deepEqual(await nested.refusals(), ['CAP_ERR_OPTION', 'CAP_ERR_OPTION', 'CAP_ERR_OPTION', 'CAP_ERR_MODULE', 'CAP_ERR_MODULE']);
  });
  test('with options: transfer, affinity, the harmless ones, signal', async () => {
    assert.deepEqual(await soon(nested.withOptions()), [16, 0, 1, 2, 'CAP_ERR_CANCELLED']);
  });
  test('threads, remote and local', async () => {
    assert.deepEqual(await soon(nested.threads()), [false, 'slept', 'done', 'anonymous 7', 10, 'threads']);
  });
  test('outside of a thread there is none', () => {
    assert.equal(thrown(() => poolOfThread()).code, 'CAP_ERR_OPTION');
    assert.equal(thrown(() => current()).code, 'CAP_ERR_OPTION');
  });
});

describe('AsyncLocalStorage', () => {
  const store = new AsyncLocalStorage<string>();
  const keeps = async (id: string): Promise<void> => {
    await store.run(id, async () => {
      const look = (): void => { assert.equal(store.getStore(), id); };
      await nested.increment(1); look();
      await nested.sleeps(1); look();
      await rejection(nested.failsOdd(1)); look();
      for await (const value of nested.counts(2)) { void value; look(); }
      const thread = nested.sleeps.spawn(1);
      await thread.join(); look();
      await nested.increment(1).then(look);
      await nested.failsOdd(1).catch(look);
      const controller = new AbortController();
      const call = rejection(nested.sleeps.with({ signal: controller.signal })(100_000));
      setTimeout(() => { controller.abort(); }, 2);
      await call; look();
      await new Promise<void>((resolve) => { setImmediate(() => { look(); resolve(); }); });
    });
  };
  test('here: what a caller had before its call it has after it, whatever came of the call', async () => { await keeps('one'); });
  test('here, many at once', async () => {
    await soon(Promise.all(Array.from({ length: 100 }, (_, k) => keeps(`store ${k}`))));
    assert.equal(store.getStore(), undefined);
  });
  test('there: a thread keeps its own over every wait, and what it calls does not see it', async () => { assert.equal(await soon(nested.keepsStore('x')), true); });
  test('there, many at once', async () => {
    const all = await soon(Promise.all(Array.from({ length: 100 }, (_, k) => nested.keepsStore(`store ${k}`))));
    assert.ok(all.every(Boolean));
  });
  test('there: what one thread enters, the next does not see', async () => {
    for (let k = 0; k < 30; k++) {
      await nested.enters('leak');
      assert.equal(await nested.seesStore(), undefined);
      assert.equal(await nested.entersLater('own'), 'own');
      assert.deepEqual(await nested.seesStoreLater(), [undefined, undefined]);
    }
  });
  test('the store of a caller does not follow the call by itself', async () => {
    await store.run('here', async () => { assert.equal(await nested.seesStore(), undefined); });
  });
  test('current() is the same thread over every wait', async () => {
    assert.ok((await Promise.all(Array.from({ length: 20 }, () => nested.namesOver()))).every(Boolean));
  });
});
