import assert from 'node:assert/strict';
import { describe, onTestFinished, test } from 'vitest';
import { currentScheduler } from '../../../../packages/worker/src/current.ts';
import * as p from '../../../../packages/worker/src/pthread/index.ts';
import { sleep, spawn } from '../../../../packages/worker/src/thread-api.ts';

/** Runs it as a thread of its own. */
async function inThread<T>(fn: () => T | Promise<T>): Promise<T> {
  const thread = new p.pthread_t();
  const result: p.Out<unknown> = {};
  assert.equal(p.pthread_create(thread, null, fn, null), 0);
  assert.equal(await p.pthread_join(thread, result), 0);
  return result.value as T;
}
const inMs = (ms: number): p.timespec => {
  const time = { tv_sec: 0, tv_nsec: 0 };
  assert.equal(p.clock_gettime(p.CLOCK_REALTIME, time), 0);
  const at = time.tv_sec * 1000 + time.tv_nsec / 1e6 + ms;
  return { tv_sec: Math.floor(at / 1000), tv_nsec: Math.round((at % 1000) * 1e6) };
};
const mutexOf = (type: number, robust: number = p.PTHREAD_MUTEX_STALLED): p.pthread_mutex_t => {
  const [mutex, attr] = [new p.pthread_mutex_t(), new p.pthread_mutexattr_t()];
  assert.deepEqual([p.pthread_mutexattr_init(attr), p.pthread_mutexattr_settype(attr, type), p.pthread_mutexattr_setrobust(attr, robust), p.pthread_mutex_init(mutex, attr), p.pthread_mutexattr_destroy(attr)], [0, 0, 0, 0, 0]);
  return mutex;
};

describe('threads', () => {
  test('join: ESRCH, EINVAL twice and when detached, EDEADLK for oneself and in a circle', async () => {
    const thread = new p.pthread_t();
    assert.equal(await p.pthread_join(thread), p.ESRCH);
    assert.equal(p.pthread_create(thread, null, () => 5, null), 0);
    assert.equal(p.pthread_create(thread, null, () => 5, null), p.EINVAL);
    assert.equal(await p.pthread_join(thread), 0);
    assert.equal(await p.pthread_join(thread), p.EINVAL);
    const [attr, detached] = [new p.pthread_attr_t(), new p.pthread_t()];
    assert.deepEqual([p.pthread_attr_init(attr), p.pthread_attr_setdetachstate(attr, 7), p.pthread_attr_setdetachstate(attr, p.PTHREAD_CREATE_DETACHED)], [0, p.EINVAL, 0]);
    p.pthread_create(detached, attr, () => 1, null);
    assert.deepEqual([await p.pthread_join(detached), p.pthread_detach(detached)], [p.EINVAL, p.EINVAL]);
    const own = new p.pthread_t();
    p.pthread_create(own, null, async () => p.pthread_join(own), null);
    const code: p.Out<unknown> = {};
    await p.pthread_join(own, code);
    assert.equal(code.value, p.EDEADLK);
    const [a, b] = [new p.pthread_t(), new p.pthread_t()];
    const codes: number[] = [];
    p.pthread_create(a, null, async () => { await sleep(1); codes.push(await p.pthread_join(b)); }, null);
    p.pthread_create(b, null, async () => { codes.push(await p.pthread_join(a)); }, null);
    for (let k = 0; k < 1_000 && codes.length < 2; k++) await sleep(5);
    assert.deepEqual(codes, [p.EDEADLK, 0]);
  });
  test('a thread that fails rejects its join; one that is cancelled before it begins was cancelled', async () => {
    const [bad, early] = [new p.pthread_t(), new p.pthread_t()];
    p.pthread_create(bad, null, async () => { throw new RangeError('mine'); }, null);
    await assert.rejects(p.pthread_join(bad), RangeError);
    p.pthread_create(early, null, () => 1, null);
    assert.equal(p.pthread_cancel(early), 0);
    const result: p.Out<unknown> = {};
    assert.deepEqual([await p.pthread_join(early, result), result.value], [0, p.PTHREAD_CANCELED]);
    assert.equal(p.pthread_cancel(new p.pthread_t()), p.ESRCH);
  });
  test('states and types of cancellation', async () => {
    assert.equal(p.pthread_setcancelstate(p.PTHREAD_CANCEL_DISABLE), p.EPERM);
    assert.deepEqual(await inThread(() => [p.pthread_setcancelstate(9), p.pthread_setcanceltype(p.PTHREAD_CANCEL_DEFERRED), p.pthread_setcanceltype(p.PTHREAD_CANCEL_ASYNCHRONOUS), p.pthread_setcanceltype(9)]), [p.EINVAL, 0, p.ENOTSUP, p.EINVAL]);
  });
  test('self and equal; exit outside of a thread is refused', async () => {
    assert.equal(p.pthread_equal(p.pthread_self(), p.pthread_self()), 1);
    const inside = await inThread(() => p.pthread_self());
    assert.equal(p.pthread_equal(p.pthread_self(), inside), 0);
    assert.throws(() => p.pthread_exit(1), { code: 'CAP_ERR_OPTION' });
    assert.equal(await spawn(() => p.pthread_equal(p.pthread_self(), p.pthread_self())).join(), 1);
  });
});

