import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, test } from 'vitest';
import { currentThread } from '../../../packages/worker/src/context.ts';
import { current, sleep } from '../../../packages/worker/src/thread-api.ts';
import type { FunctionRecord } from '../../../packages/worker/src/functions.ts';
import { Scheduler } from '../../../packages/worker/src/scheduler.ts';
import { RemoteStream, StreamTable } from '../../../packages/worker/src/streams.ts';

const isCancelled = (error: unknown): boolean => (error as { code?: unknown }).code === 'CAP_ERR_CANCELLED';
const OWNER = 3;

/** Both ends in one isolate: what the caller's end calls is answered by the table, each value cloned and a turn later. */
function rig(generator: AsyncGenerator | Generator, signal?: AbortSignal): { stream: RemoteStream; table: StreamTable; calls: string[]; lose: () => void } {
  const scheduler = new Scheduler();
  const table = new StreamTable(scheduler, { closeMs: 50 });
  const record: FunctionRecord = { url: '', exportName: 'numbers', root: scheduler.roots.named('numbers'), fn: undefined, kind: 'generator', twin: undefined, mayBlock: true, failure: undefined, loading: undefined };
  const number = table.open(generator, OWNER, record);
  const calls: string[] = [];
  let isLost = false;
  const call = async (name: string, values: unknown[]): Promise<unknown> => {
    calls.push(name);
    await delay(0);
    if (isLost) throw Object.assign(new Error('the worker is lost'), { code: 'CAP_ERR_WORKER_LOST' });
    return structuredClone(await table.functions[name]?.(...values));
  };
  const stream = new RemoteStream({ worker: 1, number, label: 'numbers', signal, call });
  return { stream, table, calls, lose: () => { isLost = true; } };
}
async function take(stream: AsyncIterable<unknown>, count = Infinity): Promise<unknown[]> {
  const values: unknown[] = [];
  for await (const value of stream) if (values.push(value) >= count) break;
  return values;
}

describe('values', () => {
  test('arrive in order, all of them, from an async generator and from a plain one', async () => {
    const expected = Array.from({ length: 200 }, (_, k) => k);
    const later = rig((async function* () { for (const k of expected) { if (k % 7 === 0) await sleep(1); yield k; } })());
    assert.deepEqual(await take(later.stream), expected);
    const plain = rig((function* () { yield* expected; })());
    assert.deepEqual(await take(plain.stream), expected);
    assert.deepEqual([later.table.size, plain.table.size], [0, 0]);
  });

  test('undefined is a value', async () => {
    const { stream } = rig((async function* () { yield undefined; yield null; yield undefined; })());
    assert.deepEqual(await take(stream), [undefined, null, undefined]);
  });

  test('an empty generator ends at once', async () => {
    const { stream } = rig((async function* () { /* nothing */ })());
    assert.deepEqual(await stream.next(), { done: true, value: undefined });
    assert.deepEqual(await stream.next(), { done: true, value: undefined });
  });

  test('calls of next may overlap: they are answered in order', async () => {
    const { stream } = rig((async function* () { for (let k = 0; k < 5; k++) { await sleep(1); yield k; } })());
    const answers = await Promise.all(Array.from({ length: 7 }, () => stream.next()));
    assert.deepEqual(answers.map(({ value }) => value), [0, 1, 2, 3, 4, undefined, undefined]);
  });

  test('the generator is ahead of its caller by three windows at most, by two before it is asked', async () => {
    let made = 0;
    const { stream } = rig((async function* () { for (;;) yield made++; })());
    await delay(20);
    assert.ok(made <= 33, `${made} values made before one was asked for`);
    await take(stream, 100);
    assert.ok(made <= 100 + 49, `${made} values made for 100`);
  });
});

describe('errors', () => {
  test('what the generator throws arrives after the values before it, once', async () => {
    const { stream, table } = rig((async function* () { yield 1; yield 2; throw new RangeError('three'); })());
    assert.deepEqual((await stream.next()).value, 1);
    assert.deepEqual((await stream.next()).value, 2);
    await assert.rejects(stream.next(), { name: 'RangeError', message: 'three' });
    assert.deepEqual(await stream.next(), { done: true, value: undefined });
    assert.equal(table.size, 0);
  });

  test('a plain generator that throws at once does too', async () => {
    // oxlint-disable-next-line require-yield -- it throws before
    const { stream } = rig((function* (): Generator<number> { throw new RangeError('at once'); })());
    await assert.rejects(stream.next(), /at once/);
  });

  test('a lost worker is told to whoever asks for the next value, and to nobody else', async () => {
    const controller = new AbortController();
    const { stream, lose } = rig((async function* () { for (;;) { await sleep(1); yield 1; } })(), controller.signal);
    await stream.next();
    lose();
    await assert.rejects(take(stream), { code: 'CAP_ERR_WORKER_LOST' });
    controller.abort();                                                  // nothing is left to be stopped
    await delay(5);
  });
});

