/* oxlint-disable require-yield -- frames that never wait are joined too */
/** Who joins a thread that has not begun gives it its own turn: what is to be seen of that, in frames and in compiled code. */
import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import vm from 'node:vm';
import { describe, test } from 'vitest';
import { compile } from '@capriccio/compiler';
import '../../../packages/worker/src/compiled/runtime.ts';
import { setQuantum } from '../../../packages/worker/src/compiled/preemption.ts';
import { DIRECT, SUSPENDED } from '../../../packages/worker/src/suspended.ts';
import * as threadApi from '../../../packages/worker/src/thread-api.ts';
import type { Thread } from '../../../packages/worker/src/thread.ts';

const { current, sleep, spawn, yieldNow } = threadApi;
type Frames<R = void> = Generator<unknown, R, unknown>;
const joinNow = (thread: Thread<unknown>): unknown => (thread.join as unknown as { [DIRECT]: () => unknown })[DIRECT].call(thread);
function* join<T>(thread: Thread<T>): Frames<T> {
  const value = joinNow(thread);
  return (value === SUSPENDED ? yield SUSPENDED : value) as T;
}

describe('frames', () => {
  test('the one spawned last begins inside of its joiner, the others in their turn', async () => {
    const log: string[] = [];
    function* child(name: string): Frames<string> { log.push(`${name} in ${current().name}`); return name; }
    function* parent(): Frames {
      const me = current();
      const [first, second] = [spawn(child, 'first'), spawn(child, 'second')];
      log.push(String(joinNow(second)));
      assert.equal(current(), me);
      log.push(String(yield* join(first)));
    }
    await spawn(parent).join();
    assert.deepEqual(log, ['second in child', 'second', 'first in child', 'first']);
  });

  test('it has its own async context, and its joiner keeps his', async () => {
    const store = new AsyncLocalStorage<string>();
    const got: unknown[] = [];
    function* child(): Frames { got.push(store.getStore()); store.enterWith('entered by the child'); got.push(store.getStore()); yield; got.push(store.getStore()); }
    function* parent(): Frames {
      const thread = store.run('of the child', () => spawn(child));
      const value = joinNow(thread);
      got.push(store.getStore());
      if (value === SUSPENDED) yield SUSPENDED;
      got.push(store.getStore());
    }
    await store.run('of the parent', () => spawn(parent).join());
    assert.deepEqual(got, ['of the child', 'entered by the child', 'of the parent', 'entered by the child', 'of the parent']);
  });

  test('one that waits is waited for, one that fails throws, one that was cancelled never begins', async () => {
    function* waits(): Frames<string> { if ((sleep as unknown as { [DIRECT]: (ms: number) => unknown })[DIRECT](5) === SUSPENDED) yield SUSPENDED; return 'slept'; }
    function* fails(): Frames { throw new RangeError('mine'); }
    function* parent(): Frames<string> {
      const waiting = spawn(waits);
      assert.equal(joinNow(waiting), SUSPENDED);
      assert.equal(waiting.status, 'blocked');
      assert.equal(yield SUSPENDED, 'slept');
      assert.throws(() => joinNow(spawn(fails)), { message: 'mine' });
      const cancelled = spawn(waits);
      cancelled.cancel();
      assert.throws(() => joinNow(cancelled), { code: 'CAP_ERR_CANCELLED' });
      return 'all';
    }
    assert.equal(await spawn(parent).join(), 'all');
  });

  test('who spawns and joins for ever lets others have their turn', async () => {
    let isOver = false;
    let most = 0;
    function* other(): Frames { for (let k = 0; k < 20; k++) yield; isOver = true; }
    function* nothing(): Frames { /* ends at once */ }
    function* parent(): Frames {
      const beside = spawn(other);
      for (let k = 0; !isOver; k++) {
        yield* join(spawn(nothing));
        most = k;
        assert.ok(k < 100_000, 'nobody else has ever run');
      }
      yield* join(beside);
    }
    await spawn(parent).join();
    assert.ok(most > 40, 'some have run inside of their joiner');           // twenty turns of the other, and one join in each, if none had
  });

  test('a chain of joiners, each of the next, is as long as it likes', async () => {
    function* link(n: number): Frames<number> { return n === 0 ? 0 : 1 + (yield* join(spawn(link, n - 1))); }
    assert.equal(await spawn(link, 20_000).join(), 20_000);
  });

  test('a circle of joins is found', async () => {
    const warned = new Promise<Error>((resolve) => { process.once('warning', resolve); });
    let root: Thread<unknown>;
    function* child(): Frames { yield* join(root); }
    function* parent(): Frames { root = current(); yield* join(spawn(child)); }
    const thread = spawn(parent);
    assert.match((await warned).message, /wait for each other/);
    thread.cancel();
    await assert.rejects(thread.join(), { code: 'CAP_ERR_CANCELLED' });
  });
});

