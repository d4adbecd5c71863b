/** Back lanes for remote functions: how they are learnt, started, chosen by hand, replaced and ended. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { getPriority } from 'node:os';
import { createPool, type Pool } from 'capriccio';
import { describe, onTestFinished, test } from 'vitest';
import { fixture, poolFor, rejection, until } from './rig.ts';

/** Other tests run beside this one: lanes that starve keep what is theirs here (lane-hunger.test.ts has that). */
const calm = { [Symbol.for('capriccio.without')]: ['hunger'] };

type Functions = typeof import('../../fixtures/core/lanes/functions.ts');
const url = fixture('lanes/functions.ts');
const functionsOf = (pool: Pool) => pool.module<Functions>(url);
const burnt = (pool: Pool) => pool.stats().lanes.roots.find(({ name }) => name.endsWith('#burn'));
const lanesOf = (pool: Pool): string[] => pool.stats().workers.map(({ lane }) => lane);

test('a function that proves long goes to a back lane, a light one stays, and both are told of', async () => {
  const pool = await poolFor({ cores: 2, ...calm });
  const { burn, light, priority } = functionsOf(pool);
  assert.deepEqual(lanesOf(pool), ['front', 'front'], 'none is started before it is needed');
  const fronts = new Set<number>();
  while (fronts.size < 2) for (const id of await Promise.all(Array.from({ length: 8 }, () => light.with({ affinity: Math.random() })()))) fronts.add(id);
  while (pool.stats().lanes.back === 0) await burn(12);
  assert.deepEqual(lanesOf(pool).slice(0, 3), ['front', 'front', 'back']);
  await until(async () => !fronts.has(await burn(12)), 'a call on a back lane');
  for (let k = 0; k < 20; k++) assert.ok(!fronts.has(await burn(8)));
  for (let k = 0; k < 20; k++) assert.equal(await priority(), 0, 'a light one runs in front');
  const verdict = burnt(pool);
  assert.equal(verdict?.lane, 'back');
  assert.equal(verdict?.by, 'measured');
  assert.ok(pool.stats().lanes.roots.every(({ name }) => !name.endsWith('#light')));
  assert.equal(pool.health().status, 'ok');
});

test.runIf(process.platform === 'linux')('what V8 has to do for all, its helpers do with the priority of the long work, and nobody else does', async () => {
  const pool = await poolFor({ cores: 1, ...calm });
  const { burn } = functionsOf(pool);
  while (pool.stats().lanes.back === 0) await burn(12);
  const nice = (): Map<string, Set<number>> => {
    const found = new Map<string, Set<number>>();
    for (const thread of readdirSync('/proc/self/task')) {
      const name = readFileSync(`/proc/self/task/${thread}/comm`, 'utf8').trim().replace(/-\d+$/, '');
      found.set(name, (found.get(name) ?? new Set()).add(getPriority(Number(thread))));
    }
    return found;
  };
  await until(async () => { await burn(12); return nice().get('node-V8Worker')?.has(10) === true; }, 'the helpers');
  const found = nice();
  assert.deepEqual([...found.get('node-V8Worker')!], [10]);
  assert.deepEqual([...found.get('libuv-worker') ?? [0]], [0]);
  assert.ok([...found.values()].some((values) => values.has(0)), 'the fronts');
});

test('it comes back when its segments are short', async () => {
  const pool = await poolFor({ cores: 1, ...calm });
  const { burn } = functionsOf(pool);
  await until(async () => { await burn(12); return burnt(pool)?.lane === 'back'; }, 'the back lane');
  await until(async () => { await burn(0.05); return burnt(pool)?.lane === 'front'; }, 'the front lane');
  assert.equal(burnt(pool)?.returns, 1);
});

test('a function whose threads call itself is spread over the cores already, and stays in front', async () => {
  const pool = await poolFor({ cores: 2, ...calm });
  const { forks } = functionsOf(pool);
  for (let k = 0; k < 4; k++) assert.equal(await forks(6), 6);
  assert.equal(pool.stats().lanes.back, 0);
  assert.ok(pool.stats().lanes.roots.every(({ name, lane }) => !name.endsWith('#forks') || lane === 'front'));
});

test('long work after an await is seen as well', async () => {
  const pool = await poolFor({ cores: 1, ...calm });
  const { burn, burnLater } = functionsOf(pool);
  await burn(0);
  for (let k = 0; k < 6; k++) await burnLater(12);
  const seen = pool.stats().lanes.roots.find(({ name }) => name.endsWith('#burnLater'));
  assert.equal(seen?.lane, 'back');
});

