import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { allocateMemory, layOut, mapMemory } from '@capriccio/shared';
import { LaneClock, RootLane, cpuMs } from '../../../../packages/worker/src/lanes/lane-clock.ts';
import { Root } from '../../../../packages/worker/src/run-queues.ts';

function clockOf(): { clock: LaneClock; root: RootLane } {
  const layout = layOut({ participantCount: 2, slotCount: 16, payloadBytes: 65_536, namesBytes: 1_024, ringCount: 4 });
  const clock = new LaneClock(mapMemory(allocateMemory(layout), layout), false, { onChange: () => { /* nobody listens */ } });
  return { clock, root: clock.of('F#f') };
}
const burn = (ms: number): void => { for (const began = cpuMs(); cpuMs() - began < ms;); };
/** A batch of one segment. */
function run(clock: LaneClock, root: RootLane, ms: number, meanUs: number): number {
  const at = clock.before(root);
  burn(ms);
  clock.after(root, clock.used(at), ms, true, meanUs, 1);
  return at;
}

test('a light root is measured at first, then hardly ever', () => {
  const { clock, root } = clockOf();
  let measured = 0;
  for (let k = 0; k < 100; k++) if (run(clock, root, 0, 20) >= 0) measured++;
  assert.ok(measured >= 1 && measured <= 16, `${measured} of 100`);
});

test('a long one goes to the back, and one long pause among light ones moves nothing', () => {
  const { clock, root } = clockOf();
  for (let k = 0; k < 40; k++) run(clock, root, 0, 20);
  for (let k = 0; k < 4; k++) run(clock, root, 8, 20);
  assert.equal(clock.isBack(root), false, 'on average it is light');
  for (let k = 0; k < 4; k++) run(clock, root, 8, 8_000);
  assert.equal(clock.isBack(root), true);
});

test('a root whose threads call themselves is never judged', () => {
  const { clock, root } = clockOf();
  root.isForked = true;
  for (let k = 0; k < 40; k++) assert.equal(run(clock, root, k < 4 ? 8 : 0, 8_000), -1);
  clock.watch();
  burn(8);
  clock.endWatched(root);
  assert.equal(clock.isBack(root), false);
});

test('one that is accounted is measured each time, and nothing is judged of it', () => {
  const { clock } = clockOf();
  const root = new RootLane('F#short', 0, true);
  for (let k = 0; k < 40; k++) assert.ok(run(clock, root, k % 8 === 0 ? 8 : 0, 8_000) >= 0);
  assert.ok(clock.usedNow(root) === 0, 'nothing of it runs');
  const at = clock.before(root);
  burn(3);
  assert.ok(clock.usedNow(root) >= 3);
  clock.used(at);
  clock.watch();
  burn(8);
  clock.endWatched(root);
  assert.deepEqual(clock.verdictOf(root), { lane: 'front', by: 'measured', long: 0, returns: 0 });
});

test('what ends is charged what was used since the last known piece of work, not more', () => {
  const { clock, root } = clockOf();
  const other = clock.of('F#other');
  for (let k = 0; k < 40; k++) { clock.watch(); clock.endWatched(root); }
  for (let k = 0; k < 4; k++) { clock.watch(); burn(8); clock.used(clock.before(other)); clock.endWatched(root); }
  assert.equal(clock.isBack(root), false, 'that was the other\'s');
  for (let k = 0; k < 4; k++) { clock.watch(); burn(8); clock.endWatched(root); }
  assert.equal(clock.isBack(root), true);
});

/** A clock whose time is given: `run` takes processor time, `callback` begins a callback of the event loop. */
function fakeClock(isBackLane = false) {
  let at = 0;
  let tell: ((owner: { root: Root; attainedUs: number } | undefined) => void) | undefined;
  const native: [string, number][] = [];
  let isTold = false;
  const layout = layOut({ participantCount: 2, slotCount: 16, payloadBytes: 65_536, namesBytes: 1_024, ringCount: 4 });
  const clock = new LaneClock(mapMemory(allocateMemory(layout), layout), isBackLane, { onChange: () => { /* nobody listens */ }, onNative: ({ root: { name } }, ms) => { native.push([name, ms]); } }, {
    cpuMs: () => at, nowMs: () => at, callbackStarts: (told) => { tell = told; return { enable: () => { isTold = true; }, disable: () => { isTold = false; } }; },
  });
  return {
    clock,
    root: (name: string): RootLane => {
      const root = clock.of(name);
      for (let k = 0; k < 40; k++) { clock.watch(); clock.endWatched(root); }                     // its code is no longer cold
      return root;
    },
    run: (ms: number): void => { at += ms; },
    callback: (root?: Root): void => { if (isTold) tell?.(root && { root, attainedUs: 0 }); },
    native,
    get isTold() { return isTold; },
  };
}

