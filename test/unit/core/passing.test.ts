/** What is passed otherwise than as a copy of plain data: shared memory, huge values, what moves, what only a port carries, and what is refused. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { MessageChannel } from 'node:worker_threads';
import { createPool, type Pool, type Remote } from 'capriccio';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { fixture, poolFor, rejection, soon } from './rig.ts';

type Values = typeof import('../../fixtures/core/values.ts');
let pool: Pool;
let values: Remote<Values>;
beforeAll(async () => {
  pool = await createPool(2);
  values = pool.module<Values>(fixture('values.ts'));
});
afterAll(async () => { await pool.close({ graceMs: 0 }); });

describe('shared memory', () => {
  const counter = (shared: SharedArrayBuffer, index: number): number => Atomics.load(new Int32Array(shared), index);

  test('an argument is shared, not copied', async () => {
    const shared = new SharedArrayBuffer(64);
    await Promise.all(Array.from({ length: 100 }, () => values.addTo(shared, 1, 1)));
    assert.equal(counter(shared, 1), 100);
    assert.equal(counter(shared, 0), 0);
  });
  test('a typed array over it too, at its offset', async () => {
    const shared = new SharedArrayBuffer(64);
    await Promise.all(Array.from({ length: 20 }, () => values.addToView(new Int32Array(shared, 8, 4), 1, 2)));
    assert.equal(counter(shared, 3), 40);
  });
  test('nested in objects, arrays and maps', async () => {
    const shared = new SharedArrayBuffer(64);
    await Promise.all(Array.from({ length: 20 }, () => values.addNested({ a: { list: [shared] }, map: new Map([['view', new Int32Array(shared)]]) })));
    assert.equal(counter(shared, 0), 20);
    assert.equal(counter(shared, 1), 20);
  });
  test('what is written here after the call is seen there', async () => {
    const shared = new SharedArrayBuffer(16);
    const seen = values.watchShared(shared, 2, 77);
    Atomics.store(new Int32Array(shared), 2, 77);
    assert.equal(await seen, 77);
  });
  test('one that a worker made is shared with main', async () => {
    const there = values.makeShared.with({ affinity: 'maker' });
    const shared = await there();
    const again = await there();
    assert.ok(shared instanceof SharedArrayBuffer);
    Atomics.store(new Int32Array(shared), 0, 5);
    assert.equal(counter(again, 0), 5);
    await values.addTo(shared, 0, 1);
    assert.equal(counter(again, 0), 6);
  });
  test('nested in a result, with its views over the same memory', async () => {
    const { view, buffer, also } = await values.makeSharedNested();
    assert.equal(buffer, also);
    assert.equal(view.buffer, buffer);
    view[0] = 9;
    assert.equal(counter(buffer, 4), 9);
  });
  test('from worker to workers', async () => { assert.equal(await values.shareWithOthers(50), 50); });
  test('from main through one worker to another, and back as the same memory', async () => {
    const shared = new SharedArrayBuffer(16);
    const back = await values.passOn(shared);
    assert.equal(counter(shared, 2), 5);
    Atomics.store(new Int32Array(back), 3, 8);
    assert.equal(counter(shared, 3), 8);
  });
  test('a worker that comes later knows what was shared before', async () => {
    const own = await poolFor(1);
    const { addTo, dies } = own.module<Values & { dies(): never }>(fixture('values.ts'));
    const shared = new SharedArrayBuffer(16);
    await addTo(shared, 0, 1);
    await rejection(dies());
    await addTo(shared, 0, 1);
    assert.equal(counter(shared, 0), 2);
  });
});

describe('huge values', () => {
  const size = 50 * 2 ** 20;
  test('50 MB of bytes, there and back', async () => {
    const bytes = new Uint8Array(size).fill(3);
    bytes[size - 1] = 7;
    const back = await values.echo(bytes);
    assert.equal(back.length, size);
    assert.equal(back[0], 3);
    assert.equal(back[size - 1], 7);
    assert.equal(bytes.length, size);
  });
  test('50 MB of text, there and back', async () => {
    const text = 'ab'.repeat(size / 2);
    assert.equal(await values.echo(text), text);
  });
  test('values of a million parts', async () => {
    const given = Array.from({ length: 200_000 }, (_, k) => ({ k, text: `part ${k}` }));
    const back = await values.echo(given);
    assert.equal(back.length, given.length);
    assert.deepEqual(back[199_999], given[199_999]);
  });
  test('a change after the call is not seen in a huge one either', async () => {
    const bytes = new Uint8Array(size);
    const back = values.echo(bytes);
    bytes[0] = 1;
    assert.equal((await back)[0], 0);
  });
  test('several at once', async () => {
    const lengths = await Promise.all(Array.from({ length: 4 }, (_, k) => values.makeBytes(10 * 2 ** 20 + k, k)));
    assert.deepEqual(lengths.map((bytes) => [bytes.length - 10 * 2 ** 20, bytes[5]]), [[0, 0], [1, 1], [2, 2], [3, 3]]);
  });
});

describe('transfer', () => {
  test('a buffer is moved: gone here, whole there', async () => {
    const bytes = new Uint8Array(1000).fill(2);
    const { buffer } = bytes;
    assert.equal(await values.sum.with({ transfer: [buffer] })(bytes), 2000);
    assert.equal(buffer.byteLength, 0);
    assert.equal(buffer.detached, true);
  });
  test('at the moment of the call', () => {
    const buffer = new ArrayBuffer(8);
    const call = values.byteLength.with({ transfer: [buffer] })(buffer);
    assert.equal(buffer.detached, true);
    return call;
  });
  test('many, each to its call', async () => {
    const sums = await Promise.all(Array.from({ length: 200 }, (_, k) => {
      const bytes = new Uint8Array(100).fill(k % 5);
      return values.sum.with({ transfer: [bytes.buffer] })(bytes);
    }));
    sums.forEach((sum, k) => { assert.equal(sum, 100 * (k % 5)); });
  });
  test('a thread moves it on', async () => {
    const buffer = new ArrayBuffer(64);
    assert.deepEqual(await values.moveOn.with({ transfer: [buffer] })(buffer), [64, 0]);
  });
  test('a port is moved and works', async () => {
    const { port1, port2 } = new MessageChannel();
    const [[message]] = await Promise.all([once(port1, 'message'), values.answerOn.with({ transfer: [port2] })(port2, 'it')]);
    assert.equal(message, 'got it');
    port1.close();
  });
  test('a port is moved on from worker to worker', async () => {
    const channels = Array.from({ length: 6 }, () => new MessageChannel());
    const answers = channels.map(({ port1 }) => once(port1, 'message'));
    const ports = channels.map(({ port2 }) => port2);
    await soon(values.moveSeveralPortsOn.with({ transfer: ports })(ports), 'the calls');
    assert.deepEqual((await soon(Promise.all(answers), 'the answers')).flat(), ['got 0', 'got 1', 'got 2', 'got 3', 'got 4', 'got 5']);
    for (const { port1 } of channels) port1.close();
  });
  test('a Blob passes, also from worker to worker and as a result', async () => {
    const blob = new Blob(['in a blob']);
    assert.equal(await values.blobText(blob), 'in a blob');
    assert.deepEqual(await values.passBlobOn(blob), Array.from({ length: 4 }, () => 'in a blob'));
    assert.equal(await (await values.makeBlob('made there')).text(), 'made there');
  });
  test('moved at the moment of the call also where it must wait for a slot', async () => {
    const small = await poolFor({ cores: 1, memory: { slots: 16 } });
    const { sum } = small.module<Values>(fixture('values.ts'));
    const calls = Array.from({ length: 60 }, (_, k) => {
      const bytes = new Uint8Array(100).fill(k % 5);
      const call = sum.with({ transfer: [bytes.buffer] })(bytes);
      assert.equal(bytes.buffer.detached, true);
      return call;
    });
    (await soon(Promise.all(calls))).forEach((total, k) => { assert.equal(total, 100 * (k % 5)); });
  });
  test('and what only a port carries is copied at that moment', async () => {
    const small = await poolFor({ cores: 1, memory: { slots: 16 } });
    const { all } = small.module<Values>(fixture('values.ts'));
    const given = { n: 0 };
    const calls = Array.from({ length: 60 }, (_, k) => { given.n = k; return all(new Blob(['x']), given); });
    given.n = -1;
    (await soon(Promise.all(calls))).forEach((got, k) => { assert.deepEqual(got[1], { n: k }); });
  });
  test('what was moved before is refused, and that call alone', async () => {
    const buffer = new ArrayBuffer(8);
    await values.byteLength.with({ transfer: [buffer] })(buffer);
    assert.equal((await rejection(values.byteLength.with({ transfer: [buffer] })(buffer))).code, 'CAP_ERR_NOT_CLONEABLE');
    assert.equal((await rejection(values.echo(buffer))).code, 'CAP_ERR_NOT_CLONEABLE');
    assert.equal(await values.add(1, 1), 2);
  });
  test('a signal that has aborted leaves the buffer here', async () => {
    const buffer = new ArrayBuffer(8);
    const error = await rejection(values.byteLength.with({ transfer: [buffer], signal: AbortSignal.abort() })(buffer));
    assert.equal(error.code, 'CAP_ERR_CANCELLED');
    assert.equal(buffer.byteLength, 8);
  });
});

describe('what cannot be cloned is refused, that call alone, naming the path', () => {
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  test.each<[string, unknown, RegExp]>([
    ['a function', () => 1, /argument\[1\] is a function/],
    ['a symbol', Symbol('s'), /argument\[1\] is a symbol/],
    ['a proxy', new Proxy({}, {}), /argument\[1\] is a proxy/],
    ['a revoked proxy', revoked.proxy, /argument\[1\] is a proxy/],
    ['a promise', Promise.resolve(1), /argument\[1\] is a promise/],
    ['a WeakMap', new WeakMap(), /argument\[1\] is an instance of WeakMap/],
    ['a function deep inside', { user: { callbacks: [1, { 'on done': () => 1 }] } }, /argument\[1\]\.user\.callbacks\[1\]\["on done"\] is a function/],
    ['a symbol in a map', new Map([['key', { s: Symbol('s') }]]), /argument\[1\]\.get\("key"\)\.s is a symbol/],
    ['a function in a set', new Set([() => 1]), /argument\[1\] \(member 0\) is a function/],
    ['a getter that throws', { get bad(): never { throw new Error('getter'); } }, /argument.*getter/],
  ])('%s', async (_, value, message) => {
    const neighbour = values.add(1, 2);
    const error = await rejection(values.all('first', value));
    assert.equal(error.code, 'CAP_ERR_NOT_CLONEABLE');
    assert.equal(error.name, 'CapriccioError');
    assert.match(error.message, message);
    assert.equal(await neighbour, 3);
    assert.equal(await values.add(1, 1), 2);
  });

  test('in a result', async () => {
    const deep = await rejection(values.makeFunction());
    assert.equal(deep.code, 'CAP_ERR_NOT_CLONEABLE');
    assert.match(deep.message, /result\.deep\.list\[1\] is a function/);
    const symbol = await rejection(values.makeSymbol());
    assert.equal(symbol.code, 'CAP_ERR_NOT_CLONEABLE');
    assert.match(symbol.message, /result is a symbol/);
  });
  test('with options, and spawned', async () => {
    assert.equal((await rejection(values.all.with({ affinity: 1 })(() => 1))).code, 'CAP_ERR_NOT_CLONEABLE');
    assert.equal((await rejection(values.all.with({ deadlineMs: 1000, tickets: 2 })({ a: () => 1 }))).code, 'CAP_ERR_NOT_CLONEABLE');
    assert.equal((await rejection(values.all.spawn({ a: () => 1 }).join())).code, 'CAP_ERR_NOT_CLONEABLE');
  });
  test('when something moves too', async () => {
    const buffer = new ArrayBuffer(8);
    const error = await rejection(values.all.with({ transfer: [buffer] })(buffer, { a: { b: () => 1 } }));
    assert.equal(error.code, 'CAP_ERR_NOT_CLONEABLE');
    assert.match(error.message, /argument\[1\]\.a\.b is a function/);
    assert.equal(buffer.byteLength, 8);
  });
  test('in a call from a thread', async () => {
    assert.match(await values.nestedRefusal(), /^CAP_ERR_NOT_CLONEABLE argument\[0\]\.a\[0\] is a function/);
  });
  test('nothing is left outstanding', () => {
    assert.equal(pool.stats().calls.outstanding, 0);
  });
});
