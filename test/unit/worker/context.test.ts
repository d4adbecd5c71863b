import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, test } from 'vitest';
import { currentThread, isContextShared } from '../../../packages/worker/src/context.ts';
import { currentScheduler } from '../../../packages/worker/src/current.ts';
import { current, sleep, spawn, yieldNow } from '../../../packages/worker/src/thread-api.ts';

const store = new AsyncLocalStorage<string>();
const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });
/** What a piece of work that has not begun finds when a scheduler's turn begins it: the context of the turns themselves. */
async function inATurn(): Promise<{ value: string | undefined; thread: unknown }> {
  const scheduler = currentScheduler();
  const root = scheduler.roots.named('in a turn');
  const { promise, resolve } = Promise.withResolvers<{ value: string | undefined; thread: unknown }>();
  root.entries.push({ root, begin() { resolve({ value: store.getStore(), thread: currentThread() }); } });
  scheduler.roots.activate(root);
  scheduler.arm();
  return promise;
}

// First in this file, for it needs the first spawn of the process.
test('turns do not run in the context of whoever spawned first', async () => {
  await store.run('first spawner', () => spawn(() => { /* makes the scheduler */ }).join());
  assert.deepEqual(await inATurn(), { value: undefined, thread: undefined });
});

test('contexts are entered directly wherever Node has frames for them', () => {
  assert.equal(isContextShared, !process.execArgv.includes('--no-async-context-frame'));
});

describe('the current thread', () => {
  test('is the same across awaits, timers, callbacks and turns', async () => {
    const thread = spawn(async () => {
      const me = current();
      const seen = [me];
      await Promise.resolve();
      seen.push(current());
      await delay(1);
      seen.push(current());
      await sleep(1);
      seen.push(current());
      await yieldNow();
      seen.push(current());
      await new Promise<void>((resolve) => { setTimeout(() => { seen.push(current()); process.nextTick(() => { seen.push(current()); resolve(); }); }, 1); });
      await Promise.all([1, 2].map(async () => { await Promise.resolve(); seen.push(current()); }));
      return seen.length === 9 && seen.every((one) => one === me);
    });
    assert.equal(await thread.join(), true);
  });

  test('is the same for each frame, in whatever way it was resumed', async () => {
    const seen: unknown[] = [];
    function* inner(): Generator<unknown, void> { seen.push(current()); yield delay(1); seen.push(current()); yield; seen.push(current()); }
    const thread = spawn(function* () { seen.push(current()); yield inner(); seen.push(current()); yield sleep(1); seen.push(current()); });
    await thread.join();
    assert.ok(seen.length === 6 && seen.every((one) => one === thread));
  });

  test('each of many that take turns sees itself', async () => {
    const wrong: string[] = [];
    const threads = Array.from({ length: 50 }, (_, k) => spawn<[], unknown>(k % 2 === 0
      ? async (): Promise<void> => { const me = current(); for (let n = 0; n < 20; n++) { await (n % 3 === 0 ? sleep(0) : n % 3 === 1 ? yieldNow() : null); if (current() !== me) wrong.push(`${k}.${n}`); } }
      : function* (): Generator<unknown, void> { const me = current(); for (let n = 0; n < 20; n++) { yield n % 3 === 0 ? sleep(0) : n % 3 === 1 ? undefined : Promise.resolve(); if (current() !== me) wrong.push(`${k}.${n}`); } }));
    await Promise.all(threads.map((thread) => thread.join()));
    assert.deepEqual(wrong, []);
  });

  test('of a spawned one is itself, and its spawner is itself again after', async () => {
    const thread = spawn(async () => {
      const me = current();
      const child = spawn(async () => { await Promise.resolve(); return current(); });
      assert.equal(current(), me);
      const seen = await child.join();
      return seen === child && current() === me;
    });
    assert.equal(await thread.join(), true);
  });

  test('there is none outside, before, meanwhile and after', async () => {
    assert.equal(currentThread(), undefined);
    const thread = spawn(async () => { await sleep(2); });
    assert.equal(currentThread(), undefined);
    await turn();
    assert.equal(currentThread(), undefined);
    await thread.join();
    assert.equal(currentThread(), undefined);
  });

  test('what an ended thread has left behind finds none', async () => {
    const { promise, resolve } = Promise.withResolvers<unknown[]>();
    const seen: unknown[] = [];
    const leave = (): void => {
      setTimeout(() => { seen.push(currentThread()); if (seen.length === 3) resolve(seen); }, 2);
      void delay(2).then(() => { seen.push(currentThread()); if (seen.length === 3) resolve(seen); });
      setImmediate(() => { seen.push(currentThread()); if (seen.length === 3) resolve(seen); });
    };
    await spawn(leave).join();
    await spawn(async () => { await sleep(5); }).join();                 // another runs meanwhile
    assert.deepEqual(await promise, [undefined, undefined, undefined]);
  });
});

