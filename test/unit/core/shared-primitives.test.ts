/** Primitives across cores as their users have them: on main, in any worker, in many threads of each, and over deaths. */
import assert from 'node:assert/strict';
import { createPool, isCapriccioError, type Pool, type Remote } from 'capriccio';
import { select } from 'capriccio/thread';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { fixture, soon } from './rig.ts';

type Tasks = typeof import('../../fixtures/core/shared-primitives.ts');
let pool: Pool;
let tasks: Remote<Tasks>;
beforeAll(async () => {
  pool = await createPool(2);
  tasks = pool.module<Tasks>(fixture('shared-primitives.ts'));
});
afterAll(async () => { await pool.close({ graceMs: 0 }); });

const code = (wanted: string) => (error: unknown): boolean => isCapriccioError(error, wanted as 'CAP_ERR_OPTION');
const cells = (count = 1): SharedArrayBuffer => new SharedArrayBuffer(4 * count);
const at = (buffer: SharedArrayBuffer, k = 0): number => Atomics.load(new Int32Array(buffer), k);
/** Until a worker that died has been replaced. */
const replaced = (): Promise<unknown> => new Promise((resolve) => { pool.once('worker', resolve); });

describe('mutex', () => {
  test('excludes over cores and main', async () => {
    const counters = cells();
    const counter = new Int32Array(counters);
    const here = async (): Promise<void> => { for (let turn = 0; turn < 200; turn++) { using held = await pool.mutex('m1').lock(); void held; const before = counter[0] as number; if (turn % 7 === 0) await Promise.resolve(); counter[0] = before + 1; } };
    await soon(Promise.all([here(), here(), ...Array.from({ length: 6 }, () => tasks.countUnder('m1', counters, 200, 11))]));
    assert.equal(at(counters), 1600);
  });
  test('many threads of each core', async () => {
    const counters = cells();
    await soon(Promise.all([tasks.manyThreads('m2', counters, 300), tasks.manyThreads('m2', counters, 300)]));
    assert.equal(at(counters), 1800);
  });
  test('tries, and waits no longer than it was told', async () => {
    const mutex = pool.mutex('m3');
    const held = mutex.tryLock();
    assert.ok(held);
    assert.equal(mutex.tryLock(), undefined);
    await assert.rejects(mutex.lock({ timeoutMs: 5 }), code('CAP_ERR_TIMEOUT'));
    await assert.rejects(soon(tasks.locks('m3', 5)), code('CAP_ERR_TIMEOUT'));
    const waiting = tasks.locks('m3');
    held[Symbol.dispose]();
    held[Symbol.dispose]();
    assert.equal(await soon(waiting), false);
    assert.equal(await soon(tasks.locks('m3')), false);
  });
  test('who is cancelled leaves the queue to those behind', async () => {
    const held = await pool.mutex('m4').lock();
    const first = tasks.waitsUntilCancelled.spawn('m4');
    const second = tasks.locks('m4');
    await new Promise((resolve) => { setTimeout(resolve, 20); });
    first.cancel();
    await assert.rejects(soon(first.join()), code('CAP_ERR_CANCELLED'));
    held[Symbol.dispose]();
    assert.equal(await soon(second), false);
  });
  test('the next owner is told of a death', async () => {
    const isBack = replaced();
    await assert.rejects(soon(tasks.diesWithMutex('m5')), code('CAP_ERR_WORKER_LOST'));
    { using held = await soon(pool.mutex('m5').lock()); assert.equal(held.ownerDied, true); }
    { using held = await soon(pool.mutex('m5').lock()); assert.equal(held.ownerDied, false); }
    await isBack;
    assert.equal(await soon(tasks.locks('m5')), false);
  });
});

test('condition: threads of two cores take turns', async () => {
  const counters = cells();
  await soon(Promise.all([tasks.takesTurns('c1', 0, 50, counters), tasks.takesTurns('c1', 1, 50, counters)]));
  assert.equal(at(counters), 100);
  const mutex = pool.mutex('c2 m');
  const condition = pool.condition('c2', mutex);
  await assert.rejects(condition.wait(), code('CAP_ERR_OPTION'));
  const held = await mutex.lock();
  await assert.rejects(condition.wait({ timeoutMs: 5 }), code('CAP_ERR_TIMEOUT'));
  assert.equal(mutex.tryLock(), undefined, 'it has its mutex again');
  held[Symbol.dispose]();
  mutex.tryLock()?.[Symbol.dispose]();
});

