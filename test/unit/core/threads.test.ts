import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, test } from 'vitest';
import { createPool, type DeadlockReport, type PoolThread } from 'capriccio';
import { dumpText, takeDump } from '../../../packages/core/src/thread-dump.ts';
import { soon, until } from './rig.ts';

type Hanging = typeof import('../../fixtures/core/hanging.ts');
const file = new URL('../../fixtures/core/hanging.ts', import.meta.url);

describe('pool.threads', () => {
  test('lists the threads of every worker, and of a pool without cores', async () => {
    for (const cores of [2, 0]) {
      await using pool = await createPool(cores);
      const { hang } = pool.module<Hanging>(file);
      const controller = new AbortController();
      const calls = Array.from({ length: 6 }, () => hang.with({ signal: controller.signal })(60_000).catch((error: unknown) => (error as { code: string }).code));
      let list: PoolThread[] = [];
      for (let k = 0; k < 200 && list.length < 6; k++) { await delay(5); list = (await pool.threads()).filter(({ name }) => name === 'hanging'); }
      assert.equal(list.length, 6);
      for (const { status, waitingFor, root, worker } of list) assert.deepEqual([status, waitingFor, root.endsWith('hanging.ts#hang'), worker >= 1], ['blocked', ['a time'], true, true]);
      controller.abort();
      assert.deepEqual(new Set(await Promise.all(calls)), new Set(['CAP_ERR_CANCELLED']));
    }
  });

  test('shows where a thread waits for a shared object, as a stack, and whose call it runs', async () => {
    await using pool = await createPool(2);
    const held = await pool.mutex('listed').lock();
    const tasks = pool.module<Hanging>(file);
    const direct = tasks.waitsFor('listed');
    const through = tasks.callsWaitsFor('listed');
    const waiting = async (): Promise<PoolThread[]> => (await pool.threads()).filter(({ name, status }) => name === 'waiting' && status === 'blocked');
    await until(async () => (await waiting()).length === 2);
    for (const { waitingFor, node, frames, waitingMs } of await waiting()) {
      assert.deepEqual(waitingFor, ["mutex 'listed'"]);
      assert.match(node ?? '', /hanging\.ts:\d+$/);
      assert.deepEqual(frames?.map((line) => line.replace(/ \(.*[/](\S+):\d+:\d+\)$/, ' $1')), ['inOrder hanging.ts', 'async waitsFor hanging.ts']);
      assert.ok((waitingMs ?? -1) >= 0);
    }
    const all = await pool.threads();
    const caller = all.find(({ name }) => name === 'callsWaitsFor');
    assert.deepEqual(caller?.waitingFor, ['a call of hanging.ts#waitsFor']);
    const called = all.filter((thread) => thread.caller !== undefined).map(({ name, caller: by }) => [name, by]);
    assert.ok(called.length <= 1 && called.every(([name, by]) => name === 'waiting' && (by as { id: number }).id === caller.id));
    held[Symbol.dispose]();
    await Promise.all([direct, through]);
  });

  test('says whose children the threads of scopes are, of the body and of those it has started, behind a shield too', async () => {
    await using pool = await createPool(1);
    const controller = new AbortController();
    const call = pool.module<Hanging>(file).hangsInScopes.with({ signal: controller.signal })().catch(() => { /* cancelled */ });
    const named = async (name: string): Promise<PoolThread[]> => (await pool.threads()).filter((thread) => thread.name === name);
    await until(async () => (await named('hanging')).length === 2, 'both');
    const [owner] = await named('the owner');
    assert.deepEqual((await named('hanging')).map(({ parent }) => parent), [owner?.id, owner?.id]);
    assert.deepEqual((await named('the body')).map(({ parent }) => parent), [owner?.id]);
    const [shielded] = await named('shielded');
    assert.deepEqual((await named('inside')).map(({ parent }) => parent), [shielded?.id]);
    assert.match(dumpText(await takeDump(pool)), new RegExp(`"hanging" #\\d+ worker 1 .*\\n(?: {4}at .*\\n)* {4}child of #${owner?.id}`));
    controller.abort();
    await call;
  });

  test('does not wait for a worker that is in a long turn', async () => {
    await using pool = await createPool(2);
    const { spin, hang } = pool.module<Hanging>(file);
    await Promise.all([hang(1), hang(1)]);
    let isOver = false;
    const spinning = spin(4_000).then(() => { isOver = true; });
    while (!pool.stats().workers.some(({ threads, queued, runnable }) => threads + queued + runnable > 0) && pool.health().stalled.length === 0) await delay(5);   // it is in its turn
    assert.ok(Array.isArray(await pool.threads()));
    assert.equal(isOver, false);
    await spinning;
  });
});

describe('deadlock', () => {
  test("'break': one waiter is rejected, and the pool tells of it", async () => {
    await using pool = await createPool({ cores: 1, deadlock: 'break' });
    const told = once(pool, 'deadlock') as Promise<[DeadlockReport & { worker: number }]>;
    assert.deepEqual((await pool.module<Hanging>(file).deadlock()).toSorted(), ['CAP_ERR_DEADLOCK', 'both']);
    const [report] = await told;
    assert.deepEqual([report.isBroken, report.threads.map(({ waitingFor }) => waitingFor).toSorted(), report.worker], [true, ["mutex 'a'", "mutex 'b'"], 1]);
    assert.match(report.stack, /hanging\.ts/);
  });

  test("'report', the default: it is told, and nothing else happens", async () => {
    await using pool = await createPool(1);
    const controller = new AbortController();
    const told = once(pool, 'deadlock') as Promise<[DeadlockReport]>;
    const call = pool.module<Hanging>(file).deadlock.with({ signal: controller.signal })();
    assert.equal((await soon(told, 'the report'))[0].isBroken, false);
    controller.abort();
    await call.catch(() => { /* cancelled, or both of its threads were */ });
  });
});
