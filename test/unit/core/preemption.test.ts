/** Preemption in a pool's worker: who computes gives way where it is marked or proved, and nowhere else; contexts and cancellation across it; `quantumUs`. */
import assert from 'node:assert/strict';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPool, type Pool } from 'capriccio';

const url = new URL('../../fixtures/compiler/heavy.ts', import.meta.url);
type Heavy = typeof import('../../fixtures/compiler/heavy.ts');
const ALONE = { cores: 1, spares: 0, lanes: 'off' } as const;
/** Some 50 ms. */
const TURNS = 30_000_000;

let pool: Pool;
beforeAll(async () => { pool = await createPool(ALONE); });
afterAll(async () => { await pool.close(); });
const tasks = (of: Pool = pool): ReturnType<typeof pool.module<Heavy>> => of.module<Heavy>(url);
const words = (): SharedArrayBuffer => new SharedArrayBuffer(64);

const oneMs = (): Promise<void> => new Promise((resolve) => { setTimeout(resolve, 1); });

/** Calls something light when something heavy has begun. @returns who ended first */
async function orderOf(of: Pool, turns: number, inPublic: boolean): Promise<string[]> {
  const order: string[] = [];
  const shared = words();
  await tasks(of).nothing();
  const heavy = tasks(of).counts(shared, turns, inPublic).then(() => order.push('heavy'));
  while (Atomics.load(new Int32Array(shared), 0) === 0) await oneMs();
  await Promise.all([heavy, tasks(of).nothing().then(() => order.push('light'))]);
  return order;
}

describe('one worker', () => {
  test('a marked loop, and a marked recursion, let others run', async () => {
    const shared = words();
    const both = [tasks().computesUntil(shared, 0), tasks().recursesUntil(shared, 0)];
    await tasks().raise(shared, 0);
    const [computed, found] = await Promise.all(both);
    assert.equal(computed, true);
    assert.ok((found as number) > 0);
  });

  test('the async context and the thread are the same after it', async () => {
    const shared = words();
    const both = ['a', 'b'].map((name) => tasks().keepsContext(shared, 0, name));
    while (Atomics.load(new Int32Array(shared), 1) < 2) await oneMs();
    await tasks().raise(shared, 0);
    assert.deepEqual(await Promise.all(both), [['a', true, 'a', true], ['b', true, 'b', true]]);
  });

  test('a cancellation reaches a marked loop, and clean-up may wait', async () => {
    const shared = words();
    const seen = new Int32Array(shared);
    const thread = tasks().spinsUntilCancelled.spawn(shared);
    while (Atomics.load(seen, 0) === 0) await oneMs();
    thread.cancel('enough');
    await assert.rejects(thread.join(), { code: 'CAP_ERR_CANCELLED' });
    assert.equal(seen[2], 1);
  });

  test('who has begun and touches nothing gives way; who touches what others see does not', async () => {
    expect(await orderOf(pool, TURNS, false)).toEqual(['light', 'heavy']);
    expect(await orderOf(pool, TURNS, true)).toEqual(['heavy', 'light']);
  });

  test('quantumUs: not before it is over', async () => {
    await using patient = await createPool({ ...ALONE, quantumUs: 1_000_000 });
    expect(await orderOf(patient, TURNS / 4, false)).toEqual(['heavy', 'light']);
  });
});

test('results are those of native code', async () => {
  await using native = await createPool({ ...ALONE, compile: false });
  assert.equal(await tasks().count(1_000_003), await tasks(native).count(1_000_003));
});
