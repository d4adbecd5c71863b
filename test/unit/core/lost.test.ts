/** A worker that dies takes with it what ran there and nothing else: the rest runs elsewhere, the callers are told, the pool is whole again. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Worker } from 'node:worker_threads';
import { NAMES_COUNT, SLOTS_TOUCHED } from '@capriccio/shared';
import { createPool, type Pool, type PoolOptions, type Remote } from 'capriccio';
import { describe, onTestFinished, test } from 'vitest';
import { fixture, isOfFront, poolFor, rejection, soon, until, type Failure } from './rig.ts';

type Deadly = typeof import('../../fixtures/core/deadly.ts');

interface Scene { pool: Pool; deadly: Remote<Deadly>; lost: { id: number; code: number; reason: string }[]; came: { id: number; replaced: boolean }[]; workers: Worker[]; shared: SharedArrayBuffer; seen(index?: number): number }
async function scene(options: PoolOptions): Promise<Scene> {
  const workers: Worker[] = [];
  const note = (worker: Worker): void => { if (isOfFront(worker)) workers.push(worker); };
  process.on('worker', note);
  onTestFinished(() => { process.off('worker', note); });
  const pool = await poolFor({ spares: 0, ...options });
  const lost: Scene['lost'] = [];
  const came: Scene['came'] = [];
  pool.on('lost', (event) => { lost.push(event); });
  pool.on('worker', (event) => { came.push(event); });
  const shared = new SharedArrayBuffer(64);
  return { pool, deadly: pool.module<Deadly>(fixture('deadly.ts')), lost, came, workers, shared, seen: (index = 0) => Atomics.load(new Int32Array(shared), index) };
}
const isLost = (error: Failure, started: boolean): void => {
  assert.equal(error.code, 'CAP_ERR_WORKER_LOST', error.stack ?? '');
  assert.equal(error.started, started, error.message);
  assert.equal(error.name, 'CapriccioError');
};
async function isWhole({ pool, deadly }: Scene): Promise<void> {
  await until(() => pool.health().status === 'ok', 'a pool that is whole');
  assert.equal(typeof await soon(deadly.where(), 'a call after'), 'number');
  assert.equal(pool.stats().calls.outstanding, 0);
}

describe('the call that ran rejects, started, and another worker comes', () => {
  test.each([
    ['exits', /exited with code 3/], ['exitsLater', /exited with code 4/], ['throwsFromTimer', /RangeError: thrown by a timer/],
    ['rejectsUnhandled', /RangeError: nobody handles this/], ['throwsFromEvent', /RangeError: thrown by a microtask/],
  ] as const)('%s', async (name, reason) => {
    const here = await scene({ cores: 1 });
    const error = await rejection((here.deadly[name] as (...args: unknown[]) => Promise<unknown>)(...name === 'exits' ? [] : name === 'exitsLater' ? [5] : []));
    isLost(error, true);
    assert.match(error.message, new RegExp(`deadly\\.ts#${name}`));
    assert.match(error.message, /idempotent/);
    await isWhole(here);
    assert.equal(here.lost.length, 1);
    assert.match(here.lost[0]!.reason, reason);
    assert.deepEqual(here.came.map(({ replaced }) => replaced), [true]);
    assert.equal(here.pool.stats().lost, 1);
  });

  test('of an error that nobody caught, and nobody listens: a warning with its stack', async () => {
    const pool = await poolFor({ cores: 1, spares: 0 });
    const warnings: Error[] = [];
    pool.on('warning', (warning) => { warnings.push(warning); });
    isLost(await rejection(pool.module<typeof import('../../fixtures/core/deadly.ts')>(fixture('deadly.ts')).throwsFromTimer()), true);
    await until(() => warnings.length > 0, 'the warning');
    assert.match(warnings[0]?.message ?? '', /^worker \d+ died of what nobody caught, and another takes its place: RangeError: thrown by a timer\n {4}at .*deadly\.ts:/);
  });

  test('out of memory', async () => {
    const here = await scene({ cores: 1, resourceLimits: { maxOldGenerationSizeMb: 24, maxYoungGenerationSizeMb: 4 } });
    isLost(await rejection(here.deadly.eatsMemory()), true);
    await isWhole(here);
    assert.match(here.lost[0]!.reason, /memory/);
  });

  test('terminated from outside: while idle, while it computes, while it waits', async () => {
    const here = await scene({ cores: 1 });
    await here.deadly.where();
    await here.workers[0]!.terminate();
    await isWhole(here);
    const computing = rejection(here.deadly.endless(here.shared));
    await until(() => here.seen() === 1, 'the loop having begun');
    await here.workers[1]!.terminate();
    isLost(await computing, true);
    await isWhole(here);
    const waiting = rejection(here.deadly.waits(here.shared));
    await until(() => here.seen() === 2, 'the wait having begun');
    await here.workers[2]!.terminate();
    isLost(await waiting, true);
    await isWhole(here);
    assert.equal(here.pool.stats().lost, 3);
  });

  test('a task that cleans up by exiting', async () => {
    const here = await scene({ cores: 1 });
    const thread = here.deadly.exitsInFinally.spawn();
    await until(() => thread.status === 'running', 'it running');
    thread.cancel();
    const error = await rejection(thread.join());
    assert.ok(error.code === 'CAP_ERR_CANCELLED' || error.code === 'CAP_ERR_WORKER_LOST', String(error.code));
    await isWhole(here);
  });

  test('one that dies after its task has ended: the result had left', async () => {
    const here = await scene({ cores: 1 });
    assert.equal(await here.deadly.diesAfterwards(), 'ended well');
    await until(() => here.lost.length === 1, 'the death');
    await isWhole(here);
  });
});

test.each([
  ['the count of its names', NAMES_COUNT, -7, /the count of its names is -7 \(word \d+\)/],
  ['the count of its slots', SLOTS_TOUCHED, 1 << 29, /the count of slots it has used is 536870912 \(word \d+\)/],
] as const)('a worker that writes over %s is found, named and replaced, and nobody else', async (_, offset, value, what) => {
  const here = await scene({ cores: 2 });
  const warnings: string[] = [];
  here.pool.on('warning', ({ message }) => { warnings.push(message); });
  await here.deadly.where();
  await delay(300);                                                      // the conductor has started
  const error = await rejection(here.deadly.corrupts(offset, value));
  isLost(error, true);
  assert.match(warnings[0]!, what);
  assert.match(warnings[0]!, /^the shared memory of worker \d is corrupt: .*; it is replaced$/);
  await isWhole(here);
  await delay(100);                                                      // what it has left is looked at until it is at rest
  assert.deepEqual([here.lost.length, warnings.length], [1, 1]);
});

describe('neighbours', () => {
  test('on the same worker, that cannot go on, are told', async () => {
    const here = await scene({ cores: 1 });
    const neighbours = Array.from({ length: 20 }, () => rejection(here.deadly.waits(here.shared)));
    await until(() => here.seen() === 20, 'all having begun');
    isLost(await rejection(here.deadly.exits()), true);
    for (const error of await Promise.all(neighbours)) isLost(error, true);
    await isWhole(here);
  });

  test('on other workers notice nothing', async () => {
    const here = await scene({ cores: 2 });
    const ids = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map(async (key) => [key, await here.deadly.where.with({ affinity: key })()] as const));
    const first = ids[0]![1];
    const other = ids.find(([, id]) => id !== first);
    assert.ok(other !== undefined, 'all keys chose one worker');
    const survivors = Array.from({ length: 10 }, () => here.deadly.waits.with({ affinity: other[0] })(here.shared, 300));
    await until(() => here.seen() === 10, 'all having begun');
    isLost(await rejection(here.deadly.exits.with({ affinity: 'a' })()), true);
    assert.deepEqual(await Promise.all(survivors), Array.from({ length: 10 }, () => 'waited'));
    await isWhole(here);
  });
});

describe('what had not begun runs elsewhere', () => {
  test('each once', async () => {
    const here = await scene({ cores: 1 });
    await here.deadly.where();
    const dying = rejection(here.deadly.exits());
    const others = Array.from({ length: 500 }, () => here.deadly.marks(here.shared, 3));
    isLost(await dying, true);
    assert.equal((await soon(Promise.all(others))).length, 500);
    assert.equal(here.seen(3), 500);
    await isWhole(here);
  });
  test('of many functions, with arguments of every way to travel', async () => {
    const here = await scene({ cores: 1 });
    await here.deadly.where();
    const dying = rejection(here.deadly.exits());
    const results = await soon(Promise.all([
      here.deadly.marks(here.shared, 5), here.deadly.lengthOf(new Uint8Array(100_000)), here.deadly.lengthOf(new Uint8Array(20 * 2 ** 20)), here.deadly.bytesOf(new Blob(['four'])),
      here.deadly.marks.with({ affinity: 'k' })(here.shared, 6), here.deadly.marks.with({ deadlineMs: 20_000 })(here.shared, 7), here.deadly.marks.spawn(here.shared, 8).join(),
    ]));
    isLost(await dying, true);
    assert.deepEqual(results, [5, 100_000, 20 * 2 ** 20, 4, 6, 7, 8]);
    for (const index of [5, 6, 7, 8]) assert.equal(here.seen(index), 1);
    await isWhole(here);
  });
  test('placed behind a task that computes', async () => {
    const here = await scene({ cores: 1 });
    const computing = rejection(here.deadly.endless(here.shared));
    await until(() => here.seen() === 1, 'the loop having begun');
    const blob = here.deadly.bytesOf(new Blob(['four']));
    const big = here.deadly.lengthOf(new Uint8Array(20 * 2 ** 20));
    const keyed = here.deadly.marks.with({ affinity: 1 })(here.shared, 4);
    const buffer = new ArrayBuffer(8);
    const moved = rejection(here.deadly.lengthOf.with({ transfer: [buffer] })(buffer));
    await here.workers[0]!.terminate();
    isLost(await computing, true);
    assert.deepEqual(await soon(Promise.all([blob, big, keyed])), [4, 20 * 2 ** 20, 4]);
    isLost(await moved, false);                                          // what was moved is gone: safe to call again, with another
    await isWhole(here);
  });
  test('what is given to a dead worker while nobody knows it yet', async () => {
    const here = await scene({ cores: 1 });
    await here.deadly.where();
    const dead = here.workers[0]!.terminate();
    const results = Array.from({ length: 50 }, (_, k) => (k % 2 === 0 ? here.deadly.marks : here.deadly.marks.with({ affinity: k }))(here.shared, k % 16));
    assert.deepEqual(await soon(Promise.all(results)), Array.from({ length: 50 }, (_, k) => k % 16));
    await dead;
    await isWhole(here);
  });
});

describe('idempotent calls', () => {
  test('that had begun run again', async () => {
    const here = await scene({ cores: 1 });
    assert.equal(await soon(here.deadly.exitsUntil.with({ idempotent: true })(here.shared, 1)), 2);
    assert.equal(here.pool.stats().lost, 1);
    await isWhole(here);
  });
  test('but what has ended two workers is quarantined, and the reason told', async () => {
    const here = await scene({ cores: 1 });
    const error = await rejection(here.deadly.exitsUntil.with({ idempotent: true })(here.shared, 1000));
    isLost(error, true);
    assert.match(error.message, /\(it exited with code 7\); .*quarantined and not tried again/);
    assert.equal(here.seen(), 2);
    assert.equal(here.pool.stats().lost, 2);
    await isWhole(here);
  });
  test("and not at all with onWorkerLost: 'reject'", async () => {
    const here = await scene({ cores: 1, onWorkerLost: 'reject' });
    isLost(await rejection(here.deadly.exitsUntil.with({ idempotent: true })(here.shared, 1000)), true);
    assert.equal(here.seen(), 1);
    await isWhole(here);
  });
  test('those that only waited there are tried again up to three times', async () => {
    const here = await scene({ cores: 1 });
    const waiting = rejection(here.deadly.waits.with({ idempotent: true })(here.shared));
    for (let k = 1; k <= 4; k++) {
      await until(() => here.seen() === k, `run ${k}`);
      await delay(50);                                                   // it waits, and has no processor
      await here.workers[k - 1]!.terminate();
    }
    const error = await waiting;
    isLost(error, true);
    assert.match(error.message, /it was tried 4 times/);
  });
  test('as neighbours: they run again, others are told', async () => {
    const here = await scene({ cores: 1 });
    const again = Array.from({ length: 10 }, () => here.deadly.waits.with({ idempotent: true })(here.shared, 30));
    const told = Array.from({ length: 10 }, () => rejection(here.deadly.waits(here.shared)));
    await until(() => here.seen() >= 20, 'all having begun');
    await here.workers[0]!.terminate();
    for (const error of await Promise.all(told)) isLost(error, true);
    assert.deepEqual(await soon(Promise.all(again)), Array.from({ length: 10 }, () => 'waited'));
    await isWhole(here);
  });
});

describe('calls between workers', () => {
  test('a thread whose child was lost is told, and goes on', async () => {
    const here = await scene({ cores: 2 });
    assert.equal(await soon(here.deadly.survivesChild(here.shared)), 'CAP_ERR_WORKER_LOST true in survivesChild');
    await isWhole(here);
  });
  test('its idempotent child runs again', async () => {
    const here = await scene({ cores: 2 });
    assert.equal(await soon(here.deadly.retriesChild(here.shared)), 2);
    await isWhole(here);
  });
  test('children of a thread that was lost are asked to stop, or never begin', async () => {
    const here = await scene({ cores: 2 });
    isLost(await rejection(here.deadly.orphans(here.shared, 12)), true);
    assert.ok(here.seen(1) > 0, 'no child began on the other core');
    await until(() => here.seen(1) === here.seen(2), 'all that began having cleaned up');
    await isWhole(here);
    assert.equal(here.seen(1), here.seen(2));
    await until(() => here.pool.stats().workers.every(({ threads }) => threads === 0), 'no thread being left');
  });
});

describe('modules and starts', () => {
  test('a module that ends whoever loads it: its calls reject, the pool lives', async () => {
    const here = await scene({ cores: 1 });
    here.pool.on('warning', () => { /* a death at a start may be told of */ });
    const { never } = here.pool.module<{ never(): void }>(fixture('exits-at-import.ts'));
    const error = await rejection(never());
    isLost(error, false);
    assert.match(error.message, /exits-at-import\.ts#never/);
    await isWhole(here);
  });

  test('a worker that dies at its start: createPool rejects', async () => {
    const error = await rejection(createPool({ cores: 2, execArgv: ['--conditions=capriccio-source', '--import', fixture('dies-at-start.mjs').href] }));
    isLost(error, false);
    assert.match(error.message, /before it was ready.*code 11/);
  });

  test('replacements that die at their start are tried again until one lives; what waits is answered', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'capriccio-'));
    onTestFinished(() => { rmSync(folder, { recursive: true }); });
    const file = join(folder, 'there');
    const here = await scene({ cores: 1, env: { ...process.env, DIES_IF_THERE: file }, execArgv: ['--conditions=capriccio-source', '--import', fileURLToPath(fixture('dies-if-there.mjs'))] });
    const warnings: Error[] = [];
    here.pool.on('warning', (warning) => { warnings.push(warning); });
    writeFileSync(file, '');
    isLost(await rejection(here.deadly.exits()), true);
    const waiting = [here.deadly.marks(here.shared, 2), here.deadly.marks.with({ affinity: 1 })(here.shared, 3)];
    const late = await rejection(here.deadly.marks.with({ deadlineMs: 20 })(here.shared, 4));
    assert.equal(late.code, 'CAP_ERR_DEADLINE');
    await until(() => warnings.length >= 2, 'warnings');
    assert.match(warnings[0]!.message, /died before it was ready.*code 10/);
    assert.equal(here.pool.health().status, 'degraded');
    rmSync(file);
    assert.deepEqual(await soon(Promise.all(waiting)), [2, 3]);
    await isWhole(here);
    assert.equal(here.seen(4), 0);
  });

  test('replacements that hang at their start are given up and tried again until one comes', { timeout: 60_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'capriccio-'));
    onTestFinished(() => { rmSync(folder, { recursive: true }); });
    const file = join(folder, 'there');
    const here = await scene({ cores: 1, spares: 0, startMs: 3000, env: { ...process.env, HANGS_IF_THERE: file }, execArgv: ['--conditions=capriccio-source', '--import', fileURLToPath(fixture('hangs-if-there.mjs'))] });
    const warnings: Error[] = [];
    here.pool.on('warning', (warning) => { warnings.push(warning); });
    writeFileSync(file, '');
    isLost(await rejection(here.deadly.exits()), true);
    const waiting = here.deadly.marks(here.shared, 2);
    await until(() => warnings.length > 0, 'a warning');
    assert.match(warnings[0]!.message, /died before it was ready \(it was not ready within 3000 ms\); the next is started in \d+ ms/);
    rmSync(file);
    assert.equal(await soon(waiting), 2);
    await isWhole(here);
  });

  test('close() ends a pool whose workers do not come back', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'capriccio-'));
    onTestFinished(() => { rmSync(folder, { recursive: true }); });
    const file = join(folder, 'there');
    const here = await scene({ cores: 1, env: { ...process.env, DIES_IF_THERE: file }, execArgv: ['--conditions=capriccio-source', '--import', fileURLToPath(fixture('dies-if-there.mjs'))] });
    here.pool.on('warning', () => { /* expected */ });
    writeFileSync(file, '');
    isLost(await rejection(here.deadly.exits()), true);
    const waiting = rejection(here.deadly.marks(here.shared));
    await here.pool.close({ graceMs: 50 });
    assert.equal((await waiting).code, 'CAP_ERR_CLOSED');
  });
});

test('many deaths, one after the other: numbers are used again, nothing is lost or left', async () => {
  const here = await scene({ cores: 2 });
  for (let k = 0; k < 14; k++) {
    const others = Array.from({ length: 20 }, () => here.deadly.marks(here.shared, 3).catch((error: Failure) => { isLost(error, true); return -1; }));
    isLost(await rejection(here.deadly.exits()), true);
    await soon(Promise.all(others));
  }
  await isWhole(here);
  assert.equal(here.lost.length, 14, here.lost.map(({ reason }) => reason).join('; '));
  await until(() => here.pool.stats().memory.slotsFree === 65_536, 'every slot being free again');   // the last one's memory comes to rest a moment later
});
