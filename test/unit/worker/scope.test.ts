import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import * as fc from 'fast-check';
import { describe, test } from 'vitest';
import { directOf, SUSPENDED } from '../../../packages/worker/src/suspended.ts';
import { Channel, Condition, current, Mutex, scope, shield, sleep, spawn, ThreadLocal, withDeadline, yieldNow, type Scope, type Thread } from '../../../packages/worker/src/thread-api.ts';
import { settle } from './sync/rig.ts';

const code = (name: string) => (error: unknown): boolean => (error as { code?: unknown }).code === name;

describe('scope', () => {
  test('ends when its last thread has, and gives what its body gave', async () => {
    const log: string[] = [];
    const { promise: quick, resolve: quickEnds } = Promise.withResolvers<void>();
    const result = await scope(async (s) => {
      s.spawn(async () => { await quick; await sleep(4); log.push('slow'); s.spawn(async () => { await sleep(2); log.push('slower'); }); });
      s.spawn(() => { log.push('quick'); quickEnds(); });
      return 'body';
    });
    assert.equal(result, 'body');
    assert.deepEqual(log, ['quick', 'slow', 'slower']);
  });

  test('the first failure cancels the rest and is thrown when the last has ended; others are attached', async () => {
    const log: string[] = [];
    const first = new RangeError('first');
    await assert.rejects(scope(async (s) => {
      s.spawn(async () => { try { await sleep(60_000); } finally { await sleep(3); log.push('cleaned'); } });
      s.spawn(async () => { try { await sleep(60_000); } catch { throw new TypeError('second'); } });
      s.spawn(async () => { await sleep(1); throw first; });
      try { await sleep(60_000); } finally { log.push('body'); }
    }), (error) => error === first && (error as { others?: Error[] }).others?.map(({ message }) => message).join() === 'second');
    assert.deepEqual(log, ['body', 'cleaned']);
  });

  test('a body that fails cancels its threads', async () => {
    let thread: Thread | undefined;
    await assert.rejects(scope((s) => { thread = s.spawn(async () => { await sleep(60_000); }); throw new Error('body'); }), /body/);
    assert.equal(thread?.status, 'cancelled');
  });

  test('its deadline reaches every child and every kind of wait', async () => {
    const [mutex, channel, full] = [new Mutex(), new Channel<number>(), new Channel<number>()];
    const held = await mutex.lock();
    const codes: unknown[] = [];
    const note = async (wait: () => Promise<unknown>): Promise<void> => { try { await wait(); } catch (error) { codes.push((error as { code: unknown }).code); throw error; } };
    await assert.rejects(scope(async (s) => {
      for (const wait of [() => sleep(60_000), () => mutex.lock(), () => channel.recv(), () => full.send(1), () => spawn(async () => { await sleep(60_000); }).join()]) s.spawn(note, wait);
      s.spawn(async () => { await delay(60_000, undefined, { signal: current().signal }); });
      s.spawn(function* (): Generator<unknown> { yield sleep(60_000); });
    }, { deadlineMs: 250 }), code('CAP_ERR_DEADLINE'));
    assert.deepEqual(codes, Array.from({ length: 5 }, () => 'CAP_ERR_DEADLINE'));
    held[Symbol.dispose]();
    assert.equal(mutex.isLocked, false);
  });

  test('whoever calls it is cancelled: so are all of its threads, and he is told when they have ended', async () => {
    for (const form of ['native', 'direct']) {
      const log: string[] = [];
      const body = async (s: Scope): Promise<void> => {
        s.spawn(async () => { try { await sleep(60_000); } finally { await sleep(2); log.push('child'); } });
        try { await sleep(60_000); } finally { await sleep(1); log.push('body'); }
      };
      const thread = form === 'native' ? spawn(async () => { try { await scope(body); } finally { log.push('caller'); } })
        : spawn(function* (): Generator<unknown, void, unknown> { try { if (directOf(scope as (body: (s: Scope) => unknown) => Promise<unknown>)(body) === SUSPENDED) yield SUSPENDED; } finally { log.push('caller'); } });
      await settle();
      thread.cancel('why');
      await assert.rejects(thread.join(), (error) => code('CAP_ERR_CANCELLED')(error) && (error as Error).cause === 'why');
      assert.deepEqual(log, ['body', 'child', 'caller'], form);
      assert.equal(thread.status, 'cancelled');
    }
  });

  test('whoever calls it is cancelled, and its body ends well all the same: he has its result, and is told at his next wait', async () => {
    const log: string[] = [];
    const thread = spawn(async () => {
      log.push(await scope(async () => { await sleep(60_000).catch(() => { /* it does not mind */ }); return 'well'; }));
      try { await sleep(1); log.push('went on'); } finally { await sleep(1); log.push('cleaned'); }
    });
    await settle();
    thread.cancel();
    await assert.rejects(thread.join(), code('CAP_ERR_CANCELLED'));
    assert.deepEqual(log, ['well', 'cleaned']);
  });

  test('no child outlives it, whatever fails, waits, or is cancelled', async () => {
    type Plan = { readonly act: 'ends' | 'fails' | 'waits' | 'lingers' | 'survives'; readonly nested: boolean; readonly children: readonly Plan[] };
    const plan = (depth: number): fc.Arbitrary<Plan> => fc.record({
      act: fc.constantFrom<Plan['act'][]>('ends', 'ends', 'ends', 'waits', 'lingers', 'survives', 'fails'), nested: fc.boolean(),
      children: depth === 0 ? fc.constant([]) : fc.array(plan(depth - 1), { maxLength: 3, size: 'max' }),
    });
    await fc.assert(fc.asyncProperty(plan(3), fc.option(fc.integer({ min: 0, max: 4 })), async (root, cancelAfter) => {
      let [begun, over] = [0, 0];
      const run = async (s: Scope, { act, nested, children }: Plan): Promise<void> => {
        begun++;
        try {
          if (nested) await scope(async (inner) => { for (const child of children) inner.spawn(run, inner, child); });
          else for (const child of children) s.spawn(run, s, child);
          if (act === 'fails') { await yieldNow(); throw new Error('planned'); }
          if (act === 'waits') await sleep(3);
          if (act === 'survives') await sleep(3).catch(() => { /* goes on */ });
        } finally {
          try { if (act === 'lingers') await sleep(2); } finally { over++; }   // the first wait of a cancelled thread throws, here too
        }
      };
      const caller = spawn(async () => {
        const inside = await scope(async (s) => { await run(s, root); }).then(() => 'ended', (error: unknown) => error);
        assert.equal(over, begun);
        return inside;
      });
      if (cancelAfter !== null) { await delay(cancelAfter); caller.cancel(); }
      const outcome = await caller.join().catch((error: unknown) => { assert.ok(code('CAP_ERR_CANCELLED')(error), String(error)); });
      assert.equal(over, begun);
      void outcome;
    }), { numRuns: Number(process.env['FC_RUNS'] ?? 60) });
  });

  test('has ended, it starts nothing; cancelled, what it starts is cancelled', async () => {
    let kept: Scope | undefined;
    await scope((s) => { kept = s; });
    assert.throws(() => kept?.spawn(() => 1), code('CAP_ERR_CLOSED'));
    let late: Thread | undefined;
    await assert.rejects(scope(async (s) => { s.cancel(); late = s.spawn(() => 1); await sleep(1); }), code('CAP_ERR_CANCELLED'));
    assert.equal(late?.status, 'cancelled');
  });

  test('its body does a part of the caller’s work: thread-locals and locks are the caller’s', async () => {
    const local = new ThreadLocal<string>();
    const mutex = new Mutex();
    const condition = new Condition(mutex);
    await spawn(async () => {
      local.set('caller');
      using held = await mutex.lock();
      void held;
      await assert.rejects(withDeadline(3, () => condition.wait()), code('CAP_ERR_DEADLINE'));
      await scope(async (s) => { assert.equal(local.get(), 'caller'); local.set('body'); assert.equal(await s.spawn(() => local.get()).join(), undefined); });
      assert.equal(local.get(), 'body');
    }).join();
    assert.equal(mutex.isLocked, false);
  });

  test('refuses what makes no sense', async () => {
    await assert.rejects(scope(5 as never), code('CAP_ERR_OPTION'));
    await assert.rejects(scope(() => 1, { deadlineMs: -1 }), code('CAP_ERR_OPTION'));
    await assert.rejects(scope(() => 1, 5 as never), code('CAP_ERR_OPTION'));
    await assert.rejects(scope((s) => { s.spawn(5 as never); }), code('CAP_ERR_OPTION'));
  });
});

