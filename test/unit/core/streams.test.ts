/** Remote generators: values in order, back-pressure, early ends, failures, lost workers, and the same generators as threads. */
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { createPool, type Pool, type Remote, type RemoteGenerator } from 'capriccio';
import { afterAll, beforeAll, describe, expectTypeOf, test } from 'vitest';
import { BEGAN, CLEANED, YIELDED } from '../../fixtures/core/streams.ts';
import { fixture, poolFor, rejection, soon, until } from './rig.ts';

type Streams = typeof import('../../fixtures/core/streams.ts');
let pool: Pool;
let streams: Remote<Streams>;
const lost: string[] = [];
beforeAll(async () => {
  pool = await createPool(2);
  pool.on('lost', ({ reason }) => { lost.push(reason); });
  streams = pool.module<Streams>(fixture('streams.ts'));
});
afterAll(async () => {
  assert.deepEqual(lost, []);
  await pool.close({ graceMs: 0 });
});

function counters(): { shared: SharedArrayBuffer; seen(index: number): number } {
  const shared = new SharedArrayBuffer(64);
  return { shared, seen: (index) => Atomics.load(new Int32Array(shared), index) };
}
async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const got: T[] = [];
  for await (const value of stream) got.push(value);
  return got;
}
const upTo = (n: number): number[] => Array.from({ length: n }, (_, k) => k);

describe.each(['counts', 'syncCounts'] as const)('%s', (name) => {
  test.each([0, 1, 2, 15, 16, 17, 33, 1000])('gives %i values in order', async (n) => {
    assert.deepEqual(await soon(collect(streams[name](n))), upTo(n));
  });
  test('many at once, each its own', async () => {
    const all = await soon(Promise.all(Array.from({ length: 30 }, (_, k) => collect(streams[name](k * 3)))));
    all.forEach((got, k) => { assert.deepEqual(got, upTo(k * 3)); });
  });
});

test('a remote generator is typed as an iterable of its values', () => {
  expectTypeOf(streams.returning).toEqualTypeOf<RemoteGenerator<[], number, string>>();
  expectTypeOf(streams.counts(1)).toExtend<AsyncIterable<number>>();
  expectTypeOf(streams.returning.spawn().join()).toEqualTypeOf<Promise<string>>();
  expectTypeOf(streams.plain(1)).toEqualTypeOf<Promise<number>>();
});

test('values of every kind, by value', async () => {
  const [a, b, c, d, e, f, g, h] = await soon(collect(streams.values()));
  assert.deepEqual([a, b, c, e, f], [undefined, null, { a: [1, new Map([[1, 2]])] }, new Date(3), 'é'.repeat(1000)]);
  assert.equal((d as Uint8Array).length, 100_000);
  assert.equal((g as Uint8Array).length, 12 * 2 ** 20);
  assert.equal(await (h as Blob).text(), 'blob');
});
test('an object that the generator changes later arrives as it was', async () => {
  assert.deepEqual((await collect(streams.mutates())).map(({ n }) => n), [0, 1, 2, 3, 4]);
});
test('promises that a generator yields are awaited, as for await does', async () => {
  const got: number[] = await collect(streams.yieldsPromises());
  assert.deepEqual(got, [1, 2]);
});
test('a slow generator is waited for', async () => { assert.deepEqual(await soon(collect(streams.slow(5, 5))), upTo(5)); });
test('by hand: next, in order even when calls overlap, done, and done again', async () => {
  const stream = streams.counts(3);
  const steps = await soon(Promise.all([stream.next(), stream.next(), stream.next(), stream.next(), stream.next()]));
  assert.deepEqual(steps.map(({ value }) => value), [0, 1, 2, undefined, undefined]);
  assert.deepEqual(steps.map(({ done }) => done), [false, false, false, true, true]);
  assert.equal((await stream.next()).done, true);
});
test('awaited first, then iterated', async () => {
  const stream = await (streams.counts(3) as unknown as Promise<AsyncIterable<number>>);
  assert.deepEqual(await collect(stream), [0, 1, 2]);
});
test('the generator is a thread of its own name', async () => {
  const names = await collect(streams.whoIs());
  assert.equal(names[0], names[1]);
  assert.match(names[0]!, /whoIs/);
});
test('with options', async () => {
  assert.deepEqual(await collect(streams.counts.with({ affinity: 1, deadlineMs: 5000, tickets: 2 })(4)), upTo(4));
});
test('a function that is no generator cannot be iterated over', async () => {
  const wrong = streams.plain as unknown as (x: number) => AsyncIterable<number>;
  await rejection((async () => { await collect(wrong(1)); })());
  assert.equal(await streams.plain(1), 2);
});

