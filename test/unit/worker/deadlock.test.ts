import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, test } from 'vitest';
import type { DeadlockReport } from '../../../packages/worker/src/deadlock.ts';
import { currentScheduler } from '../../../packages/worker/src/current.ts';
import { pthread_create, pthread_join, pthread_mutex_lock, pthread_mutex_t, pthread_t, EDEADLK } from '../../../packages/worker/src/pthread/index.ts';
import { directOf, SUSPENDED } from '../../../packages/worker/src/suspended.ts';
import { listThreads } from '../../../packages/worker/src/thread-list.ts';
import { Barrier, Channel, current, Mutex, RwLock, scope, Semaphore, sleep, spawn, withDeadline, type Thread } from '../../../packages/worker/src/thread-api.ts';
import { settle } from './sync/rig.ts';

const scheduler = currentScheduler();
let reports: DeadlockReport[];
const own = scheduler.onDeadlock;
const setMode = (mode: 'report' | 'break'): void => { (scheduler as { deadlock: string }).deadlock = mode; };
beforeEach(() => { reports = []; scheduler.onDeadlock = (report) => { reports.push(report); }; });
afterEach(() => { scheduler.onDeadlock = own; setMode('report'); });
/** Long enough for circles to be closed. */
async function waited(count = 0): Promise<void> {
  await delay(8);
  for (let k = 0; k < 1_000 && reports.length < count; k++) await delay(5);
  await settle();
}
async function end(threads: readonly Thread[]): Promise<void> {
  for (const thread of threads) { thread.join().catch(() => { /* cancelled */ }); thread.cancel(); }
  await settle();
}
/** Locks the one, then the other. */
const takeBoth = (first: Mutex, second: Mutex) => async (): Promise<string> => {
  using a = await first.lock();
  await sleep(2);
  using b = await second.lock();
  return [a, b].length === 2 ? 'both' : '';
};

