/** `pool.context`: stores of AsyncLocalStorage that follow calls to other cores, and nothing but those. */
import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Pool, Remote } from 'capriccio';
import { describe, test } from 'vitest';
import { Session, broken, codec, session, user } from '../../fixtures/core/carries.ts';
import { fixture, poolFor, rejection, soon, thrown } from './rig.ts';

type Tasks = typeof import('../../fixtures/core/carries.ts');
const file = fixture('carries.ts');

async function carrying(options: Parameters<typeof poolFor>[0] = 2): Promise<{ pool: Pool; tasks: Remote<Tasks> }> {
  const pool = await poolFor(options);
  pool.context(user);
  pool.context(session, codec);
  return { pool, tasks: pool.module<Tasks>(file) };
}
const as = <R>(id: number, fn: () => R): R => user.run({ id }, () => session.run(new Session(`u${id}`), fn));

describe('a store that follows calls', () => {
  for (const cores of [2, 0]) {
    test(`holds its value on the other side, over every wait: ${cores} cores`, async () => {
      const { pool, tasks } = await carrying(cores);
      const calls = Array.from({ length: 20 }, (_, id) => as(id, () => [tasks.seen(), tasks.seen.spawn().join(), pool.run(file)]));
      for (const [id, three] of calls.entries()) for (const got of await soon(Promise.all(three))) assert.deepEqual(got, [id, `hello u${id}`, id, `hello u${id}`]);
      assert.deepEqual(await soon(tasks.seen()), [undefined, undefined, undefined, undefined]);
    });
  }

  test('follows calls with options, bytes that are moved, and streams', async () => {
    const { tasks } = await carrying();
    const bytes = new Uint8Array(5);
    assert.deepEqual(await as(1, () => tasks.seenWithBytes.with({ transfer: [bytes.buffer] })(bytes)), [5, 1]);
    assert.equal(await as(2, () => tasks.seenAtOnce.with({ affinity: 7, deadlineMs: 10_000, tickets: 3 })()), 2);
    const stream = as(3, () => tasks.yieldsSeen(40));
    const got: unknown[] = [];
    for await (const one of stream) got.push(one);
    assert.deepEqual(got, new Array(40).fill(3));
  });

  test('follows calls from worker to worker', async () => {
    const { tasks } = await carrying();
    for (let affinity = 0; affinity < 4; affinity++) assert.deepEqual(await soon(as(5, () => tasks.passesOn(affinity))), [5, 5, 77, 78, 5]);
  });

  test('follows a call that runs again, for its worker has died', async () => {
    const { tasks } = await carrying();
    assert.equal(await soon(as(6, () => tasks.diesOnce.with({ idempotent: true })(new SharedArrayBuffer(4)))), 6);
  });

  test('is a copy, made at the time of the call', async () => {
    const { tasks } = await carrying();
    const one = { id: 1 };
    const call = user.run(one, () => tasks.seenAtOnce());
    one.id = 2;
    assert.equal(await call, 1);
  });
});

describe('what does not follow', () => {
  test('a store that nobody named, on either side', async () => {
    const pool = await poolFor(1);
    const tasks = pool.module<Tasks>(file);
    assert.equal(await user.run({ id: 1 }, () => tasks.seenAtOnce()), undefined);
    pool.context(new AsyncLocalStorage({ name: 'unknown there' }));
    const other = new AsyncLocalStorage<number>();
    pool.context(other, { name: 'also unknown there' });
    assert.equal(await other.run(1, () => tasks.seenAtOnce()), undefined);
  });

  test('a value that cannot be cloned: the call rejects, and the next is as ever', async () => {
    const { pool, tasks } = await carrying();
    const handle = new AsyncLocalStorage<() => void>({ name: 'handle' });
    pool.context(handle);
    const error = await rejection(handle.run(() => { /* nothing */ }, () => tasks.seenAtOnce()));
    assert.deepEqual([error.code, error.message.includes("the store 'handle'")], ['CAP_ERR_NOT_CLONEABLE', true]);
    const { port1, port2 } = new MessageChannel();
    const ported = new AsyncLocalStorage<MessagePort>({ name: 'ported' });
    pool.context(ported);
    assert.equal((await rejection(ported.run(port1, () => tasks.seenAtOnce()))).code, 'CAP_ERR_NOT_CLONEABLE');
    port1.close(); port2.close();
    assert.equal(await soon(as(4, () => tasks.seenAtOnce())), 4);
  });

  test('what a get or a set throws fails the call', async () => {
    const { pool, tasks } = await carrying();
    pool.context(broken);
    const there = await rejection(broken.run('x', () => tasks.seenAtOnce()));
    assert.deepEqual([there instanceof RangeError, there.message], [true, 'it cannot be set']);
    pool.context(broken, { get: () => { throw new TypeError('it cannot be got'); } });
    assert.equal((await rejection(broken.run('x', () => tasks.seenAtOnce()))).message, 'it cannot be got');
    pool.context(broken, { get: () => undefined });
    assert.equal(await soon(broken.run('x', () => tasks.seenAtOnce())), undefined);
  });

  test('wrong arguments', async () => {
    const pool = await poolFor(1);
    const bad: (() => void)[] = [
      () => pool.context({} as never), () => pool.context(new AsyncLocalStorage()), () => pool.context(user, { name: '' }), () => pool.context(user, 3 as never),
      () => pool.context(user, { get: 3 } as never), () => pool.context(user, { gets: () => 1 } as never),
      () => { pool.context(user); pool.context(new AsyncLocalStorage({ name: 'user' })); },
    ];
    for (const one of bad) assert.equal(thrown(one).code, 'CAP_ERR_OPTION');
  });
});
