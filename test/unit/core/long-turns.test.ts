/** A worker that computes on and on keeps nobody waiting who could be run elsewhere. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { createPool, type Pool } from 'capriccio';
import { onTestFinished, test } from 'vitest';
import { fixture } from './rig.ts';
import { quiet } from './serve-rig.ts';

type Tasks = Record<'work' | 'other' | 'loaded', (flag?: Int32Array) => Promise<boolean>>;
async function twoWorkers(options = {}): Promise<{ pool: Pool; tasks: Tasks }> {
  const pool = await createPool({ cores: 2, ...quiet, ...options });
  onTestFinished(() => pool.close({ graceMs: 0 }));
  return { pool, tasks: pool.module<typeof import('../../fixtures/core/holds.ts')>(fixture('holds.ts')) };
}
const flagOf = (): Int32Array => new Int32Array(new SharedArrayBuffer(4));

test('what was taken together with an endless one runs elsewhere', async () => {
  const { tasks } = await twoWorkers({ lanes: 'off' });
  for (let round = 0; round < 12; round++) {
    await Promise.all(Array.from({ length: 2000 }, () => tasks.work()));   // so tiny that a worker takes many at a time
    await delay(round % 4 * 20);                                        // asleep, or not
    const flag = flagOf();
    const endless = tasks.work(flag);
    const others = Array.from({ length: 15 }, () => tasks.work());
    await Promise.all(others);
    Atomics.store(flag, 0, 1);
    assert.equal(await endless, true, 'the others waited until it gave up');
  }
});

test('the first call of a function whose module is there waits for nothing', async () => {
  for (let round = 0; round < 3; round++) {
    const { tasks, pool } = await twoWorkers();
    await Promise.all(Array.from({ length: 8 }, () => tasks.loaded()));
    const flag = flagOf();
    const other = tasks.other();
    const endless = tasks.work(flag);
    await other;
    Atomics.store(flag, 0, 1);
    assert.equal(await endless, true, 'the other waited until it gave up');
    await pool.close();
  }
});
