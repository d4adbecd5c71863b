/** Textbook programs, ported line by line from C: `await` before what may wait, objects in place of pointers, error numbers checked as `assert(rc == 0)` does. */
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import {
  PTHREAD_BARRIER_SERIAL_THREAD, PTHREAD_CANCEL_DISABLE, PTHREAD_CANCEL_ENABLE, PTHREAD_CANCELED, pthread_barrier_destroy, pthread_barrier_init, pthread_barrier_t, pthread_barrier_wait,
  pthread_cancel, pthread_cleanup_pop, pthread_cleanup_push, pthread_cond_broadcast, pthread_cond_destroy, pthread_cond_signal, pthread_cond_t, pthread_cond_wait, pthread_create, pthread_exit, pthread_getspecific, pthread_join,
  pthread_key_create, pthread_key_t, pthread_mutex_destroy, pthread_mutex_lock, pthread_mutex_t, pthread_mutex_unlock, pthread_rwlock_rdlock, pthread_rwlock_t, pthread_rwlock_unlock, pthread_rwlock_wrlock,
  pthread_self, pthread_setcancelstate, pthread_setspecific, pthread_t, pthread_testcancel, sem_init, sem_post, sem_t, sem_wait, type Out,
} from '../../../../packages/worker/src/pthread/index.ts';
import { sleep, yieldNow } from '../../../../packages/worker/src/thread-api.ts';

const ok = (code: number): void => { assert.equal(code, 0); };
async function joinAll(threads: readonly pthread_t[]): Promise<unknown[]> {
  const values: unknown[] = [];
  for (const thread of threads) { const value: Out<unknown> = {}; ok(await pthread_join(thread, value)); values.push(value.value); }
  return values;
}

describe('bounded buffer', () => {
  // Butenhof, Programming with POSIX Threads; Arpaci-Dusseau, OSTEP ch. 30.
  test('with a mutex and two condition variables', async () => {
    const MAX = 10, LOOPS = 200, PRODUCERS = 3, CONSUMERS = 4;
    const buffer: number[] = Array.from({ length: MAX }, () => 0);
    let [fill, use, count] = [0, 0, 0];
    const [empty, full, mutex] = [new pthread_cond_t(), new pthread_cond_t(), new pthread_mutex_t()];
    const put = (value: number): void => { assert.ok(count < MAX); buffer[fill] = value; fill = (fill + 1) % MAX; count++; };
    const get = (): number => { assert.ok(count > 0); const value = buffer[use] as number; use = (use + 1) % MAX; count--; return value; };
    const consumed: number[] = [];
    async function producer(id: number): Promise<void> {
      for (let i = 0; i < LOOPS; i++) {
        ok(await pthread_mutex_lock(mutex));
        while (count === MAX) ok(await pthread_cond_wait(empty, mutex));
        put(id * LOOPS + i);
        ok(pthread_cond_signal(full));
        ok(pthread_mutex_unlock(mutex));
      }
    }
    async function consumer(): Promise<void> {
      for (let i = 0; i < LOOPS * PRODUCERS / CONSUMERS; i++) {
        ok(await pthread_mutex_lock(mutex));
        while (count === 0) ok(await pthread_cond_wait(full, mutex));
        consumed.push(get());
        ok(pthread_cond_signal(empty));
        ok(pthread_mutex_unlock(mutex));
      }
    }
    const threads = Array.from({ length: PRODUCERS + CONSUMERS }, () => new pthread_t());
    for (let i = 0; i < PRODUCERS; i++) ok(pthread_create(threads[i] as pthread_t, null, producer, i));
    for (let i = 0; i < CONSUMERS; i++) ok(pthread_create(threads[PRODUCERS + i] as pthread_t, null, consumer, null));
    await joinAll(threads);
    assert.deepEqual(consumed.toSorted((a, b) => a - b), Array.from({ length: LOOPS * PRODUCERS }, (_, k) => k));
    ok(pthread_mutex_destroy(mutex));
    ok(pthread_cond_destroy(empty));
    ok(pthread_cond_destroy(full));
  });

  test('with semaphores', async () => {
    const MAX = 4, LOOPS = 100;
    const buffer: number[] = [];
    const [empty, full, mutex] = [new sem_t(), new sem_t(), new sem_t()];
    ok(sem_init(empty, 0, MAX));
    ok(sem_init(full, 0, 0));
    ok(sem_init(mutex, 0, 1));
    let sum = 0;
    const producer = async (): Promise<void> => { for (let i = 0; i < LOOPS; i++) { ok(await sem_wait(empty)); ok(await sem_wait(mutex)); buffer.push(i); assert.ok(buffer.length <= MAX); ok(sem_post(mutex)); ok(sem_post(full)); } };
    const consumer = async (): Promise<void> => { for (let i = 0; i < LOOPS; i++) { ok(await sem_wait(full)); ok(await sem_wait(mutex)); sum += buffer.shift() as number; ok(sem_post(mutex)); ok(sem_post(empty)); } };
    const threads = [new pthread_t(), new pthread_t()] as const;
    ok(pthread_create(threads[0], null, producer, null));
    ok(pthread_create(threads[1], null, consumer, null));
    await joinAll(threads);
    assert.equal(sum, LOOPS * (LOOPS - 1) / 2);
  });
});