describe('back-pressure', () => {
  test.each(['endless', 'syncEndless'] as const)('%s: who reads slowly is not run away from', async (name) => {
    const { shared, seen } = counters();
    let read = 0;
    let most = 0;
    for await (const value of streams[name](shared)) {
      assert.equal(value, ++read);
      await delay(3);
      most = Math.max(most, seen(YIELDED) - read);
      if (read === 40) break;
    }
    assert.ok(most <= 64, `it was ${most} values ahead`);
    await until(() => seen(CLEANED) === 1, 'its clean-up');
  });
  test('who does not read at all stops it', async () => {
    const { shared, seen } = counters();
    const stream = streams.endless(shared);
    await stream.next();
    await delay(50);
    const ahead = seen(YIELDED);
    await delay(50);
    assert.equal(seen(YIELDED), ahead);
    assert.ok(ahead <= 64, `it was ${ahead} values ahead`);
    await stream.return?.();
  });
});

describe('an early end', () => {
  test.each(['endless', 'syncEndless'] as const)('%s: break runs its finally', async (name) => {
    const { shared, seen } = counters();
    for await (const value of streams[name](shared)) if (value === 3) break;
    assert.equal(seen(CLEANED), 1, 'break came back before the clean-up had run');
  });
  test('before the first value', async () => {
    const { shared, seen } = counters();
    const stream = streams.endless(shared);
    await soon(stream.return!() as Promise<unknown>);
    assert.equal((await stream.next()).done, true);
    assert.equal(seen(BEGAN), seen(CLEANED));
  });
  test('await using', async () => {
    const { shared, seen } = counters();
    { await using stream = streams.endless(shared); await stream.next(); }
    assert.equal(seen(CLEANED), 1);
  });
  test('a throw of the reader', async () => {
    const { shared, seen } = counters();
    const error = await rejection((async () => { for await (const value of streams.endless(shared)) if (value === 2) throw new Error('mine'); })());
    assert.equal(error.message, 'mine');
    assert.equal(seen(CLEANED), 1);
  });
  test.each(['sleep', 'signal'] as const)('while the generator waits (%s): it is woken', async (how) => {
    const { shared, seen } = counters();
    const stream = streams.stalls(shared, how);
    assert.deepEqual(await stream.next(), { done: false, value: 1 });
    await delay(5);
    await soon(stream.return!() as Promise<unknown>, 'return');
    await until(() => seen(CLEANED) === 1, 'its clean-up');
  });
  test('what finally throws is told', async () => {
    const error = await rejection((async () => { for await (const value of streams.failsInFinally()) if (value === 1) break; })());
    assert.ok(error instanceof TypeError);
  });
});