describe.each([['in front', false], ['on a back lane', true]])('bursts of requests that wait natively, beside others that compute, %s', (_, isBackLane) => {
  test('whose callback ends an answer is charged for that callback, not for those before', () => {
    const { clock, root, run, callback } = fakeClock(isBackLane);
    const waits = root('GET /waits');
    for (let k = 0; k < 40; k++) {
      clock.watch();
      callback(); run(4);                                                // another's: it computes, and waits again
      callback(); run(4);
      callback(); run(0.1); clock.endWatched(waits);
    }
    assert.equal(clock.verdictOf(waits).long, 0);
    assert.equal(clock.isBack(waits), false);
  });

  test('compiled code that goes on is charged for its callback alone', () => {
    const { clock, root, run, callback } = fakeClock(isBackLane);
    const [waits, other] = [root('GET /waits'), root('GET /other')];
    clock.watch();                                                       // other's end is watched
    waits.suspicion = 8;
    for (let k = 0; k < 40; k++) { callback(); run(4); callback(); run(0.1); clock.endAwaited(waits); }
    assert.equal(clock.verdictOf(waits).long, 0);
    callback(); run(8); clock.endAwaited(waits);
    assert.equal(clock.isBack(waits), true, 'that was its own');
    clock.endWatched(other);
  });

  test('a root that computes after native waits goes to the back, and its time is nobody else\'s', () => {
    const { clock, root, run, callback } = fakeClock(isBackLane);
    const [waits, computes] = [root('GET /waits'), root('GET /computes')];
    for (let k = 0; k < 4; k++) {
      clock.watch(); clock.watch();
      callback(); run(3); clock.endWatched(computes);
      callback(); run(0.1); clock.endWatched(waits);
    }
    assert.equal(clock.isBack(computes), true);
    assert.equal(clock.isBack(waits), false);
  });
});

describe('a pause of the collector', () => {
  /** Many short ones, with little time between. */
  const lightly = ({ clock, run }: ReturnType<typeof fakeClock>, root: RootLane, count: number): void => { for (let k = 0; k < count; k++) { run(1); clock.judge(root, 0.05, true); } };
  test('that holds up a dozen of thousands does not make their route a long one, nor does the next', () => {
    const fake = fakeClock();
    const root = fake.root('GET /light');
    for (let pause = 0; pause < 20; pause++) {
      lightly(fake, root, 300);
      fake.clock.judge(root, 14, true);
      for (const ms of [5, 6, 4]) fake.clock.judge(root, ms, false);
    }
    assert.equal(fake.clock.isBack(root), false);
  });
  test('is not what a route is excused for that has become long, or that keeps its worker for longer than any', () => {
    const fake = fakeClock();
    const [becomes, keeps, seldom] = [fake.root('GET /becomes'), fake.root('GET /keeps'), fake.root('GET /seldom')];
    for (const root of [becomes, keeps]) lightly(fake, root, 1000);
    fake.clock.judge(becomes, 15, true);
    assert.equal(fake.clock.isBack(becomes), false);
    fake.run(15);
    fake.clock.judge(becomes, 15, true);
    assert.equal(fake.clock.isBack(becomes), true, 'the second in a row');
    fake.clock.judge(keeps, 25, true);
    assert.equal(fake.clock.isBack(keeps), true);
    lightly(fake, seldom, 64);
    fake.clock.judge(seldom, 12, true);
    assert.equal(fake.clock.isBack(seldom), true, 'one in sixty of a route is no rare one');
  });
});

test('native code that computes and waits again is seen where the callback is its thread\'s, and nobody else pays', () => {
  const { clock, root, run, callback, native } = fakeClock();
  const [waits, computes] = [root('GET /waits'), root('GET /computes')];
  const owner = new Root('GET /computes');
  computes.suspicion = 8;
  for (let k = 0; k < 4; k++) {
    clock.watch(); clock.watch();
    callback(owner); run(4);
    callback(); run(3);                                                  // nobody's, as far as is known
    callback(); run(0.1); clock.endWatched(waits);
    callback(owner); run(0.1); clock.endWatched(computes);
  }
  assert.equal(clock.isBack(computes), true);
  assert.equal(clock.isBack(waits), false);
  assert.equal(native.length, 4);
  for (const [name, ms] of native) assert.ok(name === 'GET /computes' && ms >= 4 && ms <= 4.2, `${name} ${ms}`);   // and what ran before it, if that was little
});

test('what ended in a callback, or was a piece of work in it, is not its owner\'s again', () => {
  const { clock, root, run, callback, native } = fakeClock(true);
  const a = root('GET /a');
  const owner = new Root('GET /a');
  clock.watch(); clock.watch();
  callback(owner); run(5); assert.equal(clock.endWatched(a), 5);
  callback(owner);
  const at = clock.before(a);
  run(5);
  assert.equal(clock.used(at), 5);
  callback(owner);
  clock.unwatch();
  assert.deepEqual(native, []);
});