test('readers and writers', async () => {
  const lock = new pthread_rwlock_t();
  let [readers, writers, value, together] = [0, 0, 0, 0];
  async function reader(): Promise<void> {
    for (let i = 0; i < 20; i++) {
      ok(await pthread_rwlock_rdlock(lock));
      readers++;
      together = Math.max(together, readers);
      assert.equal(writers, 0);
      await yieldNow();
      readers--;
      ok(pthread_rwlock_unlock(lock));
    }
  }
  async function writer(): Promise<void> {
    for (let i = 0; i < 20; i++) {
      ok(await pthread_rwlock_wrlock(lock));
      writers++;
      assert.deepEqual([readers, writers], [0, 1]);
      const old = value;
      await yieldNow();
      value = old + 1;
      writers--;
      ok(pthread_rwlock_unlock(lock));
    }
  }
  const threads = Array.from({ length: 7 }, () => new pthread_t());
  for (const [i, thread] of threads.entries()) ok(pthread_create(thread, null, i < 5 ? reader : writer, null));
  await joinAll(threads);
  assert.equal(value, 40);
  assert.ok(together > 1);
});

test('dining philosophers: forks in order, nobody starves', async () => {
  const N = 5, MEALS = 30;
  const forks = Array.from({ length: N }, () => new pthread_mutex_t());
  const meals = Array.from({ length: N }, () => 0);
  const eating = new Set<number>();
  async function philosopher(p: number): Promise<void> {
    const [first, second] = p === N - 1 ? [(p + 1) % N, p] : [p, (p + 1) % N];
    for (let i = 0; i < MEALS; i++) {
      ok(await pthread_mutex_lock(forks[first] as pthread_mutex_t));
      await yieldNow();
      ok(await pthread_mutex_lock(forks[second] as pthread_mutex_t));
      assert.ok(!eating.has((p + 1) % N) && !eating.has((p + N - 1) % N));
      eating.add(p);
      await yieldNow();
      (meals[p] as number)++;
      eating.delete(p);
      ok(pthread_mutex_unlock(forks[second] as pthread_mutex_t));
      ok(pthread_mutex_unlock(forks[first] as pthread_mutex_t));
    }
  }
  const threads = Array.from({ length: N }, () => new pthread_t());
  for (const [p, thread] of threads.entries()) ok(pthread_create(thread, null, philosopher, p));
  await joinAll(threads);
  assert.deepEqual(meals, Array.from({ length: N }, () => MEALS));
});

