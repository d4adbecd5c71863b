import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, test } from 'vitest';
import { directOf, SUSPENDED } from '../../../../packages/worker/src/suspended.ts';
import { Condition, Mutex, sleep, spawn, yieldNow, type WaitOptions } from '../../../../packages/worker/src/thread-api.ts';
import { agrees, dispose, settle, steps, type Model, type Step } from './rig.ts';

/** `lock` keeps the mutex until it is released; `wait` locks, waits for the condition, and unlocks. */
type Op = 'lock' | 'wait';
type Act = 'release' | 'signal' | 'broadcast';
interface Place { readonly id: number; readonly kind: 'lock' | 'enter' | 'again'; readonly error?: string | undefined }

class ConditionModel implements Model<Op, Act> {
  readonly results = new Map<number, unknown>();
  #holder: Place | undefined;
  #line: Place[] = [];
  #waiting: number[] = [];
  /** Those that have got the mutex and not run since. */
  #toRun: Place[] = [];
  /** Began their wait at once, and so with a limit, if they were given one. */
  readonly #limited = new Set<number>();
  readonly #condition: Condition;
  constructor(condition: Condition) { this.#condition = condition; }

  get isFree(): boolean { return this.#holder === undefined; }
  start(id: number, op: Op): void {
    if (this.isFree) this.#limited.add(id);
    this.#take({ id, kind: op === 'lock' ? 'lock' : 'enter' });
    this.settled();                                                      // it begins, and goes on as far as it can
  }
  #take(place: Place): void {
    if (this.#holder === undefined) this.#grant(place);
    else this.#line.push(place);
  }
  #grant(place: Place): void {
    this.#holder = place;
    if (place.kind === 'lock') this.results.set(place.id, 'locked');
    else this.#toRun.push(place);
  }
  #release(): void {
    this.#holder = undefined;
    const next = this.#line.shift();
    if (next !== undefined) this.#grant(next);
  }
  settled(): void {
    for (let place = this.#toRun.shift(); place !== undefined; place = this.#toRun.shift()) {
      if (place.kind === 'enter') this.#waiting.push(place.id);
      else this.results.set(place.id, place.error ?? 'woken');
      this.#release();
    }
  }
  #signal(): void {
    const id = this.#waiting.shift();
    if (id !== undefined) this.#take({ id, kind: 'again' });
  }
  act(act: Act, values: ReadonlyMap<number, unknown>): void {
    if (act === 'release') {
      if (this.#holder?.kind !== 'lock' || !values.has(this.#holder.id)) return;
      const guard = values.get(this.#holder.id);
      this.#release();
      dispose(guard);
    } else if (act === 'signal') { this.#signal(); this.#condition.signal(); }
    else { for (let count = this.#waiting.length; count > 0; count--) this.#signal(); this.#condition.broadcast(); }
  }
  isWaiting(id: number): boolean { return this.#waiting.includes(id) || this.#line.some((place) => place.id === id); }
  giveUp(id: number, code: string): void {
    if (code === 'CAP_ERR_TIMEOUT' && !this.#limited.has(id)) return;
    if (this.#waiting.includes(id)) {
      this.#waiting = this.#waiting.filter((one) => one !== id);
      this.#take({ id, kind: 'again', error: code });
      return;
    }
    if (code === 'CAP_ERR_TIMEOUT') return;                              // the limit is the condition's
    const place = this.#line.find((one) => one.id === id) as Place;
    this.#line = this.#line.filter((one) => one !== place);
    if (place.kind !== 'again') { this.results.set(id, code); return; }
    if (place.error === undefined) this.#signal();                       // it is passed on
    this.#line.push({ ...place, error: code });
  }
}

const lock = directOf(Mutex.prototype.lock);
const wait = directOf(Condition.prototype.wait);

function rig(): Parameters<typeof agrees<Op, Act>>[1] {
  return () => {
    const mutex = new Mutex();
    const condition = new Condition(mutex);
    const model = new ConditionModel(condition);
    const limit = (options: WaitOptions | undefined): WaitOptions | undefined => (model.isFree ? options : undefined);
    return {
      model,
      subject: {
        awaited: async (op, options) => {
          if (op === 'lock') return mutex.lock();
          const limited = limit(options);
          using held = await mutex.lock();
          void held;
          await condition.wait(limited);
          return 'woken';
        },
        direct: (op, options) => (op === 'lock' ? lock.call(mutex) : frames(limit(options))),
        show: (value) => (value === 'woken' ? value : 'locked'),
      },
    };
    function* frames(limited: WaitOptions | undefined): Generator<unknown, unknown, unknown> {
      let got: unknown = lock.call(mutex);
      if (got === SUSPENDED) got = yield SUSPENDED;
      using held = got as Disposable;
      void held;
      if (wait.call(condition, limited) === SUSPENDED) yield SUSPENDED;
      return 'woken';
    }
  };
}
const programs = (form: 'direct' | 'awaited'): fc.Arbitrary<Step<Op, Act>[]> => steps<Op, Act>(fc.constantFrom('wait', 'wait', 'wait', 'lock'), fc.constantFrom('release', 'release', 'signal', 'signal', 'broadcast'), [form]);

describe('Condition', () => {
  test('agrees with its model: frames by direct forms', async () => { await agrees(programs('direct'), rig()); });
  test('agrees with its model: native async functions', async () => { await agrees(programs('awaited'), rig()); });

  test('signals reach waiters in the order in which they came', async () => {
    const mutex = new Mutex();
    const condition = new Condition(mutex);
    const got: number[] = [];
    const threads = Array.from({ length: 30 }, (_, k) => spawn(async () => {
      using held = await mutex.lock();
      void held;
      await condition.wait();
      got.push(k);
      await yieldNow();
    }));
    await settle();
    for (const thread of threads) { void thread; condition.signal(); await settle(); }
    assert.deepEqual(got, Array.from({ length: 30 }, (_, k) => k));
    assert.equal(mutex.isLocked, false);
  });

  test('signalled in time, it is no time-out that the mutex comes later', async () => {
    const mutex = new Mutex();
    const condition = new Condition(mutex);
    const waiting = spawn(async () => { using held = await mutex.lock(); void held; await condition.wait({ timeoutMs: 4 }); return 'woken'; });
    await settle();
    const held = await mutex.lock();
    condition.signal();
    await sleep(12);
    dispose(held);
    assert.equal(await waiting.join(), 'woken');
  });

  test('a wait by somebody who does not hold the mutex is refused', async () => {
    const mutex = new Mutex();
    const condition = new Condition(mutex, { name: 'c' });
    await assert.rejects(condition.wait(), { code: 'CAP_ERR_OPTION', message: /condition 'c': wait was called without holding/ });
    const held = await mutex.lock();
    await assert.rejects(spawn(async () => { await condition.wait(); }).join(), { code: 'CAP_ERR_OPTION' });
    dispose(held);
    assert.throws(() => new Condition({} as Mutex), { code: 'CAP_ERR_OPTION' });
  });
});