describe('withDeadline', () => {
  test('gives the result of what ends in time, of functions of every kind', async () => {
    assert.deepEqual(await Promise.all([withDeadline(1000, () => 1), withDeadline(1000, async () => 2), withDeadline(1000, function* (): Generator<unknown, number> { yield; return 3; })]), [1, 2, 3]);
  });
  test('rejects when finally blocks are over, and the thread itself goes on', async () => {
    const log: string[] = [];
    await spawn(async () => {
      await assert.rejects(withDeadline(2, async () => { try { await sleep(60_000); } finally { await sleep(2); log.push('cleaned'); } }), code('CAP_ERR_DEADLINE'));
      await sleep(1);
      log.push('goes on');
    }).join();
    assert.deepEqual(log, ['cleaned', 'goes on']);
  });
  test('the nearest of nested ones counts', async () => {
    await assert.rejects(withDeadline(2, () => withDeadline(60_000, () => sleep(60_000))), { code: 'CAP_ERR_DEADLINE', message: /within 2 ms/ });
    assert.equal(await withDeadline(60_000, () => withDeadline(2, () => sleep(60_000)).catch(() => 'inner')), 'inner');
  });
});

describe('shield', () => {
  test('what is behind it runs to its end; the caller is told at its next wait', async () => {
    for (const form of ['native', 'direct']) {
      const log: string[] = [];
      const behind = async (): Promise<string> => { await sleep(5); log.push('behind'); return 'kept'; };
      const thread = form === 'native'
        ? spawn(async () => { log.push(await shield(behind)); await sleep(60_000); log.push('no'); })
        : spawn(function* (): Generator<unknown, void, unknown> { log.push((yield directOf(shield as (fn: () => unknown) => Promise<unknown>)(behind)) as string); yield sleep(60_000); log.push('no'); });
      await settle();
      thread.cancel();
      await assert.rejects(thread.join(), code('CAP_ERR_CANCELLED'));
      assert.deepEqual(log, ['behind', 'kept'], form);
    }
  });
});

describe('await using', () => {
  test('a thread is cancelled at the end of the block, and has ended', async () => {
    const log: string[] = [];
    let kept: Thread | undefined;
    {
      await using thread = kept = spawn(async () => { try { await sleep(60_000); } finally { await sleep(1); log.push('cleaned'); } });
      await settle();
      assert.equal(thread.status, 'blocked');
    }
    assert.deepEqual([log, kept.status], [['cleaned'], 'cancelled']);
  });
  test('a failure that nobody has been told of is thrown there', async () => {
    await assert.rejects(async () => { await using thread = spawn(() => { throw new RangeError('unseen'); }); await settle(); void thread; }, /unseen/);
    { await using thread = spawn(() => { throw new RangeError('seen'); }); await assert.rejects(thread.join(), /seen/); }
  });
});