test('many short callbacks of others are together less than what counts as long', () => {
  const { clock, root, run, callback } = fakeClock();
  const waits = root('GET /waits');
  for (let k = 0; k < 40; k++) {
    clock.watch();
    for (let each = 0; each < 50; each++) { callback(); run(0.15); }
    callback(); clock.endWatched(waits);
  }
  assert.equal(clock.verdictOf(waits).long, 0);
});

test('callbacks are looked at only while an end is watched', () => {
  const fake = fakeClock();
  const [a, b] = [fake.root('GET /a'), fake.root('GET /b')];
  assert.equal(fake.isTold, false);
  fake.clock.watch(); fake.clock.watch();
  fake.clock.endWatched(a);
  assert.equal(fake.isTold, true, 'another is still watched');
  fake.clock.unwatch();
  assert.equal(fake.isTold, false);
  fake.clock.watch();
  fake.clock.endWatched(b);
  assert.equal(fake.isTold, false);
});

test('in the event loop itself, another\'s timer is no part of it', async () => {
  const { clock, root } = clockOf();
  for (let k = 0; k < 40; k++) { clock.watch(); clock.endWatched(root); }
  for (let k = 0; k < 4; k++) {
    clock.watch();
    await new Promise<void>((resolve) => {
      setImmediate(() => { burn(8); });
      setImmediate(() => { clock.endWatched(root); resolve(); });
    });
  }
  assert.equal(clock.isBack(root), false, 'that was the other\'s');
  for (let k = 0; k < 4; k++) {
    clock.watch();
    await new Promise<void>((resolve) => {
      setImmediate(() => { Promise.resolve().then(() => { burn(8); process.nextTick(() => { clock.endWatched(root); resolve(); }); }); });
    });
  }
  assert.equal(clock.isBack(root), true, 'microtasks and ticks are their callback\'s');
});

describe('what is used', () => {
  test('by a batch or a step is told where it was measured: always on a back lane, also by the runtime\'s own', () => {
    const { clock, run } = fakeClock(true);
    for (const name of ['GET /a', 'lane request GET /a']) {
      const root = clock.of(name);
      const at = clock.before(root);
      run(3);
      assert.equal(clock.usedNow(root), 3);
      assert.equal(clock.usedNow(clock.of('GET /other')), 0);
      run(2);
      assert.equal(clock.used(at), 5);
      assert.equal(clock.usedNow(root), 0);
      clock.after(root, 5, 5, true, 5000, 1);
    }
    assert.equal(clock.verdictOf(clock.of('lane request GET /a')).long, 0, 'its own are not judged');
  });
  test('in front, by a root that nobody suspects, is not', () => {
    const { clock, root, run } = fakeClock();
    const light = root('GET /light');
    light.suspicion = 0;
    const at = clock.before(light);
    run(5);
    assert.deepEqual([at, clock.used(at), clock.usedNow(light)], [-1, -1, 0]);
  });
  test('by native code, where an answer ends or compiled code goes on, is told apart from what a batch or step is charged anyway', () => {
    const { clock, root, run, callback } = fakeClock(true);
    const [a, b] = [root('GET /a'), root('GET /b')];
    clock.watch(); clock.watch(); clock.watch();
    callback(); run(7); callback(); run(4);
    assert.equal(clock.endWatched(a), 4);
    callback(); run(3);
    assert.equal(clock.endAwaited(b), 3);
    const at = clock.before(a);
    run(4);
    assert.equal(clock.endWatched(a), 0, 'the batch is charged');
    run(1);
    assert.equal(clock.used(at), 5);
    callback(); run(0.1);
    assert.equal(clock.endWatched(b), 0, 'so little is anybody\'s');
    assert.equal(clock.endAwaited(b), 0, 'nobody watches');
  });
});

test('while an end is watched, the processor clock is not read for pieces of work and callbacks that take little', () => {
  const layout = layOut({ participantCount: 2, slotCount: 16, payloadBytes: 65_536, namesBytes: 1_024, ringCount: 4 });
  let [at, looks] = [0, 0];
  let tell: ((owner: { root: Root; attainedUs: number } | undefined) => void) | undefined;
  const clock = new LaneClock(mapMemory(allocateMemory(layout), layout), false, { onChange: () => { /* nobody listens */ } }, {
    cpuMs: () => { looks++; return at; }, nowMs: () => at, callbackStarts: (told) => { tell = told; return { enable: () => { /* always */ }, disable: () => { /* never */ } }; },
  });
  const light = clock.of('GET /light');
  light.suspicion = 0;
  clock.watch();
  for (let k = 0; k < 1000; k++) {
    light.unseen = 0;
    tell?.(undefined);
    clock.used(clock.before(light));
    at += 0.01;
  }
  assert.ok(looks <= 60, `${looks} looks in 10 ms`);
});
