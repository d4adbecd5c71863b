/** Circles of waits that reach across cores, and what is no circle. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { DeadlockReport, Pool } from 'capriccio';
import { Barrier, spawn } from 'capriccio/thread';
import { describe, test } from 'vitest';
import { fixture, poolFor, soon, until } from './rig.ts';

type Hanging = typeof import('../../fixtures/core/hanging.ts');
type Told = DeadlockReport & { worker: number };
const file = fixture('hanging.ts');
const codeOrValue = (settled: PromiseSettledResult<unknown>): unknown => (settled.status === 'fulfilled' ? settled.value : (settled.reason as { code: unknown }).code);
async function reportOf(pool: Pool): Promise<Told> { return (await soon(once(pool, 'deadlock') as Promise<[Told]>, 'the report'))[0]; }
/** Two keys that lead to two workers. */
async function twoKeys(pool: Pool): Promise<[number, number]> {
  const { where } = pool.module<Hanging>(file);
  const first = await where.with({ affinity: 0 })();
  for (let key = 1; key < 100; key++) if (await where.with({ affinity: key })() !== first) return [0, key];
  return assert.fail('all keys lead to one worker');
}

describe('a circle across cores', () => {
  test('two locks in opposite order: one waiter is rejected, and every thread of the circle is named', async () => {
    const pool = await poolFor({ cores: 2, deadlock: 'break' });
    const [a, b] = await twoKeys(pool);
    const { locksTwo } = pool.module<Hanging>(file);
    const met = new SharedArrayBuffer(4);
    const told = reportOf(pool);
    const both = Promise.allSettled([locksTwo.with({ affinity: a })('x', 'y', met), locksTwo.with({ affinity: b })('y', 'x', met)]);
    const { threads, isBroken, worker } = await told;
    assert.deepEqual((await soon(both)).map(codeOrValue).toSorted(), ['CAP_ERR_DEADLOCK', 'both']);
    assert.deepEqual([isBroken, threads.map(({ waitingFor }) => waitingFor).toSorted(), new Set(threads.map((thread) => thread.worker)).size, worker], [true, ["mutex 'x'", "mutex 'y'"], 2, threads[0]?.worker]);
    for (const { node } of threads) assert.match(node ?? '', /hanging\.ts:\d+$/);
  });

  test('a reader-writer lock that two readers want to write', async () => {
    const pool = await poolFor({ cores: 2, deadlock: 'break' });
    const [a, b] = await twoKeys(pool);
    const { upgrades } = pool.module<Hanging>(file);
    const met = new SharedArrayBuffer(4);
    const both = Promise.allSettled([upgrades.with({ affinity: a })('rw', met), upgrades.with({ affinity: b })('rw', met)]);
    const { threads } = await reportOf(pool);
    assert.ok(threads.every(({ waitingFor }) => waitingFor === "rwlock 'rw'"));
    assert.ok((await soon(both)).map(codeOrValue).includes('CAP_ERR_DEADLOCK'));
  });

  test('a call that wants what its caller has, on another core', async () => {
    const pool = await poolFor({ cores: 2, deadlock: 'break' });
    const [a, b] = await twoKeys(pool);
    const told = reportOf(pool);
    const call = pool.module<Hanging>(file).callsDirectly.with({ affinity: a })('held', b);
    const { threads } = await told;
    assert.deepEqual(threads.map(({ waitingFor }) => waitingFor), ["mutex 'held'", 'a call of hanging.ts#wantsIt']);
    assert.equal(await soon(call.catch((error: unknown) => (error as { code: unknown }).code as string)), 'CAP_ERR_DEADLOCK');
  });

  test('a lock of one isolate, wanted by a call that has come back', async () => {
    const pool = await poolFor({ cores: 2, deadlock: 'break' });
    const [a, b] = await twoKeys(pool);
    const told = reportOf(pool);
    const call = pool.module<Hanging>(file).comesBack.with({ affinity: a })(a, b);
    const { threads } = await told;
    assert.deepEqual(threads.map(({ waitingFor }) => waitingFor).toSorted(), ['a call of hanging.ts#passesBack', 'a call of hanging.ts#wantsOwn', "mutex 'own'"]);
    assert.equal(await soon(call.catch((error: unknown) => (error as { code: unknown }).code as string)), 'CAP_ERR_DEADLOCK');
  });

  test("'report', the default: it is told once, and nothing else happens", async () => {
    const pool = await poolFor(2);
    const [a, b] = await twoKeys(pool);
    const { locksTwo } = pool.module<Hanging>(file);
    const reports: Told[] = [];
    pool.on('deadlock', (report) => reports.push(report));
    const met = new SharedArrayBuffer(4);
    const controller = new AbortController();
    const both = Promise.allSettled([locksTwo.with({ affinity: a, signal: controller.signal })('x', 'y', met), locksTwo.with({ affinity: b, signal: controller.signal })('y', 'x', met)]);
    await until(() => reports.length > 0, 'a report');
    await delay(1200);                                                   // it is looked for again in that time
    assert.deepEqual(reports.map(({ isBroken }) => isBroken), [false]);
    controller.abort();
    assert.ok((await soon(both)).every(({ status }) => status === 'rejected'));
  });
});

describe.each([[2, 0], [0, 1]])('a circle of the main thread’s own, by locks of a pool of %i cores', (cores, of) => {
  test.each(['break', 'report'] as const)('%s: it is told once', async (deadlock) => {
    const pool = await poolFor({ cores, deadlock });
    const reports: Told[] = [];
    pool.on('deadlock', (report) => reports.push(report));
    const [x, y] = [pool.mutex('x'), pool.mutex('y')];
    const met = new Barrier(2);
    const both = (first: typeof x, second: typeof x) => async (): Promise<string> => {
      using one = await first.lock();
      await met.wait();
      using two = await second.lock();
      return [one, two].length === 2 ? 'both' : '';
    };
    const threads = [spawn(both(x, y)), spawn(both(y, x))];
    const outcomes = Promise.allSettled(threads.map((thread) => thread.join()));
    await until(() => reports.length > 0, 'a report');
    await delay(1200);                                                   // it is looked for again in that time
    if (deadlock === 'report') for (const thread of threads) thread.cancel();
    assert.deepEqual((await soon(outcomes)).map(codeOrValue).toSorted(), deadlock === 'break' ? ['CAP_ERR_DEADLOCK', 'both'] : ['CAP_ERR_CANCELLED', 'CAP_ERR_CANCELLED']);
    assert.deepEqual(reports.map(({ worker, isBroken, threads: circle }) => [worker, isBroken, circle.map(({ waitingFor }) => waitingFor).toSorted()]), [[of, deadlock === 'break', ["mutex 'x'", "mutex 'y'"]]]);
  });
});

describe('what is no circle', () => {
  test('a lock that is held for long, and waited for with and without a limit', async () => {
    const pool = await poolFor({ cores: 2, deadlock: 'break' });
    const reports: Told[] = [];
    pool.on('deadlock', (report) => reports.push(report));
    const held = await pool.mutex('long').lock();
    const { waitsFor } = pool.module<Hanging>(file);
    const others = Promise.allSettled([waitsFor('long'), waitsFor('long'), pool.mutex('long').lock({ timeoutMs: 1000 })]);
    await delay(1500);
    held[Symbol.dispose]();
    assert.deepEqual((await soon(others, 'they go on')).map(codeOrValue), [undefined, undefined, 'CAP_ERR_TIMEOUT']);
    assert.deepEqual(reports, []);
  });
});