test('matrix multiplication in rounds, by a barrier', async () => {
  const N = 12, THREADS = 4, ROUNDS = 3;
  let a = Array.from({ length: N }, (_, i) => Array.from({ length: N }, (_2, j) => (i + j) % 3));
  const b = Array.from({ length: N }, (_, i) => Array.from({ length: N }, (_2, j) => (i === j ? 2 : i === j + 1 ? 1 : 0)));
  const multiply = (x: number[][], y: number[][]): number[][] => x.map((row) => y[0]!.map((_, j) => row.reduce((sum, value, k) => sum + value * (y[k] as number[])[j]!, 0)));
  let expected = a;
  for (let round = 0; round < ROUNDS; round++) expected = multiply(expected, b);
  let c = a.map((row) => row.map(() => 0));
  const barrier = new pthread_barrier_t();
  ok(pthread_barrier_init(barrier, null, THREADS));
  let serial = 0;
  async function worker(id: number): Promise<void> {
    for (let round = 0; round < ROUNDS; round++) {
      for (let i = id; i < N; i += THREADS) {
        for (let j = 0; j < N; j++) c[i]![j] = a[i]!.reduce((sum, value, k) => sum + value * b[k]![j]!, 0);
        if (i % 2 === id % 2) await yieldNow();
      }
      if (await pthread_barrier_wait(barrier) === PTHREAD_BARRIER_SERIAL_THREAD) { serial++; [a, c] = [c, a]; }
      ok(Math.min(0, await pthread_barrier_wait(barrier) + 1) === 0 ? 0 : 1);
    }
  }
  const threads = Array.from({ length: THREADS }, () => new pthread_t());
  for (const [id, thread] of threads.entries()) ok(pthread_create(thread, null, worker, id));
  await joinAll(threads);
  assert.deepEqual(a, expected);
  assert.equal(serial, ROUNDS);
  ok(pthread_barrier_destroy(barrier));
});

test('a pool of threads', async () => {
  const queue: ((() => Promise<void>) | undefined)[] = [];
  const [mutex, notEmpty, allDone] = [new pthread_mutex_t(), new pthread_cond_t(), new pthread_cond_t()];
  let [pending, isShutDown] = [0, false];
  async function worker(): Promise<number> {
    let ran = 0;
    for (;;) {
      ok(await pthread_mutex_lock(mutex));
      while (queue.length === 0 && !isShutDown) ok(await pthread_cond_wait(notEmpty, mutex));
      const job = queue.shift();
      ok(pthread_mutex_unlock(mutex));
      if (job === undefined) pthread_exit(ran);
      await job();
      ran++;
      ok(await pthread_mutex_lock(mutex));
      if (--pending === 0) ok(pthread_cond_signal(allDone));
      ok(pthread_mutex_unlock(mutex));
    }
  }
  async function submit(job: () => Promise<void>): Promise<void> {
    ok(await pthread_mutex_lock(mutex));
    queue.push(job);
    pending++;
    ok(pthread_cond_signal(notEmpty));
    ok(pthread_mutex_unlock(mutex));
  }
  const threads = Array.from({ length: 4 }, () => new pthread_t());
  for (const thread of threads) ok(pthread_create(thread, null, worker, null));
  const done: number[] = [];
  for (let k = 0; k < 60; k++) await submit(async () => { await (k % 3 === 0 ? sleep(0) : yieldNow()); done.push(k); });
  ok(await pthread_mutex_lock(mutex));
  while (pending > 0) ok(await pthread_cond_wait(allDone, mutex));
  isShutDown = true;
  ok(pthread_cond_broadcast(notEmpty));
  ok(pthread_mutex_unlock(mutex));
  const ran = await joinAll(threads) as number[];
  assert.equal(done.length, 60);
  assert.equal(ran.reduce((sum, n) => sum + n, 0), 60);
  assert.ok(ran.every((n) => n > 0));
});

