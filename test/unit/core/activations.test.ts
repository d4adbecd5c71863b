/** Workers that really block: another takes the core, what had not begun runs elsewhere, and when they are back there are as many as before. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { createPool, type ActivationEvent, type Pool, type PoolOptions, type Remote } from 'capriccio';
import { describe, expect, onTestFinished, test } from 'vitest';
import { HeartbeatView } from '../../../packages/core/src/conductor/heartbeat.ts';
import { fixture, poolFor, rejection, soon, until, type Failure } from './rig.ts';

type Blocks = typeof import('../../fixtures/core/blocks.ts');
interface Scene { readonly pool: Pool; readonly blocks: Remote<Blocks>; readonly events: ActivationEvent[]; readonly warnings: string[] }

/** A pool whose spare is ready, and has loaded the module. */
async function scene(options: PoolOptions = {}): Promise<Scene> {
  const pool = await poolFor({ cores: 1, ...options });
  const events: ActivationEvent[] = [];
  const warnings: string[] = [];
  pool.on('activation', (event) => { events.push(event); });
  pool.on('warning', ({ message }) => { warnings.push(message); });
  const blocks = pool.module<Blocks>(fixture('blocks.ts'));
  await blocks.add(1, 2);
  await until(() => pool.stats().activations.spares === (options.spares ?? 1), 'the spare');
  await delay(100);
  return { pool, blocks, events, warnings };
}
const isSettled = ({ pool }: Scene): Promise<void> => until(() => { const { spares, blocked, retiring } = pool.stats().activations; return spares === 1 && blocked === 0 && retiring === 0; }, 'one spare again');

const linux = process.platform === 'linux';
/** Half a minute, for everybody else. */
const soonDrained = { [Symbol.for('capriccio.drainMs')]: 2000 };
describe.runIf(linux)('a worker that blocks in', () => {
  test.each(['execs', 'spawns', 'waits', 'fifo', 'queries', 'execsLater', 'execsInTimer'] as const)('%s', async (name) => {
    const here = await scene();
    const blocked = here.blocks[name](2000);
    await until(() => here.events.length > 0, 'an activation', 1900);
    const others = await Promise.all(Array.from({ length: 20 }, (_, k) => here.blocks.add(k, 1)));
    assert.equal(others[19], 20);
    assert.equal(here.pool.stats().activations.blocked, 1, 'the others were answered while it was blocked');
    await blocked;
    await isSettled(here);
    const isBack = (): boolean => here.events.length % 2 === 0;           // some begin by starting a process, which may count by itself
    await until(isBack, 'an end to each');
    const away = here.events[0] as ActivationEvent;
    const back = here.events.filter(({ phase }) => phase === 'returned');
    assert.equal(away.phase, 'blocked');
    assert.equal(back.length, here.events.length / 2);
    assert.ok(back.every(({ worker }) => worker === away.worker));
    assert.ok(away.spare !== undefined && away.spare !== away.worker);
    if (name !== 'execsLater' && name !== 'execsInTimer') assert.match(away.node ?? '', new RegExp(`blocks\\.ts#${name}$`));
    expect(back.reduce((sum, { blockedMs }) => sum + blockedMs, 0), 'a good part of the time that it was away').toBeGreaterThan(200);
    assert.equal(here.pool.stats().activations.activated, back.length);
    assert.equal(await here.blocks.add(3, 4), 7);
  });
});

describe.runIf(linux)('no activation', () => {
  test.each(['spins', 'collects'] as const)('by %s', async (name) => {
    const here = await scene();
    await here.blocks[name](1500);
    assert.deepEqual(here.events, []);
  });
  test('by starvation of processors', async () => {
    const here = await scene();
    const rivals = Array.from({ length: 6 }, () => spawn(process.execPath, ['-e', 'for(;;){}'], { stdio: 'ignore' }));
    onTestFinished(() => { for (const rival of rivals) rival.kill('SIGKILL'); });
    await Promise.all(rivals.map((rival) => once(rival, 'spawn')));
    for (let k = 0; k < 3; k++) await here.blocks.spins(500);
    assert.deepEqual(here.events, []);
  });
  test('by threads that sleep, and none while nothing runs', async () => {
    const here = await scene();
    const sleeper = here.pool.module<typeof import('../../fixtures/basic.ts')>(new URL('../../fixtures/basic.ts', import.meta.url));
    assert.equal(await sleeper.addLater(1, 2, 500), 3);
    await delay(300);
    assert.deepEqual(here.events, []);
  });
});

