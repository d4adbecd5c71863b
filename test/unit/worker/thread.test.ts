import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, test } from 'vitest';
import { Scheduler } from '../../../packages/worker/src/scheduler.ts';
import { LocalThread, type Thread } from '../../../packages/worker/src/thread.ts';
import { checkCancelled, current, sleep, spawn, yieldNow } from '../../../packages/worker/src/thread-api.ts';

const isCancelled = (error: unknown): boolean => (error as { code?: unknown }).code === 'CAP_ERR_CANCELLED';
const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });
async function blocked(thread: Thread): Promise<void> { while (thread.status !== 'blocked') await turn(); }
/** Warnings about threads that nobody joined, while `fn` runs and a few turns more. */
async function warningsOf(fn: () => Promise<void>): Promise<string[]> {
  const messages: string[] = [];
  const note = (warning: Error & { code?: string }): void => { if (warning.code === 'CAP_WARN_UNJOINED') messages.push(warning.message); };
  process.on('warning', note);
  await fn();
  await delay(5);
  process.off('warning', note);
  return messages;
}
/** A thread that has begun, outside of any scheduler's turn. */
function bareThread(): LocalThread {
  const scheduler = new Scheduler();
  const thread = new LocalThread(scheduler, scheduler.roots.named('bare'), 'bare');
  thread.status = 'running';
  return thread;
}

describe('join', () => {
  test('before the end and after it gives the result, as often as it is asked', async () => {
    const thread = spawn(async (n: number) => { await yieldNow(); return n + 1; }, 1);
    const before = [thread.join(), thread.join()];
    assert.deepEqual(await Promise.all(before), [2, 2]);
    assert.equal(thread.status, 'done');
    assert.deepEqual(await Promise.all([thread.join(), thread.join()]), [2, 2]);
  });

  test('of a failed thread rejects with what it threw, whatever that is', async () => {
    for (const thrown of [new RangeError('r'), 'text', undefined, null, 0]) {
      const early = spawn(async () => { await yieldNow(); throw thrown; });
      await assert.rejects(early.join(), (error) => error === thrown);
      await assert.rejects(early.join(), (error) => error === thrown);
      const sync = spawn(() => { throw thrown; });
      await assert.rejects(sync.join(), (error) => error === thrown);
      assert.equal(sync.status, 'failed');
    }
  });

  test('a thread is not thenable: awaiting it gives the thread', async () => {
    const thread = spawn(() => 1);
    assert.equal(await thread, thread);
    assert.equal(await thread.join(), 1);
  });

  test('names and numbers tell threads apart', async () => {
    function named(): void { /* does nothing */ }
    const [a, b] = [spawn(named), spawn(() => { /* does nothing */ })];
    assert.deepEqual([a.name, b.name], ['named', 'anonymous']);
    assert.notEqual(b.id, a.id);
    assert.equal(b.id, b.id);
    await Promise.all([a.join(), b.join()]);
  });

  test('a thenable that cannot be read, or answers twice, ends the thread once', async () => {
    // oxlint-disable-next-line unicorn/no-thenable -- that is what is tested
    await assert.rejects(spawn(() => ({ get then() { throw new Error('cannot be read'); } })).join(), /cannot be read/);
    // oxlint-disable-next-line unicorn/no-thenable -- that is what is tested
    const twice = spawn(() => ({ then(resolve: (value: number) => void, reject: (error: unknown) => void) { resolve(1); resolve(2); reject(new Error('no')); } }));
    assert.equal(await twice.join(), 1);
  });
});

describe('status', () => {
  test('goes from queued over running and blocked to done', async () => {
    const seen: string[] = [];
    const thread = spawn(async () => { seen.push(thread.status); await sleep(1); seen.push('after'); });
    seen.push(thread.status);
    await blocked(thread);
    seen.push(thread.status);
    await thread.join();
    seen.push(thread.status);
    assert.deepEqual(seen, ['queued', 'running', 'blocked', 'after', 'done']);
  });
});