describe('compiled code', () => {
  const module = { exports: {} as Record<string, (...args: never[]) => Promise<unknown>> };
  vm.compileFunction(compile(`require("capriccio/thread").annotate(module, { preemptible: true });
    exports.fib = async (n) => { if (n < 2) return n; const [a, b] = [spawn(exports.fib, n - 1), spawn(exports.fib, n - 2)]; const y = await b.join(); return await a.join() + y; };
    const deep = async (n, fn) => n === 0 ? await fn() : await deep(n - 1, fn) + 1;
    exports.nested = async (n) => await deep(n, async () => await spawn(async () => await deep(n, async () => { await yieldNow(); return 0; })).join());
    exports.tower = async (n) => n === 0 ? 0 : await deep(35, async () => { const m = await spawn(exports.tower, n - 1).join(); return m + 1 - 35; });
    exports.thrown = async () => { try { await spawn(async () => { await sleep(1); throw new RangeError('late'); }).join(); } catch (e) { return [e.message, await spawn(async () => { throw new TypeError('early'); }).join().catch((x) => x.message)]; } };
    exports.direct = async (lock) => { const one = await spawn(async () => { const x = await deep(2, async () => -1); return x; }).join(); return [one, await lock()]; };
    exports.computes = async () => { let s = 0; for (let k = 0; k < 300; k++) s += k % 7; return s; };
    exports.last = async (log) => { spawn(async () => { log.push('other'); }); const t = spawn(async () => { let s = 0; for (let k = 0; k < 300; k++) s += k % 7; log.push('child'); return s; }); return await t.join(); };`,
  { file: 'ahead.js', kind: 'commonjs', smallClosures: true }).code, ['exports', 'module', 'require', 'spawn', 'sleep', 'yieldNow'])(module.exports, module, () => threadApi, spawn, sleep, yieldNow);
  const { fib, nested, tower, thrown, direct, computes, last } = module.exports as { [name in 'fib' | 'nested' | 'tower' | 'thrown' | 'direct' | 'computes' | 'last']: (...args: unknown[]) => Promise<unknown> };

  test('forks and joins, as deep as it goes', async () => { assert.equal(await spawn(fib, 15).join(), 610); });
  test('and does not fill the native stack', async () => { assert.equal(await spawn(tower, 300).join(), 300); });
  test('the registers of the joiner are its own again', async () => {
    for (const n of [0, 5, 100, 1_000]) assert.equal(await spawn(nested, n).join(), 2 * n);
    assert.deepEqual(await spawn(thrown).join(), ['late', 'early']);
    const lock = Object.defineProperty(async () => { throw new Error('by promise'); }, DIRECT, { value: () => 'directly' });
    assert.deepEqual(await spawn(direct, lock).join(), [1, 'directly']);
  });
  test('threads that are preempted between two looks of the scheduler at the clock all go on', async () => {
    setQuantum(0);
    try {
      const threads = Array.from({ length: 5 }, () => spawn(computes));
      for (let turns = 0; turns < 20_000 && threads.some(({ status }) => status !== 'done'); turns++) await new Promise((resolve) => { setImmediate(resolve); });
      assert.deepEqual(threads.map(({ status }) => status), Array.from({ length: 5 }, () => 'done'));
    } finally { setQuantum(1); }
  });
  test('one that is preempted inside of its joiner goes on in its turn', async () => {
    const log: string[] = [];
    setQuantum(0);
    try { assert.deepEqual(await Promise.all([1, 2, 3].map(() => spawn(last, log).join())), [897, 897, 897]); } finally { setQuantum(1); }
    assert.deepEqual(log, ['other', 'other', 'other', 'child', 'child', 'child']);
  });
});
