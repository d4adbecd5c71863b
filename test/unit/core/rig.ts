/** What the tests of the real pool share: pools that are closed whatever happens, rejections as values, and waits with a bound. */
import assert from 'node:assert/strict';
import type { Worker } from 'node:worker_threads';
import { setTimeout as delay } from 'node:timers/promises';
import { createPool, type Pool, type PoolOptions } from 'capriccio';
import { onTestFinished } from 'vitest';

/** A fixture of test/fixtures/core. */
export const fixture = (name: string): URL => new URL(`../../fixtures/core/${name}`, import.meta.url);

/** A worker of a pool, and not its conductor thread. */
export const isOfFront = (worker: Worker): boolean => /-\d+$/.test(worker.threadName ?? '');

/** A pool of one test, closed at its end. */
export async function poolFor(options: number | PoolOptions): Promise<Pool> {
  const pool = await createPool({ audit: true, ...typeof options === 'number' ? { cores: options } : options });
  onTestFinished(async ({ task }) => {
    const close = (): Promise<void> => pool.close({ graceMs: 0 });
    await (task.result?.state === 'fail' ? abandoningCalls(close) : close());
  });
  return pool;
}

/**
 * A test that failed in the middle awaits none of the calls that it left. They reject as its pool closes, and would count as errors of the whole run,
 * though the test's second try passes: here, and in failed tests alone, nobody is asked to handle them.
 */
async function abandoningCalls(close: () => Promise<void>): Promise<void> {
  const others = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection');
  process.on('unhandledRejection', (reason, promise) => {
    if ((reason as Failure | undefined)?.code !== 'CAP_ERR_CLOSED') for (const other of others) other(reason, promise);
  });
  try {
    await close();
    await delay(0);                                                      // rejections are told of after the turn
  } finally {
    process.removeAllListeners('unhandledRejection');
    for (const other of others) process.on('unhandledRejection', other);
  }
}

export type Failure = Error & { code?: unknown; started?: boolean; cause?: unknown } & Record<string, unknown>;

/** What the promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<Failure> {
  try {
    const value = await soon(promise, 'a rejection');
    return assert.fail(`it was fulfilled with ${String(value)}`);
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error;
    return error as Failure;
  }
}

/** What the function throws. */
export function thrown(fn: () => unknown): Failure {
  try { fn(); } catch (error) { return error as Failure; }
  return assert.fail('it did not throw');
}

/** The promise, with a bound so generous that only a hang meets it. */
export async function soon<T>(promise: Promise<T>, what = 'the promise', ms = 15_000): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => { reject(new assert.AssertionError({ message: `${what} did not come within ${ms} ms` })); }, ms);
  try { return await Promise.race([promise, late]); } finally { clearTimeout(timer); }
}

/** Waits until something is so; fails after a bound that only a hang meets. */
export async function until(isSo: () => boolean | Promise<boolean>, what = 'it', ms = 15_000): Promise<void> {
  const end = performance.now() + ms;
  while (!await isSo()) {
    if (performance.now() > end) assert.fail(`${what} was not so within ${ms} ms`);
    await delay(5);
  }
}
