import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, test, vi } from 'vitest';
import { sharedNow } from '../../../packages/worker/src/clock.ts';
import { Timer, TimerWheel } from '../../../packages/worker/src/timers.ts';

/** Milliseconds that meet every level of the wheel and both sides of its edges. */
const duration = fc.oneof(
  fc.constantFrom(0, 1, 62, 63, 64, 65, 127, 128, 4_095, 4_096, 4_097, 2 ** 18 - 1, 2 ** 18, 2 ** 18 + 1, 2 ** 24 - 1, 2 ** 24, 2 ** 24 + 1, 2 ** 31 - 1),
  fc.integer({ min: 0, max: 70 }),
  fc.integer({ min: 0, max: 10_000 }),
  fc.integer({ min: 0, max: 2 ** 26 }),
  fc.integer({ min: 0, max: 200_000 }).map((us) => us / 1_000),
  fc.integer({ min: 0, max: 3_000 }).map((us) => us / 1_000),
);
const index = fc.integer({ min: 0, max: 9 });
type Step =
  | { do: 'set'; timer: number; ms: number }
  | { do: 'cancel'; timer: number }
  | { do: 'pass'; ms: number }
  | { do: 'whenFired'; timer: number; other: number; ms: number | undefined };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('set' as const), timer: index, ms: duration }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel' as const), timer: index }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: duration }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 2_000 }).map((us) => us / 1_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('whenFired' as const), timer: index, other: index, ms: fc.option(duration, { nil: undefined }) }) },
);

/** A wheel beside a list of moments; the clock stands still but for `pass`. */
class Side {
  now: number;
  readonly #start: number;
  readonly wheel: TimerWheel;
  readonly timers: Timer[];
  /** When each set timer may fire, ms from the start. */
  readonly deadlines = new Map<number, number>();
  readonly reactions = new Map<number, { other: number; ms: number | undefined }>();
  fired: number[] = [];

  constructor(start: number) {
    this.now = this.#start = start;
    this.wheel = new TimerWheel(() => { /* nobody waits for libuv here */ }, false, () => this.now);
    this.timers = Array.from({ length: 10 }, (_, k) => new Timer(() => this.#fire(k)));
  }

  get elapsed(): number { return this.now - this.#start; }

  set(timer: number, ms: number): void {
    this.wheel.set(this.timers[timer] as Timer, ms);
    this.deadlines.set(timer, this.elapsed + ms);
  }
  cancel(timer: number): void {
    this.wheel.cancel(this.timers[timer] as Timer);
    this.deadlines.delete(timer);
  }

  #fire(timer: number): void {
    const deadline = this.deadlines.get(timer);
    assert.ok(deadline !== undefined, `timer ${timer} fires though it is not set`);
    assert.ok(deadline <= this.elapsed, `timer ${timer} of ${deadline} ms fires early, at ${this.elapsed} ms`);
    this.fired.push(deadline);
    this.deadlines.delete(timer);
    const reaction = this.reactions.get(timer);
    this.reactions.delete(timer);
    if (reaction === undefined) return;
    if (reaction.ms === undefined) this.cancel(reaction.other);
    else this.set(reaction.other, reaction.ms);
  }

  pass(ms: number): void {
    this.now += ms;
    this.fired = [];
    this.wheel.advance();
    for (const [timer, deadline] of this.deadlines) assert.ok(Math.floor(deadline) + 1 > Math.floor(this.elapsed), `timer ${timer} of ${deadline} ms has not fired at ${this.elapsed} ms`);
    for (const [k, deadline] of this.fired.entries()) if (k > 0) assert.ok(this.fired[k - 1] as number <= Math.floor(deadline) + 1, `${this.fired[k - 1]} ms fires before ${deadline} ms`);
    assert.equal(this.wheel.count, this.deadlines.size);
  }
}

describe('against a list of moments', () => {
  test('any program fires each timer once, never early, at most a millisecond late, in order of time', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 1e9 }).map((us) => us / 1_000), fc.array(step, { maxLength: 60 }), (start, program) => {
      const side = new Side(start);
      try {
        for (const one of program) {
          if (one.do === 'set') side.set(one.timer, one.ms);
          else if (one.do === 'cancel') side.cancel(one.timer);
          else if (one.do === 'pass') side.pass(one.ms);
          else side.reactions.set(one.timer, one);
        }
        for (const last of [1, 5_000, 2 ** 26, 2 ** 31]) side.pass(last);
      } finally {
        for (let k = 0; k < 10; k++) side.cancel(k);
      }
    }), { numRuns: 400 });
  });

  test('ten thousand timers fire in order through every level', () => {
    const side = new Side(0.5);
    const order: number[] = [];
    const moments = Array.from({ length: 10_000 }, (_, k) => (k * 7_919) % 300_000);
    for (const ms of moments) side.wheel.set(new Timer(() => order.push(ms)), ms);
    for (let at = 0; at < 300_002; at += 997) { side.now += 997; side.wheel.advance(); }
    assert.deepEqual(order, moments.toSorted((a, b) => a - b));
    assert.equal(side.wheel.count, 0);
  });

  test('set anew, a timer has only its new time', () => {
    const side = new Side(0);
    side.set(0, 10);
    side.set(0, 500);
    side.pass(499);
    assert.deepEqual(side.fired, []);
    side.pass(2);
    assert.deepEqual(side.fired, [500]);
  });

  test('a timer set by the last one to fire, a lap of the wheel ahead, does not hold the wheel', () => {
    const side = new Side(0);
    side.set(0, 1);
    side.reactions.set(0, { other: 1, ms: 25 });                         // due at 65: the slot that is being emptied
    side.pass(40);
    assert.deepEqual(side.fired, [1]);
    side.pass(26);
    assert.deepEqual(side.fired, [65]);
  });
});

