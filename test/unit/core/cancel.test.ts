/** Cancellation is cooperative and real: threads wake at their waits, `finally` blocks run, what has not begun never begins, and nobody else notices. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { createPool, type Pool, type Remote } from 'capriccio';
import { afterAll, beforeAll, describe, onTestFinished, test } from 'vitest';
import { ABORTED, BEGAN, CLEANED, Notes, WENT_ON } from '../../fixtures/core/cancels.ts';
import { fixture, poolFor, rejection, soon, until } from './rig.ts';

type Cancels = typeof import('../../fixtures/core/cancels.ts');
let pool: Pool;
let cancels: Remote<Cancels>;
const lost: string[] = [];
beforeAll(async () => {
  pool = await createPool(2);
  pool.on('lost', ({ reason }) => { lost.push(reason); });
  cancels = pool.module<Cancels>(fixture('cancels.ts'));
});
afterAll(async () => {
  assert.deepEqual(lost, [], 'a worker was lost that should not have been');
  await pool.close({ graceMs: 0 });
});

function notebook(): { shared: SharedArrayBuffer; notes: Notes } {
  const shared = new SharedArrayBuffer(64);
  return { shared, notes: new Notes(shared) };
}
const has = (notes: Notes, index: number, count = 1): Promise<void> => until(() => notes.get(index) >= count, `note ${index} reaching ${count}`);
const isCancelled = (error: { code?: unknown; name?: unknown }): void => { assert.equal(error.code, 'CAP_ERR_CANCELLED'); assert.equal(error.name, 'CapriccioError'); };
/** All that waits in these workers still works. */
const worksOn = async (): Promise<void> => { assert.equal(typeof await soon(cancels.where(), 'a call after'), 'number'); };