describe('mutexes', () => {
  test('error-checking: EDEADLK for one’s own, EPERM for another’s, EBUSY', async () => {
    const mutex = mutexOf(p.PTHREAD_MUTEX_ERRORCHECK);
    assert.deepEqual([await p.pthread_mutex_lock(mutex), await p.pthread_mutex_lock(mutex), p.pthread_mutex_trylock(mutex)], [0, p.EDEADLK, p.EBUSY]);
    assert.deepEqual(await inThread(() => [p.pthread_mutex_unlock(mutex), p.pthread_mutex_trylock(mutex)]), [p.EPERM, p.EBUSY]);
    assert.deepEqual([p.pthread_mutex_destroy(mutex), p.pthread_mutex_unlock(mutex), p.pthread_mutex_unlock(mutex), p.pthread_mutex_destroy(mutex), p.pthread_mutex_destroy(mutex), await p.pthread_mutex_lock(mutex)], [p.EBUSY, 0, p.EPERM, 0, p.EINVAL, p.EINVAL]);
  });
  test('recursive: as often unlocked as locked', async () => {
    const mutex = mutexOf(p.PTHREAD_MUTEX_RECURSIVE);
    assert.deepEqual([await p.pthread_mutex_lock(mutex), await p.pthread_mutex_lock(mutex), p.pthread_mutex_trylock(mutex)], [0, 0, 0]);
    assert.equal(await inThread(() => p.pthread_mutex_trylock(mutex)), p.EBUSY);
    assert.deepEqual([p.pthread_mutex_unlock(mutex), p.pthread_mutex_unlock(mutex)], [0, 0]);
    assert.equal(await inThread(() => p.pthread_mutex_trylock(mutex)), p.EBUSY);
    assert.equal(p.pthread_mutex_unlock(mutex), 0);
    assert.equal(await inThread(() => [p.pthread_mutex_trylock(mutex), p.pthread_mutex_unlock(mutex)].join()), '0,0');
  });
  test('timed: ETIMEDOUT, EINVAL for no time; a normal one that is one’s own waits for itself', async () => {
    const mutex = mutexOf(p.PTHREAD_MUTEX_NORMAL);
    assert.equal(await p.pthread_mutex_timedlock(mutex, inMs(1000)), 0);
    assert.deepEqual([await p.pthread_mutex_timedlock(mutex, inMs(2)), await p.pthread_mutex_timedlock(mutex, { tv_sec: 0, tv_nsec: -1 })], [p.ETIMEDOUT, p.EINVAL]);
    assert.equal(p.pthread_mutex_unlock(mutex), 0);
  });
  test('robust: EOWNERDEAD to the next, consistent again or ENOTRECOVERABLE for good', async () => {
    for (const repairs of [true, false]) {
      const mutex = mutexOf(p.PTHREAD_MUTEX_NORMAL, p.PTHREAD_MUTEX_ROBUST);
      const waiting = inThread(async () => { await sleep(2); const code = await p.pthread_mutex_lock(mutex); if (repairs) assert.equal(p.pthread_mutex_consistent(mutex), 0); assert.equal(p.pthread_mutex_unlock(mutex), 0); return code; });
      const dies = inThread(async () => { assert.equal(await p.pthread_mutex_lock(mutex), 0); await sleep(5); });
      await dies;
      assert.equal(await waiting, p.EOWNERDEAD);
      assert.deepEqual([await p.pthread_mutex_lock(mutex), p.pthread_mutex_trylock(mutex)], repairs ? [0, p.EBUSY] : [p.ENOTRECOVERABLE, p.ENOTRECOVERABLE]);
      assert.equal(p.pthread_mutex_consistent(mutex), p.EINVAL);
    }
  });
  test('refuse attributes that are none', () => {
    const attr = new p.pthread_mutexattr_t();
    assert.deepEqual([p.pthread_mutexattr_settype(attr, 9), p.pthread_mutexattr_setrobust(attr, 9)], [p.EINVAL, p.EINVAL]);
  });
});