describe('cancel', () => {
  test('of a queued thread: it never begins', async () => {
    let begun = false;
    const thread = spawn(() => { begun = true; });
    thread.cancel();
    assert.equal(thread.status, 'cancelled');
    await assert.rejects(thread.join(), isCancelled);
    await turn();
    assert.equal(begun, false);
  });

  test('of a thread blocked on a wait of ours: the wait rejects, the timer behind it is gone', async () => {
    const thread = spawn(async () => { await sleep(60_000); });
    await blocked(thread);
    const before = timeouts();
    thread.cancel('why');
    await assert.rejects(thread.join(), (error) => isCancelled(error) && (error as Error).cause === 'why');
    assert.equal(thread.status, 'cancelled');
    assert.ok(timeouts() < before);
  });

  test('of a thread blocked on something else is met at its next wait of ours', async () => {
    const log: string[] = [];
    const thread = spawn(async () => { await delay(10); log.push('delay over'); await sleep(60_000); });
    await blocked(thread);
    thread.cancel();
    await assert.rejects(thread.join(), isCancelled);
    assert.deepEqual(log, ['delay over']);
  });

  test('of a thread that never waits is seen by checkCancelled', async () => {
    const thread = spawn(() => { current().cancel(); checkCancelled(); });
    await assert.rejects(thread.join(), isCancelled);
    assert.equal(thread.status, 'cancelled');
  });

  test('every open wait rejects, once; waits in finally blocks work', async () => {
    const log: string[] = [];
    const thread = spawn(async () => {
      const waits = [sleep(60_000), sleep(60_000)];
      try { await Promise.all(waits); } finally {
        log.push(...(await Promise.allSettled(waits)).map(({ status }) => status));
        await sleep(1);
        await yieldNow();
        log.push('cleaned');
      }
    });
    await blocked(thread);
    thread.cancel();
    thread.cancel('again');
    await assert.rejects(thread.join(), (error) => isCancelled(error) && (error as Error).cause === undefined);
    assert.deepEqual(log, ['rejected', 'rejected', 'cleaned']);
  });

  test('a cancelled wait that nobody awaits does not end the process', async () => {
    const unhandled: unknown[] = [];
    const note = (error: unknown): void => { unhandled.push(error); };
    process.on('unhandledRejection', note);
    const open = spawn(async () => { const wait = sleep(60_000); await delay(10); return wait.catch(isCancelled); });
    await blocked(open);
    open.cancel();
    assert.equal(await open.join(), true);
    const next = spawn(async () => { current().cancel(); const wait = sleep(60_000); await delay(10); return wait.catch(isCancelled); });
    assert.equal(await next.join(), true);
    process.off('unhandledRejection', note);
    assert.deepEqual(unhandled, []);
  });

  test('of an ended thread has no effect', async () => {
    const thread = spawn(() => 1);
    await thread.join();
    thread.cancel();
    assert.deepEqual([thread.status, await thread.join()], ['done', 1]);
  });

  test('a thread that fails for another reason while it is cancelled has failed', async () => {
    const thread = spawn(async () => { try { await sleep(60_000); } catch { throw new TypeError('other'); } });
    await blocked(thread);
    thread.cancel();
    await assert.rejects(thread.join(), TypeError);
    assert.equal(thread.status, 'failed');
  });
});

