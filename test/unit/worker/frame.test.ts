/* oxlint-disable require-yield -- frames that never wait are tested too */
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { schedulingRules } from '../../../packages/worker/src/levels.ts';
import { Scheduler } from '../../../packages/worker/src/scheduler.ts';
import { current, sleep, spawn, yieldNow } from '../../../packages/worker/src/thread-api.ts';

type Frames<R> = Generator<unknown, R, unknown>;
const rejectsWith = (code: string) => (error: unknown): boolean => (error as { code?: unknown }).code === code;
const soon = <T>(value: T): Promise<T> => new Promise((resolve) => { setTimeout(resolve, 1, value); });

describe('calls', () => {
  test('nest: the result of the callee is the value of the yield', async () => {
    function* leaf(n: number): Frames<number> { return n * 2; }
    function* middle(n: number): Frames<number> { return (yield leaf(n)) as number + 1; }
    function* outer(): Frames<number[]> { return [(yield middle(1)) as number, (yield middle(10)) as number]; }
    assert.deepEqual(await spawn(outer).join(), [3, 21]);
  });

  test('a callee that waits holds its caller at the call', async () => {
    const log: string[] = [];
    function* callee(): Frames<string> { log.push('in'); yield soon(1); log.push('out'); return 'r'; }
    function* caller(): Frames<string> { log.push('before'); const r = (yield callee()) as string; log.push(`after ${r}`); return r; }
    assert.equal(await spawn(caller).join(), 'r');
    assert.deepEqual(log, ['before', 'in', 'out', 'after r']);
  });

  test('what a callee throws arrives at the yield of its caller', async () => {
    function* leaf(): Frames<never> { yield; throw new RangeError('deep'); }
    function* middle(): Frames<unknown> { return yield leaf(); }
    function* outer(): Frames<string> { try { yield middle(); return 'no'; } catch (error) { return `caught ${(error as Error).message}`; } }
    assert.equal(await spawn(outer).join(), 'caught deep');
  });

  test('what nobody catches fails the thread with that error', async () => {
    const error = new RangeError('mine');
    function* leaf(): Frames<never> { throw error; }
    const thread = spawn(function* (): Frames<unknown> { return yield leaf(); });
    await assert.rejects(thread.join(), (thrown) => thrown === error);
    assert.equal(thread.status, 'failed');
  });

  test('finally blocks run from the inside out, and may call and wait', async () => {
    const log: string[] = [];
    function* cleanUp(name: string): Frames<void> { yield soon(1); log.push(name); }
    function* leaf(): Frames<never> { try { throw new Error('x'); } finally { yield cleanUp('leaf'); } }
    function* outer(): Frames<void> { try { yield leaf(); } finally { yield cleanUp('outer'); } }
    await assert.rejects(spawn(outer).join(), /x/);
    assert.deepEqual(log, ['leaf', 'outer']);
  });

  test('a hundred thousand frames deep need no native stack, on the way in and on the way back', async () => {
    function* down(n: number): Frames<number> { return n === 0 ? 0 : (yield down(n - 1)) as number + 1; }
    assert.equal(await spawn(down, 100_000).join(), 100_000);
  });

  test('an error rises through a hundred thousand frames', async () => {
    function* down(n: number): Frames<number> { if (n === 0) throw new Error('bottom'); return (yield down(n - 1)) as number; }
    await assert.rejects(spawn(down, 100_000).join(), /bottom/);
  });

  test('a hundred thousand frames wait at the bottom, and go on', async () => {
    function* down(n: number): Frames<number> { return n === 0 ? (yield soon(5)) as number : (yield down(n - 1)) as number; }
    assert.equal(await spawn(down, 100_000).join(), 5);
  });
});

