/** The life of a pool and of the process around it: it ends by itself, waits for what is under way, closes, and leaves nothing. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { threadId, type Worker } from 'node:worker_threads';
import { createPool, type Pool } from 'capriccio';
import { describe, test } from 'vitest';
import { BEGAN, CLEANED, Notes } from '../../fixtures/core/cancels.ts';
import { fixture, poolFor, rejection, soon, thrown, until } from './rig.ts';

type Cancels = typeof import('../../fixtures/core/cancels.ts');
type Values = typeof import('../../fixtures/core/values.ts');
type Streams = typeof import('../../fixtures/core/streams.ts');
type Nested = typeof import('../../fixtures/core/nested.ts');
const cancels = (pool: Pool) => pool.module<Cancels>(fixture('cancels.ts'));
const values = (pool: Pool) => pool.module<Values>(fixture('values.ts'));

interface Ended { code: number | null; signal: string | null; out: string; err: string }
/** Runs one of the programs of life.ts to its end; one that does not end is killed, and fails. */
const life = (program: string): Promise<Ended> => run(program, [script('life.ts'), program]);
const script = (name: string): string => fileURLToPath(new URL(`../../fixtures/scripts/${name}`, import.meta.url));
async function run(what: string, args: string[]): Promise<Ended> {
  const child = spawn(process.execPath, ['--conditions=capriccio-source', '--disable-warning=ExperimentalWarning', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended: Ended = { code: null, signal: null, out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => { ended.out += text; });
  child.stderr.setEncoding('utf8').on('data', (text: string) => { ended.err += text; });
  const { promise, resolve } = Promise.withResolvers<void>();
  child.on('close', (code, signal) => { Object.assign(ended, { code, signal }); resolve(); });
  try {
    await soon(promise, `the end of ${what}`, 30_000);
  } finally {
    child.kill('SIGKILL');
  }
  return ended;
}

test('a module that makes the pool that runs it is told so, and does not make pools for ever', async () => {
  const pool = await poolFor({ cores: 1, spares: 0 });
  const error = await rejection(pool.module<{ twice(n: number): number }>(fixture('makes-its-own-pool.ts')).twice(1));
  assert.equal(error.code, 'CAP_ERR_MODULE');
  assert.match(error.message, /: a pool is made in a thread of a pool, which was itself made in one: does a module make the pool that runs it\?/);
});

test('createPool resolves when all cores are ready, and spares begin after that', async () => {
  const names: (string | null)[] = [];
  const note = ({ threadName }: Worker): void => { names.push(threadName); };
  process.on('worker', note);
  try {
    for (let k = 0; k < 4; k++) {
      names.length = 0;
      const pool = await createPool({ cores: 3, spares: 2, name: 'begins' });
      const [{ ready }, begun] = [pool.health(), names.length];
      await pool.close({ graceMs: 0 });
      assert.deepEqual([ready, begun], [3, 3]);
    }
  } finally { process.off('worker', note); }
});

describe('a process with a pool', () => {
  test.concurrent.each([
    ['idle', 0, 'ready\n'], ['done', 0, 'slept\nnumber\n'],
    ['underWay', 0, 'main is through\nslept\n'], ['underWayMany', 0, 'main is through\nall 50\n'], ['spawned', 0, 'main is through\nslept\n'], ['thenMore', 0, 'main is through\nslept\n'],
    ['streamUnderWay', 0, 'main is through\nsum 10\n'], ['streamBroken', 0, 'broken off\n'],
    ['cancelled', 0, 'CAP_ERR_CANCELLED\n'], ['deadline', 0, 'slept\n'], ['signalled', 0, 'slept\n'], ['failed', 0, 'CAP_ERR_WORKER_LOST\n'],
    ['closed', 0, 'closed\n'], ['closedWhileRunning', 0, 'CAP_ERR_CLOSED\n'], ['using', 0, 'number\nafter\n'],
    ['serves', 0, 'main is through\nhello\nclosed\n'],
    ['badFlags', 0, 'CAP_ERR_OPTION\n'], ['diesAtStart', 0, 'CAP_ERR_WORKER_LOST\n'], ['tooSmall', 0, 'CAP_ERR_WORKER_LOST\n'], ['badApp', 0, 'CAP_ERR_MODULE\n'],
    ['insideWorker', 0, 'slept\n0\n1\nexit 0\n'], ['noCores', 0, 'slept\nmain is through\nslept\n'], ['noCoresThreads', 0, 'slept\n'], ['twoPools', 0, 'CAP_ERR_CLOSED number\n'],
    ['exits', 7, ''],
  ])('%s', { timeout: 60_000 }, async (program, code, out) => {
    const ended = await life(program);
    assert.deepEqual({ code: ended.code, out: ended.out }, { code, out }, ended.err);
    assert.equal(ended.err, '');
  });
  test.concurrent.each([['throws', /thrown by main/], ['usingThrows', /thrown by main/], ['rejectedUnhandled', /CAP_ERR_MODULE/]])('%s: the error ends it, as ever', { timeout: 60_000 }, async (program, says) => {
    const ended = await life(program);
    assert.equal(ended.code, 1, ended.out);
    assert.match(ended.err, says);
  });
  test.concurrent('under node --test, and from text that is a module', { timeout: 60_000 }, async () => {
    const tested = await run('node --test', ['--test', script('under-test.ts')]);
    assert.equal(tested.code, 0, tested.out);
    const text = `import { createPool } from ${JSON.stringify(import.meta.resolve('capriccio'))}; const pool = await createPool(1); console.log(pool.health().status);`;
    assert.deepEqual(await run('--eval', ['--input-type=module', '--eval', text]), { code: 0, signal: null, out: 'ok\n', err: '' });
  });
  test.skipIf(process.platform === 'win32')('a worker blocked in the kernel: close gives up, with a clear error', { timeout: 60_000 }, async () => {
    const ended = await life('blockedInKernel');
    assert.equal(ended.out, 'CAP_ERR_TIMEOUT CAP_ERR_CLOSED closed\n', ended.err);
  });
});

describe('close', () => {
  test('waits for what runs, refuses what is new', async () => {
    const pool = await createPool(1);
    const { sleepsShort } = cancels(pool);
    const shared = new SharedArrayBuffer(64);
    const calls = Array.from({ length: 5 }, () => sleepsShort(shared, 80));
    const closing = pool.close();
    assert.equal(pool.health().status, 'closing');
    assert.equal((await rejection(sleepsShort(shared, 1))).code, 'CAP_ERR_CLOSED');
    assert.deepEqual(await Promise.all(calls), Array.from({ length: 5 }, () => 'slept'));
    await closing;
    assert.equal(pool.health().status, 'closed');
  });
  test('ends what does not end within its grace, begun or not, with CAP_ERR_CLOSED', async () => {
    const pool = await createPool(1);
    const there = cancels(pool);
    const shared = new SharedArrayBuffer(64);
    const notes = new Notes(shared);
    const endless = rejection(there.endless(shared));
    await until(() => notes.get(BEGAN) === 1, 'the loop having begun');
    const rest = [there.sleeps(shared), there.marks(shared), there.marks.with({ affinity: 1 })(shared), there.marks.with({ idempotent: true })(shared), there.marks.spawn(shared).join(), values(pool).echo(new Blob(['x']))].map(rejection);
    await pool.close({ graceMs: 50 });
    for (const error of [await endless, ...await Promise.all(rest)]) assert.equal(error.code, 'CAP_ERR_CLOSED');
    assert.equal(notes.get(BEGAN), 1);
    assert.equal(pool.stats().calls.outstanding, 0);
  });
  test('lets a stream go on within its grace', async () => {
    for (const cores of [1, 0]) {
      const pool = await createPool(cores);
      const stream = pool.module<Streams>(fixture('streams.ts')).slow(12, 10);
      const got = [(await stream.next()).value];
      const closing = pool.close();
      for await (const value of stream) got.push(value);
      assert.deepEqual(got, Array.from({ length: 12 }, (_, k) => k));
      await closing;
      assert.equal((await stream.next()).done, true);
    }
  });
  test.each([1, 0])('of a stream that is left open, with %i cores: return comes back', async (cores) => {
    const pool = await createPool(cores);
    const stream = pool.module<Streams>(fixture('streams.ts')).endless(new SharedArrayBuffer(64));
    await stream.next();
    await pool.close({ graceMs: 0 });
    await soon(stream.return!() as Promise<unknown>, 'return').catch((error: { code: string }) => { assert.equal(error.code, 'CAP_ERR_CLOSED'); });
  });
  test('ends streams that wait', async () => {
    const pool = await createPool(1);
    const stream = pool.module<Streams>(fixture('streams.ts')).stalls(new SharedArrayBuffer(64), 'sleep');
    await stream.next();
    const next = rejection(stream.next() as Promise<unknown>);
    await pool.close({ graceMs: 20 });
    assert.equal((await next).code, 'CAP_ERR_CLOSED');
    await soon(stream.return!() as Promise<unknown>).catch((error: { code: string }) => { assert.equal(error.code, 'CAP_ERR_CLOSED'); });
  });
  test('twice is once', async () => {
    const pool = await createPool(1);
    const [a, b] = [pool.close(), pool.close({ graceMs: 0 })];
    await Promise.all([a, b]);
    await pool.close();
    await pool[Symbol.asyncDispose]();
  });
  test('afterwards every call rejects, and says which pool it was', async () => {
    const pool = await createPool({ cores: 1, name: 'mine' });
    const { add } = values(pool);
    await add(1, 2);
    await pool.close();
    const attempts = [() => add(1, 2), () => add.with({ affinity: 1 })(1, 2), () => add.spawn(1, 2).join(), () => pool.run(fixture('values.ts')), () => pool.serve(fixture('serve/listener.ts'), { port: 0 }), () => pool.module<Streams>(fixture('streams.ts')).counts(1).next()];
    for (const attempt of attempts) {
      const error = await rejection(attempt() as Promise<unknown>);
      assert.equal(error.code, 'CAP_ERR_CLOSED');
      assert.match(error.message, /mine/);
    }
    await pool.drain();
    assert.equal(pool.stats().calls.outstanding, 0);
    assert.equal(pool.health().ready, 0);
  });
  test('while a server drains, new calls are refused from the start', async () => {
    const pool = await createPool(1);
    const server = await pool.serve(fixture('serve/paths.ts'), { port: 0 });
    const slow = fetch(`${server.url}/wait?ms=300`);
    await delay(50);
    const closing = pool.close({ graceMs: 5000 });
    assert.equal((await rejection(values(pool).add(1, 2))).code, 'CAP_ERR_CLOSED');
    assert.equal((await slow).status, 200);
    await closing;
  });
  test('tells nobody of lost workers, and leaves none', async () => {
    const workers: Worker[] = [];
    const note = (worker: Worker): void => { workers.push(worker); };
    process.on('worker', note);
    const pool = await createPool(2);
    process.off('worker', note);
    let lost = 0;
    pool.on('lost', () => { lost++; });
    await values(pool).add(1, 2);
    await pool.close();
    assert.equal(lost, 0);
    assert.ok(workers.length >= 2 && workers.every((worker) => worker.threadId === -1), String(workers.map((worker) => worker.threadId)));
  });
  test('await using', async () => {
    let kept: Pool;
    { await using pool = await createPool(1); kept = pool; assert.equal(await values(pool).add(1, 2), 3); }
    assert.equal(kept.health().status, 'closed');
  });
  test('nested calls under way end too', async () => {
    const pool = await createPool(2);
    const shared = new SharedArrayBuffer(64);
    const call = rejection(cancels(pool).family(shared, 5));
    await until(() => new Notes(shared).get(BEGAN) === 6, 'all having begun');
    await pool.close({ graceMs: 20 });
    assert.equal((await call).code, 'CAP_ERR_CLOSED');
  });
});

describe('drain', () => {
  test('comes when no call is outstanding', async () => {
    const pool = await poolFor(1);
    await soon(pool.drain());
    let ended = 0;
    const shared = new SharedArrayBuffer(64);
    for (let k = 0; k < 10; k++) void cancels(pool).sleepsShort(shared, 10 * k).then(() => ended++);
    await Promise.all([pool.drain(), pool.drain()]);
    await Promise.resolve();
    assert.equal(ended, 10);
    assert.equal(await values(pool).add(1, 2), 3);
  });
});

describe('what a pool tells of itself', () => {
  test('stats', async () => {
    const pool = await poolFor({ cores: 2, lanes: 'off', memory: { slots: 1024, payloadBytes: 2 ** 20 } });
    await Promise.all(Array.from({ length: 200 }, (_, k) => values(pool).burn(k % 10 === 0 ? 2 : 0)));
    await rejection(pool.module<{ nope(): void }>(fixture('values.ts')).nope());
    const shared = new SharedArrayBuffer(64);
    const waiting = cancels(pool).sleepsShort(shared, 200);
    await until(() => pool.stats().workers.reduce((sum, { finished }) => sum + finished, 0) >= 200 && pool.stats().workers.some(({ threads }) => threads > 0), 'the figures');
    const stats = pool.stats();
    assert.deepEqual(Object.keys(stats).toSorted(), ['activations', 'calls', 'cores', 'expired', 'lanes', 'lost', 'memory', 'refused', 'workers']);
    assert.equal(stats.cores, 2);
    assert.equal(stats.lost, 0);
    assert.deepEqual(stats.refused, { requests: 0, calls: 0, byRoot: {}, retryAfterMs: {} });
    assert.deepEqual(stats.expired, { requests: 0, byRoute: {} });
    assert.deepEqual(stats.calls, { made: 202, ended: 201, outstanding: 1, waiting: 0 });
    assert.equal(stats.memory.slotsFree, 1023);
    assert.ok(stats.memory.arenaBytes > 2 * 2 ** 20 && stats.memory.payloadBytes >= 0);
    assert.equal(stats.workers.length, 2);
    for (const worker of stats.workers) {
      assert.deepEqual(Object.keys(worker).toSorted(), ['busyMs', 'connections', 'failed', 'finished', 'id', 'isReady', 'lane', 'queued', 'runnable', 'sleeps', 'sleptMs', 'threads', 'threadsRun']);
      for (const [name, value] of Object.entries(worker)) if (name !== 'isReady' && name !== 'lane') assert.ok(Number.isFinite(value) && (value as number) >= 0, `${name} is ${String(value)}`);
      assert.equal(worker.isReady, true);
      assert.ok(worker.busyMs > 0);
    }
    assert.equal(stats.workers.reduce((sum, { failed }) => sum + failed, 0), 1);
    await waiting;
    assert.ok(JSON.stringify(stats).length > 100);
  });
  test('health: ok, degraded while a worker is away or stalled, closing, closed', async () => {
    const pool = await createPool({ cores: 1, cancelGraceMs: 50 });
    assert.deepEqual(pool.health(), { status: 'ok', cores: 1, ready: 1, stalled: [], overloaded: false });
    const shared = new SharedArrayBuffer(64);
    const loop = cancels(pool).endless.spawn(shared);
    await until(() => pool.health().stalled.length === 1, 'a stalled worker');
    assert.equal(pool.health().status, 'degraded');
    loop.cancel();
    await rejection(loop.join());
    await until(() => pool.health().status === 'ok', 'a pool that is whole');
    const closing = pool.close();
    assert.equal(pool.health().status, 'closing');
    await closing;
    assert.deepEqual(pool.health(), { status: 'closed', cores: 1, ready: 0, stalled: [], overloaded: false });
  });
});

describe('limits.queued', () => {
  test('what is above it rejects alone, and there is room again when calls end', async () => {
    const pool = await poolFor({ cores: 1, limits: { queued: 10 } });
    const shared = new SharedArrayBuffer(64);
    const calls = Array.from({ length: 10 }, () => cancels(pool).sleepsShort(shared, 50));
    const over = await Promise.all(Array.from({ length: 5 }, () => rejection(cancels(pool).sleepsShort(shared, 1))));
    for (const error of over) { assert.equal(error.code, 'CAP_ERR_QUEUE_FULL'); assert.match(error.message, /10.*limits\.queued/); }
    assert.deepEqual(await Promise.all(calls), Array.from({ length: 10 }, () => 'slept'));
    assert.equal(await values(pool).add(1, 2), 3);
    assert.equal(new Notes(shared).get(BEGAN), 10);
  });
  test('a stream counts as one call, whatever it takes to read and to end it', async () => {
    const pool = await poolFor({ cores: 1, limits: { queued: 1 } });
    const shared = new SharedArrayBuffer(64);
    for await (const value of pool.module<Streams>(fixture('streams.ts')).endless(shared)) if (value === 40) break;
    assert.equal(Atomics.load(new Int32Array(shared), 2), 1);
  });
});

describe('affinity and tickets', () => {
  test('the same key, the same worker; many keys, all workers', async () => {
    const pool = await poolFor(2);
    const seen = new Set<number>();
    for (const key of ['a', 'b', 'c', 'd', 'e', 'f', 1, 2, 3, 0, -1.5, '']) {
      const ids = await Promise.all(Array.from({ length: 5 }, () => values(pool).where.with({ affinity: key })()));
      assert.equal(new Set(ids).size, 1, `key ${key}`);
      seen.add(ids[0]!);
    }
    assert.equal(seen.size, 2);
    assert.equal(await values(pool).where.with({ affinity: 1 })(), await values(pool).where.with({ affinity: '1' })());
  });
  test('tickets are taken with any call', async () => {
    const pool = await poolFor(1);
    assert.deepEqual(await Promise.all([1, 7, 10_000].map((tickets) => values(pool).add.with({ tickets })(1, tickets))), [2, 8, 10_001]);
  });
});

describe('cores: 0 does all of it in this thread', () => {
  const open = async (): Promise<Pool> => poolFor({ cores: 0, cancelGraceMs: 50 });
  test('module, run, arguments by value, SharedArrayBuffers, transfer, Blobs, huge values', async () => {
    const pool = await open();
    const there = values(pool);
    assert.equal(pool.cores, 0);
    assert.equal(await there.where(), threadId);
    assert.equal(await pool.run<string>(fixture('values.ts'), 'you'), 'hello you');
    const given = { n: 1, list: [1] };
    const call = there.echo(given);
    given.n = 2;
    assert.deepEqual(await call, { n: 1, list: [1] });
    assert.equal(await there.mutate(given), 3);
    assert.equal(given.n, 2);
    const shared = new SharedArrayBuffer(16);
    await there.addTo(shared, 1, 4);
    assert.equal(Atomics.load(new Int32Array(shared), 1), 4);
    assert.ok(await there.makeShared() instanceof SharedArrayBuffer);
    const buffer = new ArrayBuffer(8);
    assert.equal(await soon(there.byteLength.with({ transfer: [buffer] })(buffer)), 8);
    assert.equal(buffer.detached, true);
    assert.equal(await soon(there.blobText(new Blob(['blob']))), 'blob');
    assert.equal((await soon(there.echo(new Uint8Array(20 * 2 ** 20)))).length, 20 * 2 ** 20);
    assert.equal((await rejection(there.echo({ a: () => 1 }))).code, 'CAP_ERR_NOT_CLONEABLE');
    assert.equal((await rejection(there.makeFunction())).code, 'CAP_ERR_NOT_CLONEABLE');
    assert.equal((await rejection((there as unknown as { nope(): Promise<void> }).nope())).code, 'CAP_ERR_MODULE');
    assert.equal((await Promise.all(Array.from({ length: 5000 }, (_, k) => there.increment(k)))).length, 5000);
  });
  test('spawn, streams, generators as threads', async () => {
    const pool = await open();
    const streams = pool.module<Streams>(fixture('streams.ts'));
    const got: number[] = [];
    for await (const k of streams.counts(40)) got.push(k);
    assert.equal(got.length, 40);
    const shared = new SharedArrayBuffer(64);
    for await (const k of streams.endless(shared)) if (k === 3) break;
    assert.equal(Atomics.load(new Int32Array(shared), 2), 1);
    assert.equal(await streams.framesSum.spawn(5).join(), 10);
    assert.equal(await streams.sumOf(20), 190);
    assert.equal(await cancels(pool).where.spawn().join(), threadId);
  });
  test('cancelling: waits, children, deadlines, what is stuck', async () => {
    const pool = await open();
    const there = cancels(pool);
    const shared = new SharedArrayBuffer(64);
    const notes = new Notes(shared);
    const thread = there.family.spawn(shared, 4);
    await until(() => notes.get(BEGAN) === 5, 'all having begun');
    thread.cancel();
    assert.equal((await rejection(thread.join())).code, 'CAP_ERR_CANCELLED');
    await until(() => notes.get(CLEANED) === 5, 'the clean-up');
    assert.equal((await rejection(there.sleeps.with({ deadlineMs: 20, onDeadline: 'cancel' })(shared))).code, 'CAP_ERR_DEADLINE');
    const stuck = there.stuck.spawn(shared);
    await until(() => notes.get(BEGAN) === 7, 'it having begun');
    stuck.cancel();
    assert.equal((await rejection(stuck.join())).code, 'CAP_ERR_CANCELLED');
    assert.equal((await rejection(there.marks.with({ signal: AbortSignal.abort() })(shared))).code, 'CAP_ERR_CANCELLED');
    assert.equal(notes.get(BEGAN), 7);
  });
  test('threads that call their pool', async () => {
    const pool = await open();
    const nested = pool.module<Nested>(fixture('nested.ts'));
    assert.equal((await soon(nested.fib(16, 8))).value, 987);
    assert.equal(await soon(nested.deep(50)), 50);
    assert.equal(await nested.keepsStore('x'), true);
    assert.equal((await soon(nested.withOptions()))[4], 'CAP_ERR_CANCELLED');
  });
  test('stats, health, drain, limits, close', async () => {
    const pool = await createPool({ cores: 0, limits: { queued: 3 } });
    const shared = new SharedArrayBuffer(64);
    const calls = Array.from({ length: 3 }, () => cancels(pool).sleepsShort(shared, 20));
    assert.equal((await rejection(cancels(pool).where())).code, 'CAP_ERR_QUEUE_FULL');
    assert.equal(pool.stats().calls.outstanding, 3);
    await pool.drain();
    await Promise.all(calls);
    assert.deepEqual(pool.health(), { status: 'ok', cores: 0, ready: 1, stalled: [], overloaded: false });
    assert.equal(pool.stats().workers.length, 1);
    const late = rejection(cancels(pool).sleeps(shared));
    await pool.close({ graceMs: 20 });
    assert.equal((await late).code, 'CAP_ERR_CLOSED');
    assert.equal((await rejection(cancels(pool).where())).code, 'CAP_ERR_CLOSED');
    assert.equal(pool.health().status, 'closed');
  });
  test('one after the other, and beside a pool with cores', async () => {
    const beside = await poolFor(1);
    for (let k = 0; k < 3; k++) {
      const pool = await createPool(0);
      assert.equal(await values(pool).where(), threadId);
      assert.notEqual(await values(beside).where(), threadId);
      await pool.close();
    }
    assert.equal(thrown(() => beside.module('x')).code, 'CAP_ERR_OPTION');
  });
});