describe('children', () => {
  test('are cancelled with their spawner, and theirs with them', async () => {
    const threads: Thread[] = [];
    const grandchild = async (): Promise<void> => { threads.push(current()); await sleep(60_000); };
    const child = async (): Promise<void> => { threads.push(current()); await spawn(grandchild).join(); };
    const parent = spawn(async () => { await Promise.all([spawn(child).join(), spawn(child).join()]); });
    while (threads.length < 4) await turn();
    parent.cancel();
    await assert.rejects(parent.join(), isCancelled);
    await Promise.allSettled(threads.map((thread) => thread.join()));
    assert.deepEqual(threads.map(({ status }) => status), ['cancelled', 'cancelled', 'cancelled', 'cancelled']);
  });

  test('that have not begun never begin', async () => {
    let begun = false;
    const parent = spawn(async () => { spawn(() => { begun = true; }); current().cancel(); await sleep(1); });
    await assert.rejects(parent.join(), isCancelled);
    await delay(5);
    assert.equal(begun, false);
  });

  test('whoever joined one that is cancelled with it has got the cancellation: clean-up may wait', async () => {
    const log: string[] = [];
    const parent = spawn(async () => { try { await spawn(async () => { await sleep(60_000); }).join(); } finally { await sleep(1); log.push('cleaned'); } });
    await blocked(parent);
    await turn();
    parent.cancel();
    await assert.rejects(parent.join(), isCancelled);
    assert.deepEqual(log, ['cleaned']);
  });

  test('one that ends well although it was cancelled gives its value: who joined it is told at his next wait', async () => {
    for (const joins of ['a promise', 'several']) {
      const log: unknown[] = [];
      const well = async (): Promise<string> => { await sleep(60_000).catch(() => { /* it does not mind */ }); return 'well'; };
      const parent = spawn(async () => {
        const child = spawn(well);
        log.push(joins === 'several' ? await Promise.all([child.join(), spawn(well).join()]) : await child.join());
        try { await sleep(1); log.push('went on'); } finally { await sleep(1); log.push('cleaned'); }
      });
      await blocked(parent);
      await turn();
      parent.cancel();
      await assert.rejects(parent.join(), isCancelled);
      assert.deepEqual(log, [joins === 'several' ? ['well', 'well'] : 'well', 'cleaned']);
    }
  });
  test('of several, one is enough to tell: clean-up may wait', async () => {
    const log: unknown[] = [];
    const parent = spawn(async () => {
      const children = [spawn(async () => { await sleep(60_000).catch(() => { /* it does not mind */ }); }), spawn(async () => { await sleep(60_000); })];
      try { await Promise.all(children.map((child) => child.join())); } finally { await sleep(5); log.push('cleaned'); }
    });
    await blocked(parent);
    await turn();
    parent.cancel();
    await assert.rejects(parent.join(), isCancelled);
    assert.deepEqual(log, ['cleaned']);
  });
  test('one that somebody else has joined tells its spawner nothing', async () => {
    const log: string[] = [];
    const never = Promise.withResolvers<void>();
    let child: Thread<void> | undefined;
    const parent = spawn(async () => { child = spawn(async () => { await sleep(60_000); }); await never.promise; await sleep(1); log.push('went on'); });
    await blocked(parent);
    const elsewhere = child?.join().catch(() => { /* it is cancelled */ });
    parent.cancel();
    never.resolve();
    await assert.rejects(parent.join(), isCancelled);
    await elsewhere;
    assert.deepEqual(log, []);
  });

  test('a detached one goes on', async () => {
    let child: Thread<string> | undefined;
    const parent = spawn(async () => {
      child = spawn(async () => { await sleep(5); return 'finished'; });
      child.detach();
      await sleep(60_000);
    });
    await blocked(parent);
    parent.cancel();
    await assert.rejects(parent.join(), isCancelled);
    assert.equal(await child?.join(), 'finished');
  });

  test('one that outlives its spawner goes on', async () => {
    const parent = spawn(() => spawn(async () => { await sleep(5); return 'finished'; }));
    const child = await parent.join();
    parent.cancel();
    assert.equal(await child.join(), 'finished');
  });
});