test('condition: a death that is met by one that has given up is told to the next', async () => {
  const isBack = replaced();
  const mutex = pool.mutex('c3 m');
  const held = await mutex.lock();
  const waiting = pool.condition('c3', mutex).wait({ timeoutMs: 20 });
  const dying = tasks.diesWithMutex('c3 m', 60);
  await assert.rejects(soon(waiting), code('CAP_ERR_TIMEOUT'));
  await assert.rejects(dying, code('CAP_ERR_WORKER_LOST'));
  held[Symbol.dispose]();
  { using next = await soon(mutex.lock()); assert.equal(next.ownerDied, true); }
  await soon(isBack);
});

test('semaphore: never more permits out than there are', async () => {
  const counters = cells();
  const most = await soon(Promise.all([1, 2, 3, 1, 2].map((weight) => tasks.permits('s1', 3, weight, 60, counters))));
  assert.ok(Math.max(...most) <= 3);
  assert.equal(at(counters), 0);
  const semaphore = pool.semaphore('s1', 3);
  const all = semaphore.tryAcquire(3);
  assert.ok(all);
  assert.equal(semaphore.tryAcquire(), undefined);
  await assert.rejects(semaphore.acquire(1, { timeoutMs: 5 }), code('CAP_ERR_TIMEOUT'));
  all[Symbol.dispose]();
  assert.throws(() => semaphore.release(2 ** 31 - 1), code('CAP_ERR_OPTION'));
  await assert.rejects(semaphore.acquire(0), code('CAP_ERR_OPTION'));
});

test('barrier: all meet, round after round', async () => {
  const counters = cells();
  const lasts = await soon(Promise.all(Array.from({ length: 5 }, () => tasks.meets('b1', 5, 20, counters))));
  assert.equal(lasts.reduce((a, b) => a + b, 0), 20);
  await assert.rejects(pool.barrier('b2', 2).wait({ timeoutMs: 5 }), code('CAP_ERR_TIMEOUT'));
  const one = pool.barrier('b2', 2).wait();
  assert.equal(await soon(pool.barrier('b2', 2).wait()), true);
  assert.equal(await soon(one), false);
});

test('rwlock: readers together, writers alone', async () => {
  const counters = cells(2);
  await soon(Promise.all([false, true, false, true, false].map((writes) => tasks.readsOrWrites('r1', 100, counters, writes))));
  assert.deepEqual([at(counters), at(counters, 1)], [0, 0]);
  const lock = pool.rwlock('r1');
  const one = lock.tryRead();
  const two = lock.tryRead();
  assert.ok(one && two);
  assert.equal(lock.tryWrite(), undefined);
  const writer = lock.write();
  await assert.rejects(lock.read({ timeoutMs: 5 }), code('CAP_ERR_TIMEOUT'), 'behind the writer');
  one[Symbol.dispose]();
  two[Symbol.dispose]();
  (await soon(writer))[Symbol.dispose]();
});

describe('channel', () => {
  test('each value once, in its sender’s order', async () => {
    const consumers = [tasks.consumes('ch1'), tasks.consumes('ch1')];
    await soon(Promise.all([tasks.produces('ch1', 0, 500), tasks.produces('ch1', 1000, 500)]));
    pool.channel('ch1', { capacity: 8 }).close();
    const got = await soon(Promise.all(consumers));
    assert.deepEqual(got.flat().toSorted((a, b) => a - b), [...Array.from({ length: 500 }, (_, k) => k), ...Array.from({ length: 500 }, (_, k) => 1000 + k)]);
    for (const list of got) for (const part of [list.filter((k) => k < 1000), list.filter((k) => k >= 1000)]) assert.deepEqual(part, part.toSorted((a, b) => a - b));
  });
  test('values of every kind and size arrive as they were', async () => {
    const [out, back] = [pool.channel<unknown>('ch2 out', { capacity: 4, bytes: 4096 }), pool.channel<unknown>('ch2 back', { capacity: 4, bytes: 4096 })];
    const count = tasks.echoes('ch2');
    const values = [undefined, null, true, 0, -0, 1.5, 'short', 'ünïcode ☃', 'x'.repeat(2000), new Uint8Array(3000).fill(7), { a: [1, { b: new Date(5) }] }, new Map([[1, 2]]), 10n];
    for (let round = 0; round < 20; round++) {
      for (const value of values) {
        await soon(out.send(value));
        assert.deepStrictEqual(await soon(back.recv()), value);
      }
    }
    out.close();
    assert.equal(await soon(count), 20 * values.length);
    await assert.rejects(soon(back.recv()), code('CAP_ERR_CLOSED'));
    assert.throws(() => out.trySend(1), code('CAP_ERR_CLOSED'));
    await assert.rejects(out.send(1), code('CAP_ERR_CLOSED'));
  });
  test('back-pressure, tries and time limits', async () => {
    const channel = pool.channel<number>('ch3', { capacity: 2 });
    assert.equal(channel.tryRecv(), undefined);
    assert.equal(channel.trySend(1), true);
    assert.equal(channel.trySend(2), true);
    assert.equal(channel.trySend(3), false);
    assert.equal(channel.length, 2);
    await assert.rejects(channel.send(3, { timeoutMs: 5 }), code('CAP_ERR_TIMEOUT'));
    const sending = channel.send(4);
    assert.deepEqual(channel.tryRecv(), { value: 1 });
    await soon(sending);
    assert.deepEqual([await channel.recv(), await channel.recv()], [2, 4]);
    await assert.rejects(channel.recv({ timeoutMs: 5 }), code('CAP_ERR_TIMEOUT'));
    const receiving = channel.recv();
    await channel.send(5);
    assert.equal(await soon(receiving), 5);
    await assert.rejects(pool.channel('ch3', { capacity: 2 }).send('x'.repeat(100_000) as never), code('CAP_ERR_MEMORY'));
    await assert.rejects(channel.send((() => 1) as never), code('CAP_ERR_NOT_CLONEABLE'));
    await assert.rejects(channel.send(new SharedArrayBuffer(8) as never), code('CAP_ERR_NOT_CLONEABLE'));
  });
});

