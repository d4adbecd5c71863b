/** Compiled threads and the primitives of capriccio/thread: by their direct forms, with cancellation and time limits at the await. */
import assert from 'node:assert/strict';
import vm from 'node:vm';
import { describe, test } from 'vitest';
import { compile } from '@capriccio/compiler';
import '../../../packages/worker/src/compiled/runtime.ts';
import { DIRECT } from '../../../packages/worker/src/suspended.ts';
import { Channel, Mutex, Semaphore, current, sleep, spawn, yieldNow } from '../../../packages/worker/src/thread-api.ts';

/** A program's exported functions, compiled. */
function load(source: string): Record<string, (...args: unknown[]) => unknown> {
  const module = { exports: {} };
  const { code } = compile(source, { file: 'program.js', kind: 'commonjs', smallClosures: true });
  vm.compileFunction(code, ['exports', 'sleep', 'yieldNow', 'current', 'spawn'])(module.exports, sleep, yieldNow, current, spawn);
  return module.exports;
}

const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

describe('a mutex', () => {
  const { count, holds } = load(`
    exports.count = async (mutex, box, turns) => { for (let k = 0; k < turns; k++) { const guard = await mutex.lock(); const { n } = box; await yieldNow(); box.n = n + 1; guard[Symbol.dispose]() } };
    exports.holds = async (mutex, log) => { const guard = await mutex.lock(); try { log.push('in'); await sleep(1000) } catch (e) { log.push(e.code); throw e } finally { guard[Symbol.dispose]() } };`);

  test('keeps compiled threads apart', async () => {
    const box = { n: 0 };
    const mutex = new Mutex();
    await Promise.all([1, 2, 3, 4].map(() => spawn(count as () => Promise<void>, ...[mutex, box, 25] as unknown as []).join()));
    assert.equal(box.n, 100);
    assert.equal(mutex.isLocked, false);
  });

  test('is asked by its direct form: no promise is made where it is free', async () => {
    let direct = 0;
    const mutex = { async lock() { throw new Error('by promise'); } };
    Object.defineProperty(mutex.lock, DIRECT, { value() { direct++; return { [Symbol.dispose]() { /* free */ } }; } });
    await spawn(count as () => Promise<void>, ...[mutex, { n: 0 }, 5] as unknown as []).join();
    assert.equal(direct, 5);
  });

  test('a cancellation reaches who holds it and who waits for it', async () => {
    const log: string[] = [];
    const mutex = new Mutex();
    const threads = [1, 2].map(() => spawn(holds as () => Promise<void>, ...[mutex, log] as unknown as []));
    while (log.length === 0) await turn();
    await turn();                                                        // the second has asked for it by then
    for (const thread of threads.toReversed()) thread.cancel();
    for (const thread of threads) await assert.rejects(thread.join(), { code: 'CAP_ERR_CANCELLED' });
    assert.deepEqual(log, ['in', 'CAP_ERR_CANCELLED']);
    assert.equal(mutex.isLocked, false);
  });
});

test('channels, semaphores and joins between compiled threads', async () => {
  const { produce, consume, limited, joins } = load(`
    exports.produce = async (channel, n) => { for (let k = 0; k < n; k++) await channel.send(k); channel.close(); return 'sent' };
    exports.consume = async (channel) => { let sum = 0; for await (const x of channel) sum += x; return sum };
    exports.limited = async (semaphore, box) => { await semaphore.acquire(); box.now++; box.most = Math.max(box.most, box.now); await sleep(1); box.now--; semaphore.release() };
    const leaf = async (x) => { await sleep(1); return x };
    exports.joins = async () => { const threads = [1, 2, 3].map((x) => spawn(leaf, x)); let sum = 0; for (const t of threads) sum += await t.join(); return sum };`) as Record<string, (...args: never[]) => Promise<unknown>>;
  const channel = new Channel<number>({ capacity: 2 });
  const run = (fn: unknown, ...args: unknown[]): Promise<unknown> => spawn(fn as (...args: unknown[]) => Promise<unknown>, ...args).join();
  assert.deepEqual(await Promise.all([run(produce, channel, 100), run(consume, channel)]), ['sent', 4950]);
  const box = { now: 0, most: 0 };
  const semaphore = new Semaphore(2);
  await Promise.all(Array.from({ length: 6 }, () => run(limited, semaphore, box)));
  assert.deepEqual(box, { now: 0, most: 2 });
  assert.equal(await run(joins), 6);
});

test('what only resembles a compiled function is spawned as what it is', async () => {
  const { f } = load('exports.f = async (x) => { await sleep(0); return ["f", x] };') as { f: (x: number) => Promise<unknown> };
  const proxy = new Proxy(f, { apply: async (_target, _self, [x]: [number]) => ['proxy', x] });
  const heir = Object.setPrototypeOf(async (x: number) => ['heir', x], f) as typeof f;
  assert.deepEqual(await Promise.all([spawn(f, 1).join(), spawn(proxy, 2).join(), spawn(heir, 3).join()]), [['f', 1], ['proxy', 2], ['heir', 3]]);
});