describe('a circle of waits', () => {
  test('of two mutexes is reported when it is closed, with names, what each waits for, and the stack', async () => {
    const [a, b] = [new Mutex({ name: 'a' }), new Mutex({ name: 'b' })];
    const threads = [spawn(takeBoth(a, b)), spawn(takeBoth(b, a))];
    await waited(1);
    assert.equal(reports.length, 1);
    const [{ threads: circle, isBroken, stack }] = reports as [DeadlockReport];
    assert.equal(isBroken, false);
    assert.deepEqual(circle.map(({ id, waitingFor }) => [id, waitingFor]), [[threads[1]?.id, "mutex 'a'"], [threads[0]?.id, "mutex 'b'"]]);
    assert.match(stack, /deadlock\.test\.ts/);
    assert.match(stack, /thread \d+ \(\w+\) at \S*deadlock\.test\.ts:\d+ waits for mutex 'a', which thread \d+ has; thread \d+ \(\w+\), spawned at .*deadlock\.test\.ts:\d+.* waits for mutex 'b'/);   // each edge with its place
    assert.match(circle[0]?.site ?? '', /deadlock\.test\.ts:\d+/);
    await end(threads);
  });

  test('is broken when that is wanted: one is rejected, the others go on', async () => {
    setMode('break');
    const mutexes = Array.from({ length: 5 }, (_, k) => new Mutex({ name: `${k}` }));
    const threads = mutexes.map((mutex, k) => spawn(takeBoth(mutex, mutexes[(k + 1) % 5] as Mutex)));
    const outcomes = await Promise.allSettled(threads.map((thread) => thread.join()));
    assert.deepEqual(outcomes.map(({ status }) => status).toSorted(), ['fulfilled', 'fulfilled', 'fulfilled', 'fulfilled', 'rejected']);
    const rejected = outcomes.find(({ status }) => status === 'rejected') as PromiseRejectedResult;
    assert.equal((rejected.reason as { code: string }).code, 'CAP_ERR_DEADLOCK');
    assert.match((rejected.reason as Error).message, /waits for mutex '\d'.*waits for mutex '\d'/);
    assert.equal(reports[0]?.isBroken, true);
    assert.ok(mutexes.every((mutex) => !mutex.isLocked));
  });

  test('of frames by direct forms is broken, too', async () => {
    setMode('break');
    const lock = directOf(Mutex.prototype.lock);
    const [a, b, met] = [new Mutex(), new Mutex(), new Barrier(2)];
    const both = (first: Mutex, second: Mutex) => function* (): Generator<unknown, string, unknown> {
      using one = (lock.call(first)) as Disposable;
      yield met.wait();
      let got: unknown = lock.call(second);
      if (got === SUSPENDED) got = yield SUSPENDED;
      using two = got as Disposable;
      return [one, two].length === 2 ? 'both' : '';
    };
    const outcomes = await Promise.allSettled([spawn(both(a, b)).join(), spawn(both(b, a)).join()]);
    assert.deepEqual(outcomes.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
  });

  test('a thread that locks its mutex twice, threads that join each other, a reader that would write, the body of a scope', async () => {
    const mutex = new Mutex();
    const lock = new RwLock();
    const pair: Thread[] = [];
    const threads = [
      spawn(async () => { await mutex.lock(); await mutex.lock(); }),
      spawn(async () => { await lock.read(); await lock.write(); }),
    ];
    pair.push(spawn(async () => { await sleep(2); await pair[1]?.join(); }), spawn(async () => { await sleep(2); await pair[0]?.join(); }));
    await waited(3);
    assert.deepEqual(reports.map((report) => report.threads.length), [1, 1, 2]);
    const held = new Mutex();
    const caller = spawn(async () => { await held.lock(); await withDeadline(60_000, async () => { await sleep(2); await held.lock(); }); });
    await waited(4);
    assert.equal(reports.length, 4);
    await end([...threads, ...pair, caller]);
  });

  test('waits that may end otherwise are none', async () => {
    const [a, b] = [new Mutex(), new Mutex()];
    const channel = new Channel<number>();
    const semaphore = new Semaphore(0);
    const threads = [
      spawn(async () => { using x = await a.lock(); await sleep(2); await b.lock({ timeoutMs: 30 }).catch(() => x); }),
      spawn(async () => { using x = await b.lock(); await sleep(2); void x; using y = await a.lock(); void y; }),
      spawn(async () => { await channel.recv(); }),
      spawn(async () => { await semaphore.acquire(); }),
      spawn(async () => { await scope(async (s) => { s.spawn(() => sleep(5)); }); }),
    ];
    await waited();
    assert.deepEqual(reports, []);
    await threads[1]?.join();
    await end(threads);
  });

  test('of many threads is found', async () => {
    setMode('break');
    const COUNT = 300;
    const mutexes = Array.from({ length: COUNT }, () => new Mutex());
    const all = new Barrier(COUNT);
    const outcomes = await Promise.allSettled(mutexes.map((mutex, k) => spawn(async () => {
      using one = await mutex.lock();
      await all.wait();
      using two = await (mutexes[(k + 1) % COUNT] as Mutex).lock();
      return [one, two];
    }).join()));
    assert.equal(outcomes.filter(({ status }) => status === 'rejected').length, 1);
    assert.deepEqual(reports.map(({ threads }) => threads.length), [COUNT]);
  });

  test('a POSIX thread is told EDEADLK', async () => {
    setMode('break');
    const mutex = new pthread_mutex_t();
    const codes: number[] = [];
    const thread = new pthread_t();
    pthread_create(thread, null, async () => { codes.push(await pthread_mutex_lock(mutex), await pthread_mutex_lock(mutex)); }, null);
    await pthread_join(thread);
    assert.deepEqual(codes, [0, EDEADLK]);
  });

  test('where nobody listens it is a warning of the process', async () => {
    scheduler.onDeadlock = own;
    const messages: string[] = [];
    const note = (warning: Error & { code?: string }): void => { if (warning.code === 'CAP_WARN_DEADLOCK') messages.push(warning.message); };
    process.on('warning', note);
    const mutex = new Mutex({ name: 'mine' });
    const thread = spawn(async () => { await mutex.lock(); await mutex.lock(); });
    for (let k = 0; k < 1_000 && messages.length === 0; k++) await delay(5);
    process.off('warning', note);
    assert.match(messages.join(), /at \S*deadlock\.test\.ts:\d+ waits for mutex 'mine', which thread \d+ has/);
    await end([thread]);
  });
});

describe('the list of threads', () => {
  test('has what each waits for, since when, who has it, and who started it', async () => {
    const mutex = new Mutex({ name: 'cache' });
    function* frames(): Generator<unknown> { yield sleep(60_000); }
    async function holder(): Promise<void> {
      current().name = 'the holder';
      using held = await mutex.lock();
      void held;
      const child = spawn(async () => { await mutex.lock(); });
      child.join().catch(() => { /* cancelled */ });
      await delay(60_000, undefined, { signal: current().signal });
    }
    const threads = [spawn(holder), spawn(frames), spawn(async () => { await Promise.all([sleep(60_000), new Channel<number>({ name: 'jobs' }).recv()]); })];
    await waited();
    await delay(12);
    const list = listThreads(scheduler);
    const of = (name: string) => list.find((info) => info.name === name);
    const [owner, byFrames] = [of('the holder'), of('frames')];
    assert.deepEqual([owner?.status, owner?.root, owner?.waitingFor?.length], ['blocked', 'spawn', 1]);
    assert.match(owner?.waitingFor?.[0] ?? '', /the end of thread \d+/);
    assert.match(owner?.site ?? '', /deadlock\.test\.ts:\d+/);
    assert.deepEqual(byFrames?.waitingFor, ['a time']);
    const waiting = list.find(({ waitingFor }) => waitingFor?.[0] === "mutex 'cache'");
    assert.deepEqual([waiting?.heldBy, waiting?.parent], [[owner?.id], owner?.id]);
    assert.ok((waiting?.waitingMs ?? 0) >= 5, `${waiting?.waitingMs}`);
    assert.deepEqual(list.find(({ waitingFor }) => waitingFor?.length === 2)?.waitingFor?.toSorted(), ['a time', "channel 'jobs' to receive from"]);
    await end(threads);
    assert.deepEqual(listThreads(scheduler).filter(({ name }) => name === 'the holder' || name === 'frames'), []);
  });
});