describe('what is yielded', () => {
  test('a promise is waited for: its value, or its rejection at the yield', async () => {
    const log: unknown[] = [];
    await spawn(function* (): Frames<void> {
      log.push(yield soon('value'));
      try { yield Promise.reject(new Error('refused')); } catch (error) { log.push((error as Error).message); }
      log.push(yield Promise.resolve(undefined));
    }).join();
    assert.deepEqual(log, ['value', 'refused', undefined]);
  });

  test('any thenable is, whether it answers at once, later, or throws', async () => {
    const log: unknown[] = [];
    // oxlint-disable-next-line unicorn/no-thenable -- that is what is tested
    const thenable = (then: (resolve: (value: unknown) => void, reject: (error: unknown) => void) => void): unknown => ({ then });
    await spawn(function* (): Frames<void> {
      log.push(yield thenable((resolve) => resolve('at once')));
      log.push(yield thenable((resolve) => { setTimeout(resolve, 1, 'later'); }));
      log.push(yield thenable((resolve, reject) => { resolve('first'); resolve('second'); reject(new Error('third')); }));
      try { yield thenable(() => { throw new Error('then throws'); }); } catch (error) { log.push((error as Error).message); }
      // oxlint-disable-next-line unicorn/no-thenable -- that is what is tested
      try { yield { get then() { throw new Error('cannot be read'); } }; } catch (error) { log.push((error as Error).message); }
    }).join();
    assert.deepEqual(log, ['at once', 'later', 'first', 'then throws', 'cannot be read']);
  });

  test('nothing gives up the processor: others have a turn', async () => {
    const turns = [0, 0];
    const ahead: number[] = [];
    const scheduler = new Scheduler({ rules: { ...schedulingRules, thetaUs: Infinity } });   // both in one level, whatever the machine lets them have
    const two = [0, 1].map((k) => scheduler.spawn(function* (): Frames<void> {
      for (let turn = 0; turn < 50; turn++) {
        (turns[k] as number)++;
        ahead.push(Math.abs((turns[0] as number) - (turns[1] as number)));
        yield;
      }
    }, [], scheduler.roots.named('test')));
    await Promise.all(two.map((thread) => thread.join()));
    assert.equal(ahead.length, 100);
    assert.ok((ahead.toSorted((a, b) => a - b)[50] as number) <= 2, 'half of the time neither was more than two turns ahead, wherever the machine stalled');
  });

  test('any other value is no wait: it is the value of the yield, at once', async () => {
    const log: unknown[] = [];
    const object = { plain: true };
    async function* foreign(): AsyncGenerator<never> { /* an async generator is no frame */ }
    const stream = foreign();
    const thread = spawn(function* (): Frames<void> { for (const value of [5, 'text', null, false, object, stream]) log.push(yield value); log.push('end'); });
    const other = spawn(() => { log.push('other'); });
    await Promise.all([thread.join(), other.join()]);
    assert.deepEqual(log, [5, 'text', null, false, object, stream, 'end', 'other']);
  });

  test('an object whose tag cannot be read is such a value', async () => {
    const odd = { get [Symbol.toStringTag](): string { throw new Error('tag'); } };
    assert.equal(await spawn(function* (): Frames<unknown> { return yield odd; }).join(), odd);
  });

  test('a generator that has been used up answers undefined, as it does natively', async () => {
    function* once(): Frames<number> { return 1; }
    const used = once();
    used.next();
    assert.equal(await spawn(function* (): Frames<unknown> { return yield used; }).join(), undefined);
  });
});