describe('stopping', () => {
  test('a loop that breaks runs the finally blocks, and leaves nothing in the table', async () => {
    const log: string[] = [];
    const { stream, table } = rig((async function* () { try { for (let k = 0; ; k++) yield k; } finally { await sleep(1); log.push('closed'); } })());
    assert.deepEqual(await take(stream, 3), [0, 1, 2]);
    assert.deepEqual(log, ['closed']);
    assert.equal(table.size, 0);
    assert.deepEqual(await stream.next(), { done: true, value: undefined });
  });

  test('twice is once', async () => {
    const { stream, calls } = rig((async function* () { yield 1; yield 2; })());
    await stream.return();
    await stream.return();
    await stream[Symbol.asyncDispose]();
    assert.equal(calls.filter((name) => name === 'stream.return').length, 1);
  });

  test('one whose generator waits is cancelled at the wait', async () => {
    const log: unknown[] = [];
    const { stream } = rig((async function* () { yield 1; try { await sleep(60_000); } catch (error) { log.push((error as { code: string }).code); throw error; } })());
    assert.deepEqual(await take(stream, 1), [1]);
    assert.deepEqual(log, ['CAP_ERR_CANCELLED']);
  });

  test('an aborted signal rejects the next value, asked for before or after, and closes the generator', async () => {
    for (const when of ['while waiting', 'between values']) {
      const controller = new AbortController();
      const log: string[] = [];
      const { stream, table } = rig((async function* () { try { yield 1; await delay(when === 'while waiting' ? 20 : 0); yield 2; await delay(20); yield 3; } finally { log.push('closed'); } })(), controller.signal);
      assert.equal((await stream.next()).value, 1);
      const next = when === 'while waiting' ? stream.next() : undefined;
      next?.catch(() => { /* looked at below */ });
      await delay(2);
      controller.abort('why');
      await assert.rejects(next ?? stream.next(), (error) => isCancelled(error) && (error as Error).cause === 'why', when);
      while (log.length === 0) await delay(1);
      assert.equal(table.size, 0);
    }
  });

  test('an abort that cannot reach the worker, or whose clean-up throws, troubles nobody', async () => {
    const unhandled: unknown[] = [];
    const note = (error: unknown): void => { unhandled.push(error); };
    process.on('unhandledRejection', note);
    const controller = new AbortController();
    const { lose } = rig((async function* () { for (;;) { await sleep(1); yield 1; } })(), controller.signal);
    // oxlint-disable-next-line no-unsafe-finally -- that is what is tested
    rig((async function* () { try { for (;;) yield 1; } finally { await sleep(0); throw new Error('clean-up'); } })(), controller.signal);
    await delay(5);
    lose();
    controller.abort();
    await delay(20);
    process.off('unhandledRejection', note);
    assert.deepEqual(unhandled, []);
  });

  test('the streams of a participant that died are closed, those of others are not', async () => {
    const log: string[] = [];
    const { table } = rig((async function* () { try { for (;;) { await sleep(1); yield 1; } } finally { log.push('closed'); } })());
    await delay(5);
    table.closeOf(OWNER + 1);
    assert.equal(table.size, 1);
    table.closeOf(OWNER);
    assert.equal(table.size, 0);
    while (log.length === 0) await delay(1);
    assert.deepEqual(log, ['closed']);
  });
});

test('the generator runs in a thread of its own, from its first value to its end', async () => {
  const seen: unknown[] = [];
  const { stream } = rig((async function* () { seen.push(current().name); yield 1; await sleep(1); seen.push(current().name); setTimeout(() => { seen.push(currentThread()); }, 10); })());
  await take(stream);
  await delay(20);
  assert.deepEqual(seen, ['numbers', 'numbers', undefined]);
});