describe('failures', () => {
  test.each(['failsAfter', 'syncFailsAfter'] as const)('%s: all values, then the error, then done', async (name) => {
    for (const n of [0, 1, 16, 20, 40]) {
      const got: number[] = [];
      const stream = streams[name](n);
      const error = await rejection((async () => { for await (const value of stream) got.push(value); })());
      assert.deepEqual(got, upTo(n));
      assert.ok(error instanceof RangeError);
      assert.equal(error.message, 'after values');
      assert.equal((await stream.next()).done, true);
    }
  });
  test('a value that cannot be cloned: the values before it come, then CAP_ERR_NOT_CLONEABLE with its path', async () => {
    const got: unknown[] = [];
    const error = await rejection((async () => { for await (const value of streams.yieldsFunction()) got.push(value); })());
    assert.equal(error.code, 'CAP_ERR_NOT_CLONEABLE');
    assert.match(error.message, /deep\[0\] is a function/);
    assert.deepEqual(got, [1]);
  });
  test('a module or an export that is not there', async () => {
    const wrong = pool.module<{ nope(): AsyncGenerator<number> }>(fixture('streams.ts'));
    assert.equal((await rejection(collect(wrong.nope()))).code, 'CAP_ERR_MODULE');
  });
  test('an iterator that a plain function gives is refused', async () => {
    assert.equal((await rejection(streams.iterator() as Promise<unknown>)).code, 'CAP_ERR_NOT_CLONEABLE');
  });
  test('nobody needs to read an error for the process to live', async () => {
    const stream = streams.failsAfter(0);
    await delay(30);
    await rejection(stream.next());
    void streams.failsAfter(1);
    await delay(30);
  });
});

describe('a lost worker', () => {
  test('in the middle: the reader is told, others go on', async () => {
    const own = await poolFor(1);
    const there = own.module<Streams>(fixture('streams.ts'));
    const got: number[] = [];
    const error = await rejection((async () => { for await (const value of there.exitsAfter(5)) got.push(value); })());
    assert.equal(error.code, 'CAP_ERR_WORKER_LOST');
    assert.deepEqual(got, upTo(5));
    assert.deepEqual(await soon(collect(there.counts(3))), upTo(3));
  });
  test('while the reader is busy: break comes back, and touches nobody else’s stream', async () => {
    const own = await poolFor(1);
    const there = own.module<Streams>(fixture('streams.ts'));
    const stream = there.endless(counters().shared);
    await stream.next();
    for (let k = 0; k < 3; k++) {                                         // its number comes to a new worker
      await rejection(collect(there.exitsAfter(1)));
      await until(() => own.health().status === 'ok', 'a pool that is whole');
    }
    const { shared, seen } = counters();
    const other = there.endless(shared);
    await other.next();
    await soon(stream.return!() as Promise<unknown>, 'return');
    await delay(30);
    assert.equal(seen(CLEANED), 0, 'another stream was closed');
    await other.return!();
    assert.equal(seen(CLEANED), 1);
  });
});