describe('cancellation', () => {
  /** Cancels as soon as the thread is blocked. */
  async function cancelled(fn: () => Frames<unknown>): Promise<{ status: string; error: unknown }> {
    const thread = spawn(fn);
    while (thread.status !== 'blocked') await new Promise((resolve) => { setImmediate(resolve); });
    thread.cancel('enough');
    const error = await thread.join().then((value) => value, (thrown: unknown) => thrown);
    return { status: thread.status, error };
  }

  test('is thrown at the wait: for a promise that never settles, and for a wait of ours', async () => {
    for (const wait of [() => new Promise(() => { /* never */ }), () => sleep(60_000)]) {
      const log: unknown[] = [];
      const { status, error } = await cancelled(function* () {
        try { log.push(yield wait()); } catch (thrown) { log.push((thrown as { code: string }).code); throw thrown; }
        return undefined;
      });
      assert.deepEqual(log, ['CAP_ERR_CANCELLED']);
      assert.equal(status, 'cancelled');
      assert.equal((error as { code: string }).code, 'CAP_ERR_CANCELLED');
      assert.equal((error as Error).cause, 'enough');
    }
  });

  test('reaches the innermost frame and rises', async () => {
    const log: string[] = [];
    function* leaf(): Frames<unknown> { try { return yield sleep(60_000); } finally { log.push('leaf'); } }
    await cancelled(function* () { try { return yield leaf(); } finally { log.push('outer'); } });
    assert.deepEqual(log, ['leaf', 'outer']);
  });

  test('is delivered once: finally blocks may wait, by promise, by sleep, by yield', async () => {
    const log: string[] = [];
    const { status } = await cancelled(function* () {
      try { yield sleep(60_000); } finally {
        yield soon(1);
        log.push('promise');
        yield sleep(1);
        log.push('sleep');
        yield;
        log.push('turn');
        yield yieldNow();
        log.push('yieldNow');
      }
      return undefined;
    });
    assert.deepEqual(log, ['promise', 'sleep', 'turn', 'yieldNow']);
    assert.equal(status, 'cancelled');
  });

  test('caught, the thread goes on and ends well', async () => {
    const { status, error } = await cancelled(function* () { try { yield sleep(60_000); } catch { /* goes on */ } return yield soon('survived'); });
    assert.deepEqual([status, error], ['done', 'survived']);
  });

  test('of a thread that has given up the processor is thrown at its yield', async () => {
    let turns = 0;
    const thread = spawn(function* (): Frames<void> { for (;;) { turns++; yield; } });
    while (turns < 10) await new Promise((resolve) => { setImmediate(resolve); });
    thread.cancel();
    await assert.rejects(thread.join(), rejectsWith('CAP_ERR_CANCELLED'));
    assert.equal(thread.status, 'cancelled');
  });

  test('of the running thread by itself is thrown at its next wait', async () => {
    const log: string[] = [];
    const thread = spawn(function* (): Frames<void> {
      current().cancel();
      log.push('still here');
      try { yield new Promise(() => { /* never */ }); log.push('no'); } finally { yield soon(1); log.push('clean'); }
    });
    await assert.rejects(thread.join(), rejectsWith('CAP_ERR_CANCELLED'));
    assert.deepEqual(log, ['still here', 'clean']);
  });

  test('a late answer to the abandoned wait changes nothing', async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const log: unknown[] = [];
    const thread = spawn(function* (): Frames<unknown> {
      try { yield promise; } catch { log.push('cancelled'); }
      const next = yield new Promise((answer) => { setTimeout(answer, 10, 'next'); });
      log.push(next);
      return next;
    });
    while (thread.status !== 'blocked') await new Promise((turn) => { setImmediate(turn); });
    thread.cancel();
    resolve('late');
    assert.equal(await thread.join(), 'next');
    assert.deepEqual(log, ['cancelled', 'next']);
  });

  test('a reason of our own is thrown as it is', async () => {
    const { CapriccioError } = await import('@capriccio/shared');
    const reason = new CapriccioError('CAP_ERR_DEADLINE', 'too late');
    const thread = spawn(function* (): Frames<void> { yield sleep(60_000); });
    while (thread.status !== 'blocked') await new Promise((turn) => { setImmediate(turn); });
    thread.cancel(reason);
    await assert.rejects(thread.join(), (error) => error === reason);
    assert.equal(thread.status, 'cancelled');
  });
});

test('a thread that never waits gives way all the same', async () => {
  let stop = false;
  const endless = spawn(function* (): Frames<number> {
    function* noop(): Frames<void> { /* returns at once */ }
    let turns = 0;
    while (!stop) { yield 5; yield noop(); turns++; }
    return turns;
  });
  spawn(() => { stop = true; });
  assert.ok(await endless.join() > 100);
});