describe('signal', () => {
  test('aborts with the cancellation, for whatever took it', async () => {
    const thread = spawn(async () => {
      const { signal } = current();
      assert.equal(current().signal, signal);
      await once(signal, 'abort');
      return (signal.reason as { code: string }).code;
    });
    await blocked(thread);
    thread.cancel();
    assert.equal(await thread.join(), 'CAP_ERR_CANCELLED');
  });

  test('taken late, it is aborted already', async () => {
    const thread = spawn(() => { current().cancel(); return current().signal.aborted; });
    assert.equal(await thread.join(), true);
  });

  test('a thread that ends by the AbortError of its own signal was cancelled', async () => {
    const thread = spawn(async () => { await delay(60_000, undefined, { signal: current().signal }); });
    await blocked(thread);
    thread.cancel('why');
    await assert.rejects(thread.join(), (error) => isCancelled(error) && (error as Error).cause === 'why');
    assert.equal(thread.status, 'cancelled');
  });

  test('whoever waited with it has got the cancellation: clean-up may wait', async () => {
    const log: string[] = [];
    const thread = spawn(async () => { try { await delay(60_000, undefined, { signal: current().signal }); } finally { await sleep(1); log.push('cleaned'); } });
    await blocked(thread);
    thread.cancel();
    await assert.rejects(thread.join(), isCancelled);
    assert.deepEqual(log, ['cleaned']);
  });

  test('taken and used by nobody now, it is no delivery: the next wait rejects', async () => {
    const thread = spawn(async () => {
      await delay(1, undefined, { signal: current().signal });
      await delay(10);
      await sleep(60_000);
    });
    await blocked(thread);
    await delay(5);
    thread.cancel();
    await assert.rejects(thread.join(), isCancelled);
  });

  test('an AbortError of somebody else is a failure', async () => {
    const thread = spawn(async () => { await delay(60_000, undefined, { signal: AbortSignal.timeout(1) }); });
    await assert.rejects(thread.join(), { name: 'AbortError' });
    assert.equal(thread.status, 'failed');
  });
});

describe('a failure that nobody joins', () => {
  test('is warned of once, with name and stack', async () => {
    const messages = await warningsOf(async () => { spawn(function alone() { throw new RangeError('lost'); }); await delay(5); });
    assert.equal(messages.length, 1);
    assert.match(messages[0] as string, /alone.*RangeError: lost\n +at /s);
  });

  test('is not, when somebody joins in the same turn, when it is detached, or when it was cancelled', async () => {
    const messages = await warningsOf(async () => {
      const fails = (): never => { throw new Error('x'); };
      await assert.rejects(spawn(fails).join());
      spawn(fails).detach();
      const { promise: ending, resolve: ends } = Promise.withResolvers<void>();
      const ended = spawn(() => { ends(); throw new Error('x'); });
      await ending;
      assert.equal(ended.status, 'failed');
      await assert.rejects(ended.join());
      spawn(async () => { await sleep(60_000); }).cancel();
      const cancelled = spawn(async () => { await sleep(60_000); });
      await blocked(cancelled);
      cancelled.cancel();
      await delay(5);
    });
    assert.deepEqual(messages, []);
  });
});

describe('wait', () => {
  test('settles with what its primitive says', async () => {
    const thread = bareThread();
    assert.equal(await thread.wait<number>((resolve) => { setTimeout(resolve, 1, 5); return () => { /* not stopped */ }; }), 5);
    await assert.rejects(thread.wait((_, reject) => { setTimeout(reject, 1, new Error('no')); return () => { /* not stopped */ }; }), /no/);
  });

  test('stops its primitive and rejects when the thread is cancelled', async () => {
    const thread = bareThread();
    let stopped = 0;
    const wait = thread.wait(() => () => { stopped++; });
    thread.cancel();
    await assert.rejects(wait, isCancelled);
    assert.equal(stopped, 1);
  });

  test('that is over is not stopped by a later cancellation, and does not swallow it', async () => {
    for (const settle of ['at once', 'later']) {
      const thread = bareThread();
      let stopped = 0;
      const wait = thread.wait<number>((resolve) => { if (settle === 'at once') resolve(1); else setTimeout(resolve, 1, 1); return () => { stopped++; }; });
      assert.equal(await wait, 1);
      thread.cancel();
      assert.equal(stopped, 0);
      await assert.rejects(thread.wait(() => () => { /* never begun */ }), isCancelled, settle);
    }
  });

  test('after the cancellation has been delivered begins as ever', async () => {
    const thread = bareThread();
    thread.cancel();
    await assert.rejects(thread.wait(() => () => { /* never begun */ }), isCancelled);
    assert.equal(await thread.wait<number>((resolve) => { resolve(2); return () => { /* over */ }; }), 2);
  });
});

function timeouts(): number { return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length; }