describe('a signal', () => {
  test('before: it rejects and never begins', async () => {
    const { shared, seen } = counters();
    const error = await rejection(collect(streams.endless.with({ signal: AbortSignal.abort() })(shared)));
    assert.equal(error.code, 'CAP_ERR_CANCELLED');
    assert.equal(seen(BEGAN), 0);
  });
  test.each(['sleep', 'signal'] as const)('while the reader waits for the next value (%s): it rejects with the reason, finally runs', async (how) => {
    const { shared, seen } = counters();
    const controller = new AbortController();
    const stream = streams.stalls.with({ signal: controller.signal })(shared, how);
    assert.equal((await stream.next()).value, 1);
    const next = rejection(stream.next() as Promise<unknown>);
    await delay(10);
    const reason = new Error('because');
    controller.abort(reason);
    const error = await next;
    assert.equal(error.code, 'CAP_ERR_CANCELLED');
    assert.equal(error.cause, reason);
    await until(() => seen(CLEANED) === 1, 'its clean-up');
  });
  test('while the reader is busy', async () => {
    const { shared, seen } = counters();
    const controller = new AbortController();
    const error = await rejection((async () => {
      for await (const value of streams.endless.with({ signal: controller.signal })(shared)) if (value === 3) controller.abort();
    })());
    assert.equal(error.code, 'CAP_ERR_CANCELLED');
    await until(() => seen(CLEANED) === 1, 'its clean-up');
  });
  test('between the call and its first value', async () => {
    for (let k = 0; k < 20; k++) {
      const { shared, seen } = counters();
      const controller = new AbortController();
      const read = rejection(collect(streams.endless.with({ signal: controller.signal })(shared)));
      if (k % 2 === 1) await delay(k % 4);
      controller.abort();
      assert.equal((await read).code, 'CAP_ERR_CANCELLED');
      await until(() => seen(CLEANED) === seen(BEGAN), 'its clean-up');
    }
  });
  test('one whose clean-up throws is no unhandled rejection', async () => {
    const controller = new AbortController();
    const stream = streams.failsInFinally.with({ signal: controller.signal })();
    await stream.next();
    controller.abort();
    assert.equal((await rejection(stream.next() as Promise<unknown>)).code, 'CAP_ERR_CANCELLED');
    await delay(30);
  });
  test('one that computes has given its value before, does not hold its reader, and ends at its next yield', async () => {
    const own = await poolFor({ cores: 1 });
    const gate = new Int32Array(new SharedArrayBuffer(4));
    const controller = new AbortController();
    const stream = own.module<Streams>(fixture('streams.ts')).computes.with({ signal: controller.signal })(gate.buffer as SharedArrayBuffer);
    assert.deepEqual(await soon(stream.next(), 'its first value'), { done: false, value: 1 });
    const next = rejection(stream.next() as Promise<unknown>);
    controller.abort();
    assert.equal((await next).code, 'CAP_ERR_CANCELLED');
    Atomics.store(gate, 0, 1);
    assert.equal(await soon(own.module<Streams>(fixture('streams.ts')).plain(1)), 2);
    await until(() => own.stats().workers[0]?.threads === 0, 'its end');
  });
  test('a stuck generator does not hold its reader', async () => {
    const own = await poolFor({ cores: 1, cancelGraceMs: 50 });
    const there = own.module<Streams>(fixture('streams.ts'));
    const { shared } = counters();
    const controller = new AbortController();
    const stream = there.stalls.with({ signal: controller.signal })(shared, 'foreign');
    await stream.next();
    const next = rejection(stream.next() as Promise<unknown>);
    controller.abort();
    assert.equal((await next).code, 'CAP_ERR_CANCELLED');
    assert.equal(own.stats().lost, 0);
  });
});

describe('spawned, a generator runs to its end as one thread', () => {
  test('of frames: each yield is a wait, the return value is the result', async () => {
    const thread = streams.framesSum.spawn(10);
    assert.equal(await soon(thread.join()), 45);
    assert.equal(thread.status, 'done');
  });
  test('an async one too', async () => { assert.equal(await soon(streams.asyncReturns.spawn(3).join()), 'after 3'); });
  test('and is cancelled like one', async () => {
    const { shared, seen } = counters();
    const thread = streams.endless.spawn(shared);
    await until(() => seen(BEGAN) === 1, 'it having begun');
    thread.cancel();
    assert.equal((await rejection(thread.join())).code, 'CAP_ERR_CANCELLED');
    await until(() => seen(CLEANED) === 1, 'its clean-up');
  });
});

describe('in threads', () => {
  test('a thread reads a generator of some core', async () => { assert.equal(await soon(streams.sumOf(100)), 4950); });
  test('breaks, and its finally runs', async () => {
    const { shared, seen } = counters();
    assert.equal(await soon(streams.breaksIn(shared)), 5);
    assert.equal(seen(CLEANED), 1);
  });
  test('catches its failure', async () => { assert.equal(await soon(streams.catchesFailure()), '0,1,2 E_AFTER'); });
  test.each(['readsUntilCancelled', 'readsForEver'] as const)('a reader that is cancelled (%s) takes it along', async (name) => {
    const { shared, seen } = counters();
    const thread = streams[name].spawn(shared);
    await until(() => seen(YIELDED) > 5, 'values');
    thread.cancel();
    assert.equal((await rejection(thread.join())).code, 'CAP_ERR_CANCELLED');
    await until(() => seen(CLEANED) === 1, 'the clean-up of the generator');
  });
});