describe('the rest', () => {
  test('condition variables: EPERM, ETIMEDOUT with the mutex locked again, EBUSY and EINVAL', async () => {
    const [cond, mutex, other] = [new p.pthread_cond_t(), mutexOf(p.PTHREAD_MUTEX_RECURSIVE), new p.pthread_mutex_t()];
    assert.equal(await p.pthread_cond_wait(cond, mutex), p.EPERM);
    await p.pthread_mutex_lock(mutex);
    assert.equal(await p.pthread_cond_timedwait(cond, mutex, inMs(2)), p.ETIMEDOUT);
    assert.equal(p.pthread_mutex_unlock(mutex), 0);
    const begun = Promise.withResolvers<void>();
    const waits = inThread(async () => { await p.pthread_mutex_lock(mutex); const wait = p.pthread_cond_wait(cond, mutex); begun.resolve(); return [await wait, p.pthread_mutex_unlock(mutex)]; });
    await begun.promise;
    assert.deepEqual([p.pthread_cond_destroy(cond), p.pthread_cond_init(cond, null)], [p.EBUSY, p.EBUSY]);
    await p.pthread_mutex_lock(other);
    assert.equal(await p.pthread_cond_wait(cond, other), p.EINVAL);
    assert.equal(p.pthread_cond_signal(cond), 0);
    assert.deepEqual(await waits, [0, 0]);
    assert.deepEqual([p.pthread_cond_destroy(cond), p.pthread_cond_signal(cond), p.pthread_cond_broadcast(cond), p.pthread_cond_destroy(cond)], [0, p.EINVAL, p.EINVAL, p.EINVAL]);
  });
  test('read-write locks: EDEADLK, EBUSY, ETIMEDOUT, EPERM', async () => {
    const lock = new p.pthread_rwlock_t();
    assert.deepEqual([await p.pthread_rwlock_wrlock(lock), await p.pthread_rwlock_rdlock(lock), await p.pthread_rwlock_wrlock(lock)], [0, p.EDEADLK, p.EDEADLK]);
    assert.deepEqual(await inThread(async () => [p.pthread_rwlock_tryrdlock(lock), p.pthread_rwlock_trywrlock(lock), await p.pthread_rwlock_timedrdlock(lock, inMs(1)), await p.pthread_rwlock_timedwrlock(lock, inMs(1)), p.pthread_rwlock_unlock(lock)]), [p.EBUSY, p.EBUSY, p.ETIMEDOUT, p.ETIMEDOUT, p.EPERM]);
    assert.deepEqual([p.pthread_rwlock_destroy(lock), p.pthread_rwlock_unlock(lock), p.pthread_rwlock_tryrdlock(lock), p.pthread_rwlock_tryrdlock(lock), p.pthread_rwlock_unlock(lock), p.pthread_rwlock_unlock(lock), p.pthread_rwlock_unlock(lock), p.pthread_rwlock_destroy(lock), p.pthread_rwlock_destroy(lock)], [p.EBUSY, 0, 0, 0, 0, 0, p.EPERM, 0, p.EINVAL]);
  });
  test('read-write locks: EDEADLK in a circle of waits, where the scheduler breaks them', async () => {
    const scheduler = currentScheduler() as { deadlock: string };
    scheduler.deadlock = 'break';
    onTestFinished(() => { scheduler.deadlock = 'report'; });
    const [a, b, met] = [new p.pthread_rwlock_t(), new p.pthread_rwlock_t(), new p.pthread_barrier_t()];
    assert.equal(p.pthread_barrier_init(met, null, 2), 0);
    const both = (first: p.pthread_rwlock_t, second: p.pthread_rwlock_t) => async (): Promise<number> => {
      await p.pthread_rwlock_rdlock(first);
      await p.pthread_barrier_wait(met);
      const result = await p.pthread_rwlock_wrlock(second);
      if (result === 0) p.pthread_rwlock_unlock(second);
      p.pthread_rwlock_unlock(first);
      return result;
    };
    assert.deepEqual((await Promise.all([inThread(both(a, b)), inThread(both(b, a))])).toSorted((x, y) => x - y), [0, p.EDEADLK]);
    const upgrades = async (): Promise<number> => {                      // a reader that reads again behind a writer waits for itself
      await p.pthread_rwlock_rdlock(a);
      const writes = inThread(async () => { const waits = p.pthread_rwlock_wrlock(a); await p.pthread_barrier_wait(met); await waits; return p.pthread_rwlock_unlock(a); });
      await p.pthread_barrier_wait(met);
      const again = await p.pthread_rwlock_rdlock(a);
      p.pthread_rwlock_unlock(a);
      return again + await writes;
    };
    assert.equal(await inThread(upgrades), p.EDEADLK);
  });
  test('barriers, spin locks, once, keys, semaphores', async () => {
    const barrier = new p.pthread_barrier_t();
    assert.deepEqual([await p.pthread_barrier_wait(barrier), p.pthread_barrier_init(barrier, null, 0), p.pthread_barrier_init(barrier, null, 2)], [p.EINVAL, p.EINVAL, 0]);
    const first = p.pthread_barrier_wait(barrier);
    assert.equal(p.pthread_barrier_destroy(barrier), p.EBUSY);
    assert.deepEqual([await inThread(() => p.pthread_barrier_wait(barrier)), await first], [p.PTHREAD_BARRIER_SERIAL_THREAD, 0]);

    const spin = new p.pthread_spinlock_t();
    assert.deepEqual([p.pthread_spin_init(spin, 1), p.pthread_spin_init(spin, p.PTHREAD_PROCESS_PRIVATE), await p.pthread_spin_lock(spin), await p.pthread_spin_lock(spin), p.pthread_spin_trylock(spin)], [p.EINVAL, 0, 0, p.EDEADLK, p.EBUSY]);
    assert.equal(await inThread(() => p.pthread_spin_unlock(spin)), p.EPERM);
    const next = inThread(async () => [await p.pthread_spin_lock(spin), p.pthread_spin_unlock(spin)].join());
    await sleep(1);
    assert.deepEqual([p.pthread_spin_destroy(spin), p.pthread_spin_unlock(spin), await next, p.pthread_spin_destroy(spin)], [p.EBUSY, 0, '0,0', 0]);

    const once = new p.pthread_once_t();
    let runs = 0;
    const routine = async (): Promise<void> => { await sleep(1); runs++; };
    assert.deepEqual(await Promise.all([inThread(() => p.pthread_once(once, routine)), inThread(() => p.pthread_once(once, routine)), p.pthread_once(once, routine)]), [0, 0, 0]);
    assert.deepEqual([runs, await p.pthread_once(once, 5 as never)], [1, p.EINVAL]);

    const key = new p.pthread_key_t();
    assert.deepEqual([p.pthread_setspecific(key, 1), p.pthread_key_create(key, 5 as never), p.pthread_key_create(key, null), p.pthread_setspecific(key, 1), p.pthread_getspecific(key), p.pthread_key_delete(key), p.pthread_getspecific(key), p.pthread_key_delete(key)], [p.EINVAL, p.EINVAL, 0, 0, 1, 0, null, p.EINVAL]);

    const sem = new p.sem_t();
    const value: p.Out<number> = {};
    assert.deepEqual([p.sem_init(sem, 1, 1), p.sem_init(sem, 0, -1), p.sem_init(sem, 0, 1), await p.sem_wait(sem), p.sem_trywait(sem), await p.sem_timedwait(sem, inMs(2)), p.sem_post(sem), p.sem_getvalue(sem, value), value.value, p.sem_destroy(sem), p.sem_post(sem)], [p.EINVAL, p.EINVAL, 0, 0, p.EAGAIN, p.ETIMEDOUT, 0, 0, 1, 0, p.EINVAL]);
    p.sem_init(sem, 0, p.SEM_VALUE_MAX);
    assert.equal(p.sem_post(sem), p.EOVERFLOW);
  });
});