describe('a signal', () => {
  test('that has aborted before: the call rejects with the reason as cause, and never begins', async () => {
    const { shared, notes } = notebook();
    const reason = new Error('because');
    const error = await rejection(cancels.marks.with({ signal: AbortSignal.abort(reason) })(shared));
    isCancelled(error);
    assert.equal(error.cause, reason);
    await worksOn();
    assert.equal(notes.get(BEGAN), 0);
  });

  test('while the call is queued: it rejects at once and never begins', async () => {
    const { shared, notes } = notebook();
    const one = await poolFor(1);
    const { burns, marks } = one.module<Cancels>(fixture('cancels.ts'));
    await burns(0);
    let isBurning = true;
    const busy = burns(300).then(() => { isBurning = false; });
    await delay(20);
    const controller = new AbortController();
    const queued = Array.from({ length: 20 }, () => rejection(marks.with({ signal: controller.signal })(shared)));
    controller.abort(new Error('because'));
    for (const error of await Promise.all(queued)) isCancelled(error);
    assert.equal(isBurning, true, 'they waited for the task before them');
    await busy;
    await marks(shared);
    assert.equal(notes.get(BEGAN), 1);
    assert.equal(one.stats().calls.outstanding, 0);
  });

  test('while the call waits for a slot', async () => {
    const { shared, notes } = notebook();
    const small = await poolFor({ cores: 1, memory: { slots: 16 } });
    const { burns, marks } = small.module<Cancels>(fixture('cancels.ts'));
    await burns(0);
    const busy = burns(100);
    const controller = new AbortController();
    const calls = Array.from({ length: 200 }, () => rejection(marks.with({ signal: controller.signal })(shared)));
    controller.abort();
    for (const error of await Promise.all(calls)) isCancelled(error);
    await busy;
    await marks(shared);
    assert.equal(notes.get(BEGAN), 1);
    await until(() => small.stats().memory.slotsFree === 16, 'all slots being free');
  });

  test.each(['sleeps', 'cleansSlowly', 'callsInCleanUp', 'yields', 'checks', 'timersPromises', 'events'] as const)('while it waits: %s is woken, its finally runs, then the call rejects', async (name) => {
    const { shared, notes } = notebook();
    const controller = new AbortController();
    const call = rejection(cancels[name].with({ signal: controller.signal })(shared));
    await has(notes, BEGAN);
    const reason = new Error('because');
    controller.abort(reason);
    const error = await call;
    isCancelled(error);
    assert.equal(error.cause, reason);
    assert.equal(notes.get(CLEANED), 1);
    assert.equal(notes.get(WENT_ON), 0);
    await worksOn();
  });

  test('while it fetches: the request is given up', async () => {
    const { shared, notes } = notebook();
    const server = createServer();
    server.listen(0, '127.0.0.1');
    onTestFinished(() => { server.closeAllConnections(); server.close(); });
    await once(server, 'listening');
    const controller = new AbortController();
    const call = rejection(cancels.fetches.with({ signal: controller.signal })(shared, `http://127.0.0.1:${(server.address() as AddressInfo).port}/`));
    const [request] = await soon(once(server, 'request'), 'the request') as [IncomingMessage];
    const gone = once(request.socket, 'close');
    controller.abort();
    isCancelled(await call);
    await soon(gone, 'the end of the connection');
    assert.equal(notes.get(CLEANED), 1);
    await worksOn();
  });

  test('current().signal aborts with the cancellation as its reason', async () => {
    const { shared, notes } = notebook();
    const thread = cancels.listens.spawn(shared);
    await has(notes, BEGAN);
    thread.cancel('because');
    assert.equal(await soon(thread.join()), 'true CapriccioError CAP_ERR_CANCELLED');
    assert.equal(notes.get(ABORTED), 1);
  });

  test('after the call has ended: nothing happens', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const ids = await Promise.all(Array.from({ length: 50 }, () => cancels.where.with({ signal })()));
    controller.abort();
    assert.equal(ids.length, 50);
    await worksOn();
  });

  test('leaves no listener behind when calls end', async () => {
    const { signal } = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = function add(...args: Parameters<typeof addEventListener>): void { listeners++; addEventListener.apply(this, args); };
    signal.removeEventListener = function remove(...args: Parameters<typeof removeEventListener>): void { listeners--; removeEventListener.apply(this, args); };
    const { shared } = notebook();
    await Promise.all(Array.from({ length: 20 }, () => cancels.sleepsShort.with({ signal })(shared, 2)));
    assert.equal(listeners, 0);
  });

  test('neighbours on the same worker go on', async () => {
    const { shared, notes } = notebook();
    const one = await poolFor(1);
    const { sleeps, sleepsShort } = one.module<Cancels>(fixture('cancels.ts'));
    const controller = new AbortController();
    const cancelled = rejection(sleeps.with({ signal: controller.signal })(shared));
    const neighbours = Array.from({ length: 10 }, () => sleepsShort(shared, 60));
    await has(notes, BEGAN, 11);
    controller.abort();
    isCancelled(await cancelled);
    assert.deepEqual(await Promise.all(neighbours), Array.from({ length: 10 }, () => 'slept'));
    assert.equal(one.stats().lost, 0);
  });

  test('many at once', async () => {
    const { shared, notes } = notebook();
    const controller = new AbortController();
    const calls = Array.from({ length: 500 }, () => rejection(cancels.sleeps.with({ signal: controller.signal })(shared)));
    await has(notes, BEGAN, 500);
    controller.abort();
    for (const error of await Promise.all(calls)) isCancelled(error);
    assert.equal(notes.get(CLEANED), 500);
  });

  test('at any moment of the start: begun means cleaned up', async () => {
    const { shared, notes } = notebook();
    for (let k = 0; k < 200; k++) {
      const controller = new AbortController();
      const call = rejection(cancels.sleeps.with({ signal: controller.signal })(shared));
      if (k % 4 === 1) await Promise.resolve();
      if (k % 4 === 2) await new Promise((resolve) => { setImmediate(resolve); });
      if (k % 4 === 3) await delay(1);
      controller.abort();
      isCancelled(await call);
    }
    assert.equal(notes.get(CLEANED), notes.get(BEGAN));
    assert.equal(notes.get(WENT_ON), 0);
  });

  test('a function that swallows it gives its result, one whose clean-up throws gives that error', async () => {
    for (const name of ['swallows', 'throwsInCleanUp'] as const) {
      const { shared, notes } = notebook();
      const controller = new AbortController();
      const call = (cancels[name] as typeof cancels.swallows).with({ signal: controller.signal })(shared).catch((error: unknown) => error);
      await has(notes, BEGAN);
      controller.abort();
      const outcome = await soon(call);
      if (name === 'swallows') assert.equal(outcome, 'all the same');
      else assert.ok(outcome instanceof TypeError);
    }
  });
});