describe('select', () => {
  test('takes local and shared cases alike, nothing is lost or doubled', async () => {
    const [a, b] = [pool.channel<number>('sel a', { capacity: 2 }), pool.channel<number>('sel b', { capacity: 2 })];
    const consumers = [tasks.selects('sel', 200), tasks.selects('sel', 200)];
    const send = async (channel: typeof a, from: number): Promise<void> => { for (let k = from; k < from + 300; k++) await channel.send(k); };
    await soon(Promise.all([send(a, 0), send(b, 1000)]));
    for (const channel of [a, b]) while (channel.length > 0) await new Promise((resolve) => { setTimeout(resolve, 1); });
    await new Promise((resolve) => { setTimeout(resolve, 20); });
    a.close();
    b.close();
    const got = (await soon(Promise.all(consumers))).flat().filter((k) => k >= 0);
    assert.deepEqual(got.toSorted((x, y) => x - y), [...Array.from({ length: 300 }, (_, k) => k), ...Array.from({ length: 300 }, (_, k) => 1000 + k)]);
  });
  test('sends, defaults, times out and is told of a close', async () => {
    const channel = pool.channel<string>('sel c', { capacity: 1 });
    assert.deepEqual(await select({ out: channel.sending('x') }), { key: 'out', value: undefined });
    assert.deepEqual(await select({ out: channel.sending('y') }, { default: 7 }), { key: 'default', value: 7 });
    await assert.rejects(select({ out: channel.sending('y') }, { timeoutMs: 5 }), code('CAP_ERR_TIMEOUT'));
    const sending = select({ out: channel.sending('z') });
    assert.equal(await soon(channel.recv()), 'x');
    assert.equal((await soon(sending)).key, 'out');
    assert.equal(await soon(channel.recv()), 'z');
    const both = select({ one: channel.receiving(), other: pool.channel<string>('sel d', { capacity: 1 }).receiving() });
    await channel.send('w');
    assert.deepEqual(await soon(both), { key: 'one', value: 'w' });
    await pool.channel<string>('sel d', { capacity: 1 }).send('still there');
    assert.equal(await soon(pool.channel<string>('sel d', { capacity: 1 }).recv()), 'still there');
    const waiting = select({ one: channel.receiving() });
    channel.close();
    await assert.rejects(soon(waiting), code('CAP_ERR_CLOSED'));
  });
});

test('a death costs what the dead held, and no more', async () => {
  const isBack = replaced();
  await assert.rejects(soon(tasks.diesWithAll()), code('CAP_ERR_WORKER_LOST'));
  await soon(isBack);
  { using held = await soon(pool.mutex('all m').lock()); assert.equal(held.ownerDied, true); }
  { using held = await soon(pool.semaphore('all s', 3).acquire(3)); void held; }
  assert.equal(pool.semaphore('all kept', 3, { onWorkerLost: 'keep' }).tryAcquire(2), undefined, 'what is not counted is not given back');
  { using held = await soon(pool.rwlock('all w').read()); assert.equal(held.ownerDied, true, 'a writer died'); }
  { using held = await soon(pool.rwlock('all w').write()); assert.equal(held.ownerDied, true); }
  { using held = await soon(pool.rwlock('all w').read()); assert.equal(held.ownerDied, false, 'a writer has had it since'); }
  { using held = await soon(pool.rwlock('all r').write()); assert.equal(held.ownerDied, false, 'a reader’s death changes nothing'); }
  const channel = pool.channel<number>('all c', { capacity: 4 });
  assert.deepEqual([await soon(channel.recv()), await soon(channel.recv())], [1, 2], 'what was sent is there');
  const empty = pool.channel<number>('all empty', { capacity: 4 });
  await empty.send(3);
  assert.equal(await soon(empty.recv()), 3, 'the dead receives nothing');
  await assert.rejects(pool.barrier('all b', 2).wait({ timeoutMs: 20 }), code('CAP_ERR_TIMEOUT'), 'the dead has not arrived');
});

