/** What cannot be interrupted, and a worker that is asked all the time: an endless loop costs its worker, anything else costs nothing. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, test } from 'vitest';
import { BEGAN, Notes } from '../../fixtures/core/cancels.ts';
import { fixture, poolFor, rejection, soon, until } from './rig.ts';

type Cancels = typeof import('../../fixtures/core/cancels.ts');

function notebook(): { shared: SharedArrayBuffer; notes: Notes } {
  const shared = new SharedArrayBuffer(64);
  return { shared, notes: new Notes(shared) };
}
const has = (notes: Notes, index: number, count = 1): Promise<void> => until(() => notes.get(index) >= count, `note ${index} reaching ${count}`);
const isCancelled = (error: { code?: unknown; name?: unknown }): void => { assert.equal(error.code, 'CAP_ERR_CANCELLED'); assert.equal(error.name, 'CapriccioError'); };
test('one cancellation after the other costs no worker', async () => {
  const { shared, notes } = notebook();
  const own = await poolFor({ cores: 1, cancelGraceMs: 300 });
  const { sleeps, where } = own.module<Cancels>(fixture('cancels.ts'));
  const id = await where();
  const end = performance.now() + 1000;
  let count = 0;
  while (performance.now() < end) {
    const threads = Array.from({ length: 10 }, () => sleeps.spawn(shared));
    count += threads.length;
    await has(notes, BEGAN, count);
    for (const thread of threads) thread.cancel();
    await Promise.all(threads.map((thread) => rejection(thread.join())));
  }
  assert.equal(own.stats().lost, 0);
  assert.equal(await where(), id);
});

describe('what cannot be interrupted', () => {
  test.each(['endless', 'endlessLater'] as const)('%s: the call rejects, its worker is replaced, the other one notices nothing', async (name) => {
    const { shared, notes } = notebook();
    const own = await poolFor({ cores: 2, cancelGraceMs: 100 });
    const lost: { id: number; reason: string }[] = [];
    const replaced = once(own, 'worker');
    own.on('lost', (event) => { lost.push(event); });
    const there = own.module<Cancels>(fixture('cancels.ts'));
    const controller = new AbortController();
    const call = rejection(there[name].with({ signal: controller.signal })(shared));
    await has(notes, BEGAN);
    const neighbours = Array.from({ length: 10 }, () => there.sleepsShort(notebook().shared, 400));
    controller.abort(new Error('because'));
    const error = await call;
    isCancelled(error);
    assert.equal((error.cause as Error).message, 'because');
    assert.deepEqual(await Promise.all(neighbours), Array.from({ length: 10 }, () => 'slept'));
    const [worker] = await soon(replaced, 'the new worker');
    assert.equal((worker as { replaced: boolean }).replaced, true);
    assert.equal(lost.length, 1);
    assert.match(lost[0]?.reason ?? '', /did not react to a cancellation within 100 ms/);
    await until(() => own.health().status === 'ok', 'a pool that is whole');
    assert.equal(typeof await there.where(), 'number');
  });

  test('an endless loop called by a thread on another core', async () => {
    const { shared, notes } = notebook();
    const own = await poolFor({ cores: 2, cancelGraceMs: 100 });
    const there = own.module<Cancels>(fixture('cancels.ts'));
    const thread = there.callsEndless.spawn(shared);
    await has(notes, BEGAN);
    thread.cancel();
    isCancelled(await rejection(thread.join()));
    await until(() => own.stats().lost === 1 && own.health().status === 'ok', 'a pool that is whole');
    assert.equal(typeof await there.where(), 'number');
  });

  test('a deadline that cancels an endless loop', async () => {
    const { shared } = notebook();
    const own = await poolFor({ cores: 1, cancelGraceMs: 50 });
    const there = own.module<Cancels>(fixture('cancels.ts'));
    assert.equal((await rejection(there.endless.with({ deadlineMs: 300, onDeadline: 'cancel' })(shared))).code, 'CAP_ERR_DEADLINE');
    assert.equal(typeof await soon(there.where()), 'number');
  });

  test('an async function stuck in a foreign promise: the call rejects, the worker lives', async () => {
    const { shared, notes } = notebook();
    const own = await poolFor({ cores: 1, cancelGraceMs: 50 });
    const there = own.module<Cancels>(fixture('cancels.ts'));
    const id = await there.where();
    const controller = new AbortController();
    const call = rejection(there.stuck.with({ signal: controller.signal })(shared));
    await has(notes, BEGAN);
    controller.abort();
    isCancelled(await call);
    assert.equal(own.stats().lost, 0);
    assert.equal(await there.where(), id);
    assert.equal(own.stats().calls.outstanding, 0);
  });

  test('the same in a call that a thread has made', async () => {
    const { shared, notes } = notebook();
    const own = await poolFor({ cores: 2, cancelGraceMs: 50 });
    const there = own.module<Cancels>(fixture('cancels.ts'));
    const thread = there.family.spawn(shared, 3);
    await has(notes, BEGAN, 4);
    const stuck = there.stuck.spawn(shared);
    await has(notes, BEGAN, 5);
    thread.cancel();
    stuck.cancel();
    isCancelled(await rejection(thread.join()));
    isCancelled(await rejection(stuck.join()));
    assert.equal(own.stats().lost, 0);
  });

  test('a call whose module never finishes loading', async () => {
    const own = await poolFor({ cores: 1, cancelGraceMs: 50 });
    const { never } = own.module<typeof import('../../fixtures/core/never-loads.ts')>(fixture('never-loads.ts'));
    const controller = new AbortController();
    const call = rejection(never.with({ signal: controller.signal })());
    await delay(100);
    controller.abort();
    isCancelled(await call);
    const late = await rejection(never.with({ deadlineMs: 50 })());
    assert.equal(late.code, 'CAP_ERR_DEADLINE');
    assert.equal(typeof await own.module<Cancels>(fixture('cancels.ts')).where(), 'number');
  });
});