describe('frames', () => {
  test.each(['frameSleeps', 'frameForeign', 'frameYields', 'frameCalls'] as const)('%s: woken at its wait, finally blocks run', async (name) => {
    const { shared, notes } = notebook();
    const thread = cancels[name].spawn(shared);
    await has(notes, BEGAN, name === 'frameCalls' ? 2 : 1);
    thread.cancel();
    isCancelled(await rejection(thread.join()));
    assert.equal(thread.status, 'cancelled');
    await has(notes, CLEANED, name === 'frameCalls' ? 2 : 1);
    assert.equal(notes.get(WENT_ON), 0);
    await worksOn();
  });
  test('each frame of a chain cleans up', async () => {
    const { shared, notes } = notebook();
    const thread = cancels.framesDeep.spawn(shared, 20);
    await has(notes, BEGAN, 21);
    thread.cancel();
    isCancelled(await rejection(thread.join()));
    assert.equal(notes.get(CLEANED), 21);
  });
});

describe('a spawned thread', () => {
  test('is cancelled by its holder, with the reason as cause', async () => {
    const { shared, notes } = notebook();
    const thread = cancels.sleeps.spawn(shared);
    await has(notes, BEGAN);
    thread.cancel('because');
    const error = await rejection(thread.join());
    isCancelled(error);
    assert.equal(error.cause, 'because');
    assert.equal(thread.status, 'cancelled');
    assert.equal(notes.get(CLEANED), 1);
    thread.cancel('again');
    isCancelled(await rejection(thread.join()));
  });
  test('never begins when it is cancelled at once', async () => {
    const { shared, notes } = notebook();
    const one = await poolFor(1);
    const { burns, marks } = one.module<Cancels>(fixture('cancels.ts'));
    const busy = burns(50);
    const thread = marks.spawn(shared);
    assert.equal(thread.status, 'queued');
    thread.cancel();
    isCancelled(await rejection(thread.join()));
    await busy;
    await burns(0);
    assert.equal(notes.get(BEGAN), 0);
  });
  test('that has ended is not changed by it', async () => {
    const thread = cancels.where.spawn();
    const id = await thread.join();
    thread.cancel();
    assert.equal(await thread.join(), id);
    assert.equal(thread.status, 'done');
  });
  test('may cancel itself', async () => {
    isCancelled(await rejection(cancels.cancelsItself()));
  });
  test('is not thenable, has an id, a name, a status', async () => {
    const { shared, notes } = notebook();
    const thread = cancels.sleepsShort.spawn(shared, 20);
    assert.equal('then' in thread, false);
    assert.equal(typeof thread.id, 'number');
    assert.match(thread.name, /cancels\.ts#sleepsShort/);
    await has(notes, BEGAN);
    assert.ok(['running', 'blocked'].includes(thread.status), thread.status);
    assert.equal(await thread.join(), 'slept');
    assert.equal(thread.status, 'done');
  });
});

describe('deadlineMs', () => {
  test('admission: what cannot begin in time is refused and never begins', async () => {
    const { shared, notes } = notebook();
    const one = await poolFor(1);
    const { burns, marks } = one.module<Cancels>(fixture('cancels.ts'));
    await burns(0);
    const busy = burns(200);
    await delay(10);
    const error = await rejection(marks.with({ deadlineMs: 20 })(shared));
    assert.equal(error.code, 'CAP_ERR_DEADLINE');
    assert.match(error.message, /cancels\.ts#marks.*20 ms/);
    await busy;
    await burns(0);
    assert.equal(notes.get(BEGAN), 0);
  });
  test('admission: what has begun goes on', async () => {
    const { shared } = notebook();
    assert.equal(await cancels.sleepsShort.with({ deadlineMs: 500 })(shared, 800), 'slept');
  });
  test('cancel: what has begun is stopped, and cleans up', async () => {
    const { shared, notes } = notebook();
    const error = await rejection(cancels.cleansSlowly.with({ deadlineMs: 300, onDeadline: 'cancel' })(shared));
    assert.equal(error.code, 'CAP_ERR_DEADLINE');
    assert.equal(notes.get(BEGAN), 1);
    assert.equal(notes.get(CLEANED), 1);
    await worksOn();
  });
  test('cancel: what ends in time is not touched', async () => {
    const { shared } = notebook();
    assert.equal(await cancels.sleepsShort.with({ deadlineMs: 5000, onDeadline: 'cancel' })(shared, 1), 'slept');
  });
});

describe('children', () => {
  test('calls that the cancelled thread has made are cancelled with it', async () => {
    const { shared, notes } = notebook();
    const controller = new AbortController();
    const call = rejection(cancels.family.with({ signal: controller.signal })(shared, 10));
    await has(notes, BEGAN, 11);
    controller.abort();
    isCancelled(await call);
    await has(notes, CLEANED, 11);
    assert.equal(notes.get(WENT_ON), 0);
  });
  test('and their children, to any depth', async () => {
    const { shared, notes } = notebook();
    const controller = new AbortController();
    const call = rejection(cancels.family.with({ signal: controller.signal })(shared, 3, 3));
    await has(notes, BEGAN, 1 + 3 + 9 + 27);
    controller.abort();
    isCancelled(await call);
    await has(notes, CLEANED, 1 + 3 + 9 + 27);
  });
  test('on other cores too', async () => {
    const { shared, notes } = notebook();
    const controller = new AbortController();
    const call = rejection(cancels.spreads.with({ signal: controller.signal })(shared, 20));
    await has(notes, BEGAN, 20);
    controller.abort();
    isCancelled(await call);
    await has(notes, CLEANED, 20);
  });
  test('threads of the same isolate', async () => {
    const { shared, notes } = notebook();
    const thread = cancels.localChildren.spawn(shared);
    await has(notes, BEGAN, 3);
    thread.cancel();
    isCancelled(await rejection(thread.join()));
    await has(notes, CLEANED, 3);
  });
  test('that end well although they were cancelled tell nothing: the next wait does', async () => {
    for (const direct of [true, false]) {
      const { shared, notes } = notebook();
      const thread = cancels.callsWell.spawn(shared, direct);
      await has(notes, BEGAN);
      thread.cancel();
      isCancelled(await rejection(thread.join()));
      assert.deepEqual([notes.get(WENT_ON), notes.get(ABORTED)], [0, 0]);
    }
  });
  test('that are detached go on, remote and local', async () => {
    const { shared, notes } = notebook();
    const thread = cancels.detachesChild.spawn(shared);
    await has(notes, CLEANED);
    await has(notes, BEGAN, 2);
    const { finished, failed } = total(pool);
    thread.cancel();
    isCancelled(await rejection(thread.join()));
    await until(() => total(pool).finished > finished, 'the detached call ending well');
    assert.ok(total(pool).failed <= failed + 1, 'the detached call failed');
  });
});

const total = (of: Pool): { finished: number; failed: number } => of.stats().workers.reduce((sum, worker) => ({ finished: sum.finished + worker.finished, failed: sum.failed + worker.failed }), { finished: 0, failed: 0 });
