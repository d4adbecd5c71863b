import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, test } from 'vitest';
import { inProcess, type InProcess } from './in-process.ts';

const FILE = 'functions/tasks.mjs';
const { log } = await import(/* @vite-ignore */ new URL(`../../fixtures/${FILE}`, import.meta.url).href) as { log: string[] };
let pool: InProcess;
beforeEach(() => { pool = inProcess(); log.length = 0; });
afterEach(() => { pool[Symbol.dispose](); });
const call = (name: string, ...values: unknown[]): Promise<unknown> => { pool.collect(); return pool.caller.call(pool.target(FILE, name), values); };

test('a task that ends at once, one that blocks and one that may do either see themselves', async () => {
  for (let round = 0; round < 3; round++) {
    assert.equal(await call('leaves', 0), 'leaves');
    assert.equal(await call('blocks', 1), 'blocks');
    assert.equal(await call('sometimes', 0), 'sometimes');
    assert.equal(await call('sometimes', 1), 'sometimes');
  }
});

test('what an ended task has left behind finds no thread, though another blocks meanwhile', async () => {
  await call('leaves', 15);
  const others = [call('blocks', 40), call('blocks', 40)];
  await call('leaves', 15);
  await Promise.all(others);
  assert.deepEqual(log, ['CAP_ERR_OPTION', 'CAP_ERR_OPTION']);
});

test('nor after a task that blocked without being declared async, once it has been seen to', async () => {
  await call('sometimes', 1);
  await call('leaves', 15);
  const other = call('sometimes', 40);
  await other;
  assert.deepEqual(log, ['CAP_ERR_OPTION']);
});

test('what goes by port takes its options along: a generator that is spawned with a transfer runs as a thread', async () => {
  pool.collect();
  const bytes = new ArrayBuffer(8);
  const thread = pool.caller.spawn(pool.target(FILE, 'frames'), [bytes], { transfer: [bytes] });
  assert.deepEqual(await thread.join(), ['frames', 3, 8]);
  const large = pool.caller.spawn(pool.target(FILE, 'frames'), [new ArrayBuffer(2 << 20)]);
  assert.deepEqual(await large.join(), ['frames', 3, 2 << 20]);
});

test('and so do tickets', async () => {
  pool.collect();
  const bytes = new ArrayBuffer(8);
  assert.equal(await pool.caller.call(pool.target(FILE, 'root'), [bytes], { transfer: [bytes], tickets: 7 }), 7);
});

test('an object whose then cannot be read fails its task and no other', async () => {
  const neighbour = call('blocks', 5);
  await assert.rejects(call('unreadable'), /cannot be read/);
  assert.equal(await neighbour, 'blocks');
});

test('a stream whose call was stopped while it began is closed, and the call rejects', async () => {
  const controller = new AbortController();
  const result = pool.caller.call(pool.target(FILE, 'stream'), [], { signal: controller.signal });
  result.catch(() => { /* looked at below */ });
  for (let k = 0; pool.runtime.streams.size === 0; k++) { assert.ok(k < 1_000); await delay(1); }
  controller.abort('why');                                               // it has ended there and not come home here
  pool.collect();
  await assert.rejects(result, { code: 'CAP_ERR_CANCELLED' });
  for (let k = 0; pool.runtime.streams.size > 0; k++) { assert.ok(k < 1_000, 'the stream stays open'); await delay(1); }
});