describe("the user's stores", () => {
  test('a thread inherits those of its spawner, at the time of the spawn', async () => {
    const read = async (): Promise<unknown[]> => { const first = store.getStore(); await sleep(1); return [first, store.getStore()]; };
    function* readByFrames(): Generator<unknown, unknown[]> { const first = store.getStore(); yield sleep(1); yield; return [first, store.getStore()]; }
    const threads = store.run('mine', () => [spawn(read), spawn(readByFrames)]);
    for (const thread of threads) assert.deepEqual(await thread.join(), ['mine', 'mine']);
    const child = await store.run('outer', () => spawn(async () => store.run('inner', () => spawn(read))).join());
    assert.deepEqual(await child.join(), ['inner', 'inner']);
  });

  test('many threads with a store each keep it over every kind of switch', async () => {
    const wrong: string[] = [];
    const check = (k: number, where: string): void => { if (store.getStore() !== `s${k}`) wrong.push(`${k} ${where}: ${store.getStore()}`); };
    const native = async (k: number): Promise<void> => { for (let n = 0; n < 20; n++) { await (n % 4 === 0 ? sleep(0) : n % 4 === 1 ? yieldNow() : n % 4 === 2 ? delay(0) : null); check(k, `native ${n}`); } };
    function* callee(k: number): Generator<unknown, void> { check(k, 'callee'); yield delay(0); check(k, 'callee after'); }
    function* frames(k: number): Generator<unknown, void> { for (let n = 0; n < 20; n++) { yield n % 4 === 0 ? sleep(0) : n % 4 === 1 ? undefined : n % 4 === 2 ? callee(k) : Promise.resolve(); check(k, `frames ${n}`); } }
    const threads = Array.from({ length: 60 }, (_, k) => store.run(`s${k}`, () => (k % 2 === 0 ? spawn(native, k) : spawn(frames, k))));
    await Promise.all(threads.map((thread) => thread.join()));
    assert.deepEqual(wrong, []);
  });

  test('a store entered inside a thread is seen there over awaits, and nowhere else', async () => {
    const other = spawn(async () => { for (let n = 0; n < 20; n++) { await yieldNow(); assert.equal(store.getStore(), undefined); } });
    const thread = spawn(async () => {
      await store.run('inside', async () => { for (let n = 0; n < 10; n++) { await yieldNow(); assert.equal(store.getStore(), 'inside'); } });
      assert.equal(store.getStore(), undefined);
      store.enterWith('entered');
      for (let n = 0; n < 10; n++) { await yieldNow(); assert.equal(store.getStore(), 'entered'); }
      return store.getStore();
    });
    assert.equal(await thread.join(), 'entered');
    await other.join();
    assert.equal(store.getStore(), undefined);
    assert.deepEqual(await inATurn(), { value: undefined, thread: undefined });
  });

  test('a store that frames enter for good is there after every kind of wait, and nowhere else', async () => {
    function* inner(): Generator<unknown, void, unknown> { store.enterWith('entered deeper'); yield delay(1); }
    const seen = await spawn(function* (): Generator<unknown, unknown[], unknown> {
      const values: unknown[] = [];
      store.enterWith('entered');
      yield;
      values.push(store.getStore());
      yield sleep(1);
      values.push(store.getStore());
      yield inner();
      values.push(store.getStore());
      return values;
    }).join();
    assert.deepEqual(seen, ['entered', 'entered', 'entered deeper']);
    assert.equal((await inATurn()).value, undefined);
  });

  test('a thread that ends at once leaves nothing to the next', async () => {
    await spawn(() => { store.enterWith('left'); }).join();
    assert.equal(await spawn(() => store.getStore()).join(), undefined);
    assert.deepEqual(await inATurn(), { value: undefined, thread: undefined });
  });

  test('whoever joins goes on in its own', async () => {
    await store.run('joiner', async () => {
      await store.run('thread', () => spawn(async () => { await sleep(1); }).join());
      assert.equal(store.getStore(), 'joiner');
    });
  });
});