test('names and options are checked', async () => {
  pool.mutex('o1');
  assert.throws(() => pool.channel('o1', { capacity: 1 }), code('CAP_ERR_OPTION'));
  assert.equal(await soon(tasks.mismatch('o1')), 'CAP_ERR_OPTION');
  pool.semaphore('o2', 2);
  assert.throws(() => pool.semaphore('o2', 3), code('CAP_ERR_OPTION'));
  assert.equal(pool.mutex('o1'), pool.mutex('o1'));
  for (const wrong of [() => pool.mutex(''), () => pool.mutex(7 as never), () => pool.mutex('x'.repeat(97)), () => pool.channel('o3', { capacity: 0 }), () => pool.channel('o3', {} as never), () => pool.channel('o3', { capacity: 1.5 }),
    () => pool.channel('o3', { capacity: 1, bites: 3 } as never), () => pool.semaphore('o3', -1), () => pool.semaphore('o3', 1, { onWorkerLost: 'x' as never }), () => pool.barrier('o3', 0), () => pool.condition('o3', {} as never)]) assert.throws(wrong, code('CAP_ERR_OPTION'));
  await assert.rejects(pool.mutex('o1').lock({ timeoutMs: -1 }), code('CAP_ERR_OPTION'));
  await assert.rejects(pool.mutex('o1').lock({ timeout: 1 } as never), code('CAP_ERR_OPTION'));
  assert.throws(() => pool.channel('o4', { capacity: 1, bytes: 2 ** 28 }), code('CAP_ERR_MEMORY'));
});

test('buffers that are given away are the sender’s until the channel has them', async () => {
  const channel = pool.channel<Uint8Array>('gives', { capacity: 1 });
  const [first, second, third] = [7, 8, 9].map((byte) => new Uint8Array(1000).fill(byte)) as [Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>];
  await channel.send(first, { transfer: [first.buffer] });
  assert.equal(first.buffer.detached, true);
  await assert.rejects(channel.send(second, { transfer: [second.buffer], timeoutMs: 1 }), code('CAP_ERR_TIMEOUT'));
  assert.equal(second.buffer.detached, false);
  const sent = channel.send(third, { transfer: [third.buffer] });
  assert.equal(third.buffer.detached, false);
  assert.deepEqual([(await channel.recv())[999], (await channel.recv())[999]], [7, 9]);
  await sent;
  assert.equal(third.buffer.detached, true);
  await assert.rejects(channel.send(second, { transfer: [5] as never }), code('CAP_ERR_OPTION'));
});

test('waits end with the pool, and a pool without cores has them too', async () => {
  const small = await createPool({ cores: 0 });
  const here = small.module<Tasks>(fixture('shared-primitives.ts'));
  const counters = cells();
  await soon(Promise.all([here.countUnder('z', counters, 20, 3), here.countUnder('z', counters, 20, 4)]));
  assert.equal(at(counters), 40);
  const held = await small.mutex('y').lock();
  void held;
  const waiting = small.mutex('y').lock();
  waiting.catch(() => undefined);
  await small.close({ graceMs: 0 });
  await assert.rejects(soon(waiting), code('CAP_ERR_CLOSED'));
  await assert.rejects(small.mutex('y').lock(), code('CAP_ERR_CLOSED'));
});

test('a wait for a condition whose time is over, and that has not got its mutex again, ends with the pool', async () => {
  const brief = await createPool(1);
  const mutex = brief.mutex('m');
  const first = await mutex.lock();
  void first;
  const waiting = brief.condition('c', mutex).wait({ timeoutMs: 1 });
  const second = await mutex.lock();                                     // which is kept
  const rejected = assert.rejects(soon(waiting), code('CAP_ERR_TIMEOUT'));
  await new Promise((resolve) => { setTimeout(resolve, 20); });
  await brief.close({ graceMs: 0 });
  await rejected;
  assert.equal(second.ownerDied, false);
});