describe('cancellation', () => {
  test('in a condition wait: the mutex is locked again when the clean-up handlers run, newest first', async () => {
    const [mutex, cond] = [new pthread_mutex_t(), new pthread_cond_t()];
    const log: string[] = [];
    async function waiter(): Promise<void> {
      pthread_cleanup_push((name) => { log.push(`handler ${String(name)}`); }, 'outer');
      ok(await pthread_mutex_lock(mutex));
      pthread_cleanup_push((m) => { log.push(`unlock ${pthread_mutex_unlock(m as pthread_mutex_t)}`); }, mutex);
      for (;;) ok(await pthread_cond_wait(cond, mutex));
    }
    const thread = new pthread_t();
    ok(pthread_create(thread, null, waiter, null));
    await sleep(2);
    ok(pthread_cancel(thread));
    const result: Out<unknown> = {};
    ok(await pthread_join(thread, result));
    assert.equal(result.value, PTHREAD_CANCELED);
    assert.deepEqual(log, ['unlock 0', 'handler outer']);
    ok(pthread_mutex_destroy(mutex));
  });

  test('waits while it is disabled, and while a mutex is waited for', async () => {
    const mutex = new pthread_mutex_t();
    ok(await pthread_mutex_lock(mutex));
    const log: string[] = [];
    async function careful(): Promise<void> {
      const old: Out<number> = {};
      ok(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, old));
      assert.equal(old.value, PTHREAD_CANCEL_ENABLE);
      await sleep(5);
      log.push('undisturbed');
      ok(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, old));
      assert.equal(old.value, PTHREAD_CANCEL_DISABLE);
      ok(await pthread_mutex_lock(mutex));
      log.push('locked');
      ok(pthread_mutex_unlock(mutex));
      pthread_testcancel();
      log.push('no');
    }
    const thread = new pthread_t();
    ok(pthread_create(thread, null, careful, null));
    await sleep(2);
    ok(pthread_cancel(thread));
    await sleep(8);
    ok(pthread_mutex_unlock(mutex));
    const result: Out<unknown> = {};
    ok(await pthread_join(thread, result));
    assert.equal(result.value, PTHREAD_CANCELED);
    assert.deepEqual(log, ['undisturbed', 'locked']);
  });

  test('of a thread in mutex lock does not take the mutex with it', async () => {
    const mutex = new pthread_mutex_t();
    ok(await pthread_mutex_lock(mutex));
    const threads = Array.from({ length: 3 }, () => new pthread_t());
    const locked: number[] = [];
    for (const [k, thread] of threads.entries()) ok(pthread_create(thread, null, async () => { ok(await pthread_mutex_lock(mutex)); locked.push(k); ok(pthread_mutex_unlock(mutex)); await sleep(0); }, null));
    await sleep(1);
    ok(pthread_cancel(threads[0] as pthread_t));
    ok(pthread_mutex_unlock(mutex));
    assert.deepEqual((await joinAll(threads))[0], PTHREAD_CANCELED);
    assert.deepEqual(locked, [0, 1, 2]);
  });

  test('handlers: popped ones run if they are told to, pthread_exit runs the others, whatever kind the function is', async () => {
    const starts: ((log: string[]) => unknown)[] = [
      (log) => { pthread_cleanup_push(() => log.push('a'), null); pthread_cleanup_push(() => log.push('b'), null); pthread_cleanup_push(() => log.push('c'), null); pthread_cleanup_pop(1); pthread_cleanup_pop(0); pthread_exit('value'); },
      async (log) => { pthread_cleanup_push(async () => { await sleep(1); log.push('a'); }, null); pthread_cleanup_push(() => log.push('c'), null); await sleep(0); pthread_exit('value'); },
      function* (log) { pthread_cleanup_push(() => log.push('a'), null); pthread_cleanup_push(() => log.push('c'), null); yield sleep(0); pthread_exit('value'); },
    ];
    for (const start of starts) {
      const log: string[] = [];
      const thread = new pthread_t();
      const result: Out<unknown> = {};
      ok(pthread_create(thread, null, start, log));
      ok(await pthread_join(thread, result));
      assert.deepEqual([log, result.value], [['c', 'a'], 'value']);
    }
  });
});

test('thread-specific data with destructors', async () => {
  const key = new pthread_key_t();
  const freed: string[] = [];
  ok(pthread_key_create(key, (value: string) => { freed.push(value); }));
  async function worker(id: number): Promise<void> {
    assert.equal(pthread_getspecific(key), null);
    ok(pthread_setspecific(key, `buffer of ${id}`));
    await yieldNow();
    assert.equal(pthread_getspecific(key), `buffer of ${id}`);
    if (id === 2) ok(pthread_setspecific(key, null));
    if (id === 1) pthread_exit(null);
  }
  const threads = Array.from({ length: 4 }, () => new pthread_t());
  for (const [id, thread] of threads.entries()) ok(pthread_create(thread, null, worker, id));
  await joinAll(threads);
  assert.deepEqual(freed.toSorted(), ['buffer of 0', 'buffer of 1', 'buffer of 3']);
  assert.equal(pthread_self(), pthread_self());
});