describe('by hand', () => {
  test('back, front, and neither', async () => {
    const pool = await poolFor({ cores: 2, ...calm });
    const { burn, priority, light } = functionsOf(pool);
    const front = new Set([await light(), await light.with({ lane: 'front' })()]);
    const back = await light.with({ lane: 'back' })();
    assert.ok(!front.has(back));
    assert.ok(lanesOf(pool).includes('back'));
    for (let k = 0; k < 8; k++) assert.notEqual(await burn.with({ lane: 'front' })(12), back);
    assert.equal(await priority.with({ lane: 'front' })(), 0);
    for (const lane of ['sideways', 1, null]) assert.throws(() => light.with({ lane } as never), { code: 'CAP_ERR_OPTION' });
  });
  test.runIf(process.platform === 'linux')('the kernel gives a back lane less, once it has run something long', async () => {
    const pool = await poolFor({ cores: 1, ...calm });
    const { burn, priority } = functionsOf(pool);
    await burn.with({ lane: 'back' })(20);
    assert.equal(await priority.with({ lane: 'back' })(), 10);
    assert.equal(await priority(), 0);
  });
  test('with an affinity, and with what only a port carries', async () => {
    const pool = await poolFor({ cores: 2, ...calm });
    const { light, burn } = functionsOf(pool);
    const back = await light.with({ lane: 'back', affinity: 'a' })();
    assert.equal(await light.with({ lane: 'back', affinity: 'a' })(), back);
    const moved = new ArrayBuffer(8);
    await (burn as (ms: number, more?: unknown) => Promise<number>)(0, moved);
    const fronts = new Set(await Promise.all(Array.from({ length: 30 }, () => light.with({ affinity: Math.random() })())));
    assert.ok(![...fronts].some((id) => id === back), 'no other key leads to a back lane');
  });
});

test("off: everything stays in front, also what is meant for the back", async () => {
  const pool = await poolFor({ cores: 2, lanes: 'off' });
  const { burn, light } = functionsOf(pool);
  for (let k = 0; k < 6; k++) await burn(12);
  await light.with({ lane: 'back' })();
  assert.deepEqual(pool.stats().lanes, { back: 0, roots: [] });
  assert.deepEqual(lanesOf(pool), ['front', 'front']);
});

test('as many as there is work for, at most one a core; all of it is done', async () => {
  const pool = await poolFor({ cores: 2, ...calm });
  const { burn } = functionsOf(pool);
  const ids = await Promise.all(Array.from({ length: 60 }, () => burn.with({ lane: 'back' })(8)));
  assert.equal(ids.length, 60);
  assert.equal(new Set(ids).size, 2);
  assert.equal(pool.stats().lanes.back, 2);
});

describe('when a back lane dies', () => {
  test('what had begun is lost, what had not is done by another', async () => {
    const pool = await poolFor({ cores: 1, ...calm });
    const lost: number[] = [];
    pool.on('lost', ({ id }) => { lost.push(id); });
    const { burn, die } = functionsOf(pool);
    await burn.with({ lane: 'back' })(1);
    const before = Array.from({ length: 5 }, () => burn.with({ lane: 'back' })(5));
    const death = rejection(die.with({ lane: 'back' })());
    const after = Array.from({ length: 20 }, () => burn.with({ lane: 'back' })(1));
    const error = await death;
    assert.equal(error.code, 'CAP_ERR_WORKER_LOST');
    assert.equal((error as unknown as { started: boolean }).started, true);
    await Promise.all([...before, ...after]);
    assert.equal(lost.length, 1);
    await until(() => pool.stats().lanes.back === 1, 'the next back lane');
  });
  test('each time that it begins something, every call is told', async () => {
    const pool = await createPool({ cores: 1, lanes: 'auto' });
    onTestFinished(() => pool.close({ graceMs: 0 }));
    pool.on('warning', () => { /* that lanes die in a row is what is asked for */ });
    const dies = pool.module<typeof import('../../fixtures/core/lanes/dies-in-back.ts')>(fixture('lanes/dies-in-back.ts'));
    const errors = await Promise.all(Array.from({ length: 4 }, () => rejection(dies.ends.with({ lane: 'back' })())));
    assert.deepEqual(errors.map(({ code }) => code), Array.from({ length: 4 }, () => 'CAP_ERR_WORKER_LOST'));
    assert.equal(typeof await pool.module<Functions>(url).light(), 'number', 'the front goes on');
  });
});

test('a restart replaces back lanes too, and loses nothing', async () => {
  const pool = await poolFor({ cores: 1, ...calm });
  const { burn, light } = functionsOf(pool);
  const events: [string, boolean][] = [];
  pool.on('worker', ({ lane, replaced }) => { events.push([lane, replaced]); });
  const before = await light.with({ lane: 'back' })();
  const running = Array.from({ length: 10 }, () => burn.with({ lane: 'back' })(3));
  await pool.restart();
  await Promise.all(running);
  assert.notEqual(await light.with({ lane: 'back' })(), before);
  assert.deepEqual(events.filter(([lane]) => lane === 'back'), [['back', false], ['back', true]]);
});

test('a closed pool ends its back lanes', async () => {
  const pool = await createPool({ cores: 1 });
  const { burn } = functionsOf(pool);
  await burn.with({ lane: 'back' })(1);
  const busy = burn.with({ lane: 'back' })(50);
  const closed = pool.close();
  assert.ok(Number.isInteger(await busy), 'within its grace it ends');
  await closed;
  assert.equal(pool.health().status, 'closed');
});