describe('streams of Node and of the web', () => {
  test('as results: the same chunks, in a stream of the same kind', async () => {
    const { shared } = counters();
    const bytes = await soon(streams.nodeStream(shared, 40, 3));
    assert.ok(bytes instanceof Readable && !bytes.readableObjectMode);
    assert.deepEqual(Buffer.concat(await soon(collect(bytes))), Buffer.concat(Array.from({ length: 40 }, (_, k) => Buffer.alloc(3, k))));
    const objects = await soon(streams.nodeObjects(40));
    assert.deepEqual(await soon(collect(objects)), upTo(40).map((k) => ({ k })));
    assert.equal((await soon(collect(await soon(streams.nodeText())))).join(''), 'grüße');
    const web = await soon(streams.webStream(shared, 40, 3));
    assert.ok(web instanceof ReadableStream);
    assert.equal((await soon(collect(web))).reduce((sum, chunk) => sum + chunk.length, 0), 120);
    expectTypeOf(streams.nodeStream(shared, 1, 1)).toEqualTypeOf<Promise<Readable>>();
  });
  test('nobody reads: the source is not run further than its window, and a reader who stops ends it', async () => {
    for (const kind of ['nodeStream', 'webStream'] as const) {
      const { shared, seen } = counters();
      const stream = await soon<AsyncIterable<Uint8Array>>(kind === 'webStream' ? streams.webStream(shared, 1_000_000, 10_000) : streams.nodeStream(shared, 1_000_000, 10_000));
      let before = -1;
      await until(() => { const now = seen(YIELDED); const isStill = now === before && now > 0; before = now; return isStill; }, 'its source stands still');
      assert.ok(seen(YIELDED) < 100, `${seen(YIELDED)} chunks ahead`);
      const iterator = stream[Symbol.asyncIterator]();
      assert.equal((await iterator.next()).value?.length, 10_000);
      await iterator.return?.();
      await until(() => seen(CLEANED) === 1, 'its source is closed');
    }
  });
  test('a failure of the source is that of the stream, after the values before it', async () => {
    const got: number[] = [];
    const error = await rejection((async () => { for await (const value of await streams.nodeFails(3)) got.push(value as number); })());
    assert.deepEqual([got, error instanceof RangeError, error.code], [[0, 1, 2], true, 'E_BROKE']);
  });
  test('from worker to worker', async () => { assert.equal(await soon(streams.passesStream()), 2000); });
  test('as arguments, moved: chunks go on as they are read', async () => {
    const { shared, seen } = counters();
    const source = ReadableStream.from((async function* () { for (let k = 0; k < 100; k++) { Atomics.add(new Int32Array(shared), YIELDED, 1); yield new Uint8Array(1000); } })());
    assert.equal(await soon(streams.lengthOf.with({ transfer: [source] })(source)), 100_000);
    assert.equal(seen(YIELDED), 100);
    const node = Readable.toWeb(Readable.from([Buffer.alloc(7), Buffer.alloc(5)], { objectMode: false })) as ReadableStream<Uint8Array>;
    assert.equal(await soon(streams.lengthOf.with({ transfer: [node] })(node)), 12);
    const written: number[] = [];
    const sink = new WritableStream<number>({ async write(chunk) { await delay(1); written.push(chunk); } }, { highWaterMark: 2 });
    await soon(streams.writesTo.with({ transfer: [sink] })(sink, 20));
    await until(() => written.length === 20, 'all is written');
    assert.deepEqual(written, upTo(20));
  });
});

test('nothing is left', async () => {
  await until(() => pool.stats().calls.outstanding === 0, 'no call being outstanding');
});