describe.runIf(linux)('what had not begun', () => {
  test('leaves the blocked worker, in order to run elsewhere', async () => {
    const here = await scene();
    for (let k = 0; k < 300; k++) await here.blocks.add(k, k);            // small tasks are taken many at a time
    const blocked = here.blocks.execsIf(1, 1000);
    const quick = Array.from({ length: 40 }, () => here.blocks.execsIf(0, 0));   // of the same root: some are claimed with it
    await soon(Promise.all(quick), 'those that were claimed with it', 900);
    assert.equal(here.pool.stats().activations.blocked, 1);
    await blocked;
    await isSettled(here);
  });
  test('waits where it is bound to the worker by its key', async () => {
    const here = await scene();
    const home = await here.blocks.where.with({ affinity: 'key' })();
    const blocked = here.blocks.execs(400);
    await until(() => here.events.length > 0, 'an activation');
    assert.equal(await here.blocks.where.with({ affinity: 'key' })(), home);
    await blocked;
  });
});

describe.runIf(linux)('a back lane that blocks', () => {
  /** A file that is read as soon as `free` is called. */
  function fifo(): { path: string; free(): void } {
    const folder = mkdtempSync(join(tmpdir(), 'capriccio-lane-'));
    const path = join(folder, 'fifo');
    execFileSync('mkfifo', [path]);
    let isFreed = false;
    const free = (): void => { if (!isFreed) { isFreed = true; writeFileSync(path, 'x'); } };
    onTestFinished(() => { free(); rmSync(folder, { recursive: true }); });
    return { path, free };
  }

  test('is told of, and what is long waits for another and not for it', async () => {
    const { path, free } = fifo();
    const here = await scene();
    await here.blocks.spins.with({ lane: 'back' })(1);
    assert.equal(here.pool.stats().lanes.back, 1);
    const blocked = here.blocks.reads.with({ lane: 'back' })(path);
    const others = Array.from({ length: 3 }, () => here.blocks.where.with({ lane: 'back' })());
    assert.equal((await soon(Promise.all(others), 'the others')).length, 3);
    const [away] = here.events;
    assert.deepEqual([away?.phase, away?.spare], ['blocked', undefined]);
    assert.match(away?.node ?? '', /blocks\.ts#reads$/);
    assert.deepEqual([here.pool.stats().activations.blocked, here.pool.stats().lanes.back], [1, 2]);
    await until(() => here.pool.stats().activations.zombies === 1, 'a zombie');
    assert.equal(here.pool.stats().activations.spares, 1, 'no spare is started for it');
    free();
    assert.equal(await blocked, 'x');
    await until(() => here.events.length === 2, 'its return');
    assert.equal(here.events[1]?.phase, 'returned');
    assert.deepEqual([here.pool.stats().activations.blocked, here.pool.stats().activations.zombies], [0, 0]);
  });
  test('is not counted for ever when the conductor has died meanwhile', async () => {
    const threads = new Set<Worker>();
    const note = (thread: Worker): void => { threads.add(thread); };
    process.on('worker', note);
    onTestFinished(() => { process.off('worker', note); });
    const { path, free } = fifo();
    const here = await scene();
    await here.blocks.spins.with({ lane: 'back' })(1);
    const blocked = here.blocks.reads.with({ lane: 'back' })(path);
    await until(() => here.pool.stats().activations.blocked === 1, 'it to be counted');
    for (const thread of threads) if (thread.threadName?.endsWith('-cond') === true) await thread.terminate();
    free();
    assert.equal(await blocked, 'x');
    await until(() => here.warnings.some((text) => /conductor thread has ended/.test(text)), 'a warning');
    await until(() => here.pool.stats().activations.blocked === 0, 'it to be back');
  });
});

describe('without /proc', () => {
  async function heartbeat(name: 'execs' | 'waits'): Promise<ActivationEvent[]> {
    process.env['CAPRICCIO_ACTIVATIONS'] = 'heartbeat';
    onTestFinished(() => { delete process.env['CAPRICCIO_ACTIVATIONS']; });
    const here = await scene();
    const task = here.blocks[name](800);
    await until(() => here.events.length > 0, 'an activation', 700);
    await task;
    await isSettled(here);
    await until(() => here.events.at(-1)?.phase === 'returned', 'its end');
    return here.events;
  }
  test.each(['execs', 'waits'] as const)('%s is seen', async (name) => {
    const events = await heartbeat(name);
    assert.equal(events[0]?.phase, 'blocked');
  });
  test('who answers that it has used its time is not taken for it; who has not, or does not answer, is', () => {
    const asked: number[] = [];
    const view = new HeartbeatView(({ worker }) => { asked.push(worker); });
    const shown = { tick: 5, turnMs: 0, isParked: false, isInHardSleep: false, mayGoOn: false, isAway: false };
    const isAsleep = (nowMs: number): boolean => view.witnessOf(1, nowMs, shown).isAsleep();
    isAsleep(10);
    assert.deepEqual(asked, [1]);
    for (let k = 1; k < 5; k++) { view.receive({ worker: 1, tick: 5, cpuUs: k * 9000, atMs: k * 10 }); assert.equal(isAsleep(10 + k * 10), false); }
    for (let k = 5; k < 7; k++) view.receive({ worker: 1, tick: 5, cpuUs: 36_000, atMs: k * 10 });
    assert.equal(isAsleep(70), true);
    for (let k = 0; k < 2; k++) view.receive({ worker: 1, tick: 4, cpuUs: undefined, atMs: 80 });
    shown.tick = 6;
    assert.equal(isAsleep(90), false, 'it has moved');
    for (let k = 0; k < 2; k++) view.receive({ worker: 1, tick: 6, cpuUs: undefined, atMs: 100 });
    assert.equal(isAsleep(110), true, 'no answer');
    shown.isParked = true;
    assert.equal(view.witnessOf(1, 120, shown).isInLoop(), true);
  });
  test('what else the variable says is refused', async () => {
    process.env['CAPRICCIO_ACTIVATIONS'] = 'magic';
    onTestFinished(() => { delete process.env['CAPRICCIO_ACTIVATIONS']; });
    assert.match((await rejection(createPool(1))).message, /CAPRICCIO_ACTIVATIONS must be 'kernel' or 'heartbeat', not 'magic'/);
  });
});

describe.runIf(linux)('zombies', () => {
  test('are counted, others are started for them, and close ends without them and says so', { timeout: 40_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'capriccio-zombie-'));
    const path = join(folder, 'fifo');
    execFileSync('mkfifo', [path]);
    let isFreed = false;
    const free = (): void => { if (!isFreed) { isFreed = true; writeFileSync(path, 'x'); } };
    onTestFinished(() => { free(); rmSync(folder, { recursive: true }); });
    const pool = await createPool(1);
    const blocks = pool.module<Blocks>(fixture('blocks.ts'));
    await blocks.add(1, 2);
    await until(() => pool.stats().activations.spares === 1, 'the spare');
    const stuck = rejection(blocks.reads(path));
    await until(() => pool.stats().activations.zombies === 1, 'a zombie');
    await until(() => pool.stats().activations.spares === 1, 'another spare');
    assert.equal(await blocks.add(2, 3), 5);
    const error = await rejection(pool.close({ graceMs: 300 }));
    assert.equal(error.code, 'CAP_ERR_TIMEOUT');
    assert.match(error.message, /worker 1 has not exited/);
    assert.equal((await stuck).code, 'CAP_ERR_CLOSED');
    assert.equal(pool.health().status, 'closed');
  });
  test('are replaced by restart, which says that they are left, and hold up no other', { timeout: 60_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'capriccio-zombie-'));
    const path = join(folder, 'fifo');
    execFileSync('mkfifo', [path]);
    let isFreed = false;
    const free = (): void => { if (!isFreed) { isFreed = true; writeFileSync(path, 'x'); } };
    const { pool, blocks, events } = await scene({ ...soonDrained });
    onTestFinished(() => { free(); rmSync(folder, { recursive: true }); });
    const stuck = blocks.reads(path).catch((error: unknown) => error as Failure);
    await until(() => pool.stats().activations.zombies === 1, 'a zombie');
    const error = await soon(pool.restart().then(() => undefined, (reason: unknown) => reason as Failure), 'the restart', 45_000);
    assert.equal(error?.code, 'CAP_ERR_TIMEOUT');
    assert.match(error.message, /^worker 1 takes no work any more .* blocked in a system call/);
    await soon(pool.resize(2), 'a resize after it');
    assert.equal(await blocks.add(2, 3), 5);
    await until(() => pool.stats().activations.spares === 1 && pool.health().ready === 3, 'two that work beside it, and a spare for none but them');
    assert.deepEqual([pool.stats().activations.zombies, events.filter(({ phase }) => phase === 'returned')], [1, []]);
    free();
    assert.equal((await stuck as Failure).code, 'CAP_ERR_WORKER_LOST');
    await until(() => pool.stats().activations.zombies === 0 && pool.health().ready === 2, 'its end');
  });
});