describe('behind one libuv timer', () => {
  beforeEach(() => { vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'], now: 0 }); });
  afterEach(() => { vi.useRealTimers(); });
  const wheelWithDate = (onFire: () => void = () => { /* not looked at */ }): TimerWheel => new TimerWheel(onFire, true, () => Date.now());
  const log: string[] = [];
  const named = (name: string): Timer => new Timer(() => { log.push(`${name} ${Date.now()}`); });
  beforeEach(() => { log.length = 0; });

  test('a far timer alone wakes nobody before its time', () => {
    let wakes = 0;
    const wheel = wheelWithDate(() => { wakes++; });
    const hours = 10 * 3_600_000;
    wheel.set(named('far'), hours);
    vi.advanceTimersByTime(hours - 1);
    assert.equal(wakes, 0);
    vi.advanceTimersByTime(2);
    assert.deepEqual(log, [`far ${hours}`]);
    assert.equal(wakes, 1);
    assert.equal(vi.getTimerCount(), 0);
  });

  test('a thousand timers are one libuv timer', () => {
    const wheel = wheelWithDate();
    const timers = Array.from({ length: 1_000 }, (_, k) => new Timer(() => { log.push(String(k)); }));
    for (const [k, timer] of timers.entries()) wheel.set(timer, 1 + k % 90);
    assert.equal(vi.getTimerCount(), 1);
    vi.advanceTimersByTime(95);
    assert.equal(log.length, 1_000);
    assert.equal(vi.getTimerCount(), 0);
  });

  test('when the last timer is cancelled the libuv timer goes too: the process may end', () => {
    const wheel = wheelWithDate();
    const timer = named('a');
    wheel.set(timer, 5);
    wheel.cancel(timer);
    wheel.cancel(timer);
    assert.equal(vi.getTimerCount(), 0);
    assert.equal(wheel.count, 0);
  });

  test('the earliest of several wakes first, in whatever order they are set', () => {
    const wheel = wheelWithDate();
    for (const ms of [500, 20, 70_000, 3]) wheel.set(named(String(ms)), ms);
    vi.advanceTimersByTime(80_000);
    assert.deepEqual(log, ['3 3', '20 20', '500 500', '70000 70000']);
  });

  test('a far timer that one sets as it fires does not put off those between', () => {
    const wheel = wheelWithDate();
    wheel.set(new Timer(() => wheel.set(named('far'), 1_000)), 10);
    wheel.set(named('near'), 30);
    vi.advanceTimersByTime(31);
    assert.deepEqual(log, ['near 30']);
    vi.advanceTimersByTime(1_000);
    assert.deepEqual(log, ['near 30', 'far 1010']);
  });

  test('a time beyond what libuv takes rings in between, not at once', () => {
    const set = vi.spyOn(globalThis, 'setTimeout');
    const wheel = wheelWithDate();
    wheel.set(named('month'), 2 ** 32);
    assert.ok((set.mock.calls[0] as [unknown, number])[1] <= 2 ** 31 - 1);
    vi.advanceTimersByTime(2 ** 32 - 1);
    assert.deepEqual(log, []);
    vi.advanceTimersByTime(2);
    assert.deepEqual(log, [`month ${2 ** 32}`]);
    set.mockRestore();
  });
});

test('on the real clock none fires early', async () => {
  const early: number[] = [];
  let left = 200;
  await new Promise<void>((resolve) => {
    const wheel = new TimerWheel(() => { if (left === 0) resolve(); }, true);
    for (let k = 0; k < 200; k++) {
      const ms = (k * 37 % 400) / 10;
      const until = sharedNow() + ms;
      wheel.set(new Timer(() => { left--; if (sharedNow() < until) early.push(until - sharedNow()); }), ms);
    }
  });
  assert.deepEqual(early, []);
});

test('an unref timer does not keep the process alive, a ref one does', () => {
  const timeouts = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const before = timeouts();
  for (const [isRef, expected] of [[false, before], [true, before + 1]] as const) {
    const wheel = new TimerWheel(() => { /* never */ }, isRef);
    const timer = new Timer(() => { /* never */ });
    wheel.set(timer, 10_000);
    assert.equal(timeouts(), expected);
    wheel.cancel(timer);
  }
});
