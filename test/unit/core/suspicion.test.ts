/** Verdicts over looks, with witnesses that say what they are told to. */
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { isAtLock } from '../../../packages/core/src/conductor/kernel-view.ts';
import { BEAT_MS } from '../../../packages/core/src/conductor/part.ts';
import { Suspicion, type Shown, type Verdict, type Witness } from '../../../packages/core/src/conductor/suspicion.ts';

interface Scene { tick?: number; turnMs?: number; isParked?: boolean; isInHardSleep?: boolean; mayGoOn?: boolean; isAway?: boolean; cpuNs?: number; isAsleep?: boolean; isInLoop?: boolean; isAtLock?: boolean; mayBeCollecting?: boolean }
interface Rig { look(nowMs: number, scene?: Scene): Verdict; readonly asked: string[] }
function rig(): Rig {
  const suspicion = new Suspicion();
  const now: Required<Scene> = { tick: 1, turnMs: 0, isParked: false, isInHardSleep: false, mayGoOn: false, isAway: false, cpuNs: 10, isAsleep: true, isInLoop: false, isAtLock: false, mayBeCollecting: false };
  const asked: string[] = [];
  const witness = Object.fromEntries((['cpuNs', 'isAsleep', 'isInLoop', 'isAtLock', 'mayBeCollecting'] as const).map((name) => [name, () => { asked.push(name); return now[name]; }])) as unknown as Witness;
  return { asked, look(nowMs, scene = {}) { Object.assign(now, scene); return suspicion.judge(nowMs, now satisfies Shown, witness); } };
}

describe('blocked', () => {
  test('when looks agree that it sleeps, in the middle of its work, with a still clock', () => {
    const { look } = rig();
    assert.deepEqual([0, 4, 5, 6, 7].map((ms) => look(ms)), ['moving', 'suspect', 'suspect', 'suspect', 'blocked']);
  });
  test('in a turn that has just begun, when that has lasted for long', () => {
    const { look } = rig();
    assert.deepEqual([0, 1, 2, 3].map((ms) => look(ms, { tick: 5, turnMs: ms + 2 })), ['suspect', 'suspect', 'suspect', 'blocked']);
  });
  test('also in a callback, while its word says that it rests, when it waits elsewhere than in its loop', () => {
    const { look } = rig();
    assert.deepEqual([0, 2, 3, 4, 5].map((ms) => look(ms, { isParked: true })).at(-1), 'blocked');
  });
  test('when the collector has had time enough', () => {
    const { look } = rig();
    const verdicts = Array.from({ length: 300 }, (_, ms) => look(ms, { mayBeCollecting: true }));
    assert.equal(verdicts[200], 'suspect');
    assert.equal(verdicts[299], 'blocked');
    assert.equal(look(301, { mayBeCollecting: false }), 'blocked');
  });
  test('when it has waited for a lock for so long that nobody can hold it who only lacks a processor', () => {
    const { look } = rig();
    const verdicts = Array.from({ length: 300 }, (_, ms) => look(ms, { isAtLock: true }));
    assert.equal(verdicts[240], 'moving');
    assert.equal(verdicts[299], 'blocked');
  });
  test('by looks of 6 ms, then of 1.3: 8.6 ms after it began, however long its turn has lasted', () => {
    const firstBlocked = (turnMs: number, begins: number): number => {
      const { look } = rig();
      for (let ms = 0; ms <= begins; ms += BEAT_MS) look(ms, { turnMs: turnMs + ms, isAsleep: false, cpuNs: ms });
      for (let ms = begins + BEAT_MS; ms < begins + 40;) { const verdict = look(ms, { turnMs: turnMs + ms, isAsleep: true }); if (verdict === 'blocked') return ms - begins; ms += verdict === 'suspect' ? 1.3 : BEAT_MS; }
      return Infinity;
    };
    for (const [turnMs, begins] of [[0, 12], [30, 96], [30, 102]] as const) assert.ok(firstBlocked(turnMs, begins) <= 8.7);
  });
  test('in a callback outside of turns, of a worker that was at rest and has threads that wait', () => {
    const { look } = rig();
    for (let ms = 0; ms <= 24; ms += BEAT_MS) look(ms, { isParked: true, isInLoop: true, mayGoOn: true });
    assert.deepEqual([30, 31.3, 32.6].map((ms) => look(ms, { isInLoop: false, cpuNs: 20 })), ['suspect', 'suspect', 'blocked']);
  });
});

test('a callback that hangs behind a turn that has come and gone since the last look is suspected at the next', () => {
  const { look } = rig();
  for (let ms = 0; ms <= 24; ms += BEAT_MS) look(ms, { tick: ms, isParked: true, isInLoop: true, mayGoOn: true });
  assert.deepEqual([30, 31.3, 32.6, 33.9].map((ms) => look(ms, { tick: 30, isInLoop: false, cpuNs: 20 })), ['suspect', 'suspect', 'blocked', 'blocked']);
});

describe('not blocked', () => {
  const never = (step: (ms: number) => Scene): void => {
    const { look } = rig();
    for (let ms = 0; ms < 200; ms++) assert.notEqual(look(ms, step(ms)), 'blocked', `at ${ms} ms`);
  };
  test('while its turns go on', () => never((ms) => ({ tick: ms })));
  test('while its clock moves', () => never((ms) => ({ cpuNs: ms })));
  test('while it finds no processor, however still its clock', () => never(() => ({ isAsleep: false })));
  test('when it is starved, and asleep for a moment in between', () => never((ms) => ({ isAsleep: ms % 3 === 0 })));
  test('in its loop', () => never(() => ({ isParked: true, isInLoop: true })));
  test('in a sleep outside of its loop', () => never(() => ({ isParked: true, isInHardSleep: true })));
  test('while it waits for a lock whose holder finds no processor', () => never((ms) => ({ isAtLock: ms % 100 < 90, cpuNs: Math.floor(ms / 100), isAsleep: ms % 100 < 90 })));
  test('in a pause of the collector', () => never((ms) => ({ mayBeCollecting: true, cpuNs: Math.floor(ms / 30) })));
});

describe('what it costs', () => {
  /** Looks a beat apart, once it has settled. @returns what was asked in the last `looks` of them */
  function cost({ looks, scene }: { looks: number; scene: (ms: number) => Scene }): string[] {
    const { look, asked } = rig();
    for (let k = 0; k < 50; k++) look(k * BEAT_MS, scene(k * BEAT_MS));
    asked.length = 0;
    for (let k = 50; k < 50 + looks; k++) look(k * BEAT_MS, scene(k * BEAT_MS));
    return asked;
  }
  const times = (count: number, what: string): string[] => Array.from({ length: count }, () => what);

  test('who has begun a turn: nothing', () => assert.deepEqual(cost({ looks: 10, scene: (ms) => ({ tick: ms }) }), []));
  test('who computes: one question a look', () => assert.deepEqual(cost({ looks: 10, scene: (ms) => ({ isAsleep: false, cpuNs: ms, turnMs: 10 }) }), times(10, 'isAsleep')));
  test('who rests in its loop: its clock; at every fourth look where nothing could go on by itself', () => {
    assert.deepEqual(cost({ looks: 8, scene: () => ({ isParked: true, isInLoop: true, mayGoOn: true }) }), times(8, 'cpuNs'));
    assert.deepEqual(cost({ looks: 8, scene: () => ({ isParked: true, isInLoop: true }) }), times(2, 'cpuNs'));
  });
  test('who rests and is woken: at once, however long it has rested', () => {
    const { look } = rig();
    for (let ms = 0; ms <= 600; ms += BEAT_MS) look(ms, { isParked: true, isInLoop: true });
    assert.deepEqual([606, 607.3, 608.6].map((ms) => look(ms, { isParked: false, isInLoop: false, cpuNs: 20 })), ['suspect', 'suspect', 'blocked']);
  });
  test('who has had a turn, and rests: nothing where nothing could go on by itself, else whether it is in its loop', () => {
    assert.deepEqual(cost({ looks: 4, scene: (ms) => ({ tick: ms, isParked: true, isInLoop: true }) }), []);
    assert.deepEqual(cost({ looks: 4, scene: (ms) => ({ tick: ms, isParked: true, isInLoop: true, mayGoOn: true }) }), times(4, 'isInLoop'));
  });
  test('who sleeps outside of its loop: nothing', () => assert.deepEqual(cost({ looks: 10, scene: () => ({ isParked: true, isInHardSleep: true }) }), []));
  test('that somebody else is suspected: no more', () => {
    const { look, asked } = rig();
    for (let ms = 0; ms < 40; ms++) look(ms, { isAsleep: false, turnMs: 10, cpuNs: ms });
    assert.ok(asked.length <= 14, String(asked.length));
  });
  test('who counts as blocked is looked at each time', () => {
    const { look, asked } = rig();
    look(0);
    for (let ms = 1; ms < 21; ms++) look(ms, { isAsleep: false, turnMs: 30, cpuNs: ms, isAway: true });
    assert.equal(asked.length, 20);
  });
});

test('who has been at rest and is elsewhere when it has run in between is suspected at once', () => {
  const { look } = rig();
  assert.deepEqual([0, 8].map((ms) => look(ms, { isParked: true, isInLoop: true })), ['moving', 'resting']);
  assert.deepEqual([16, 17, 18, 19].map((ms) => look(ms, { cpuNs: 20, isInLoop: false })), ['suspect', 'suspect', 'suspect', 'blocked']);
});
test('a sleep outside of the loop is rest from its first look on', () => {
  const { look } = rig();
  assert.deepEqual([0, 1, 2].map((ms) => look(ms, { isParked: true, isInHardSleep: true })), ['moving', 'resting', 'resting']);
});
test('a lock of the process is told from a condition, from an event loop and from running', (context) => {
  if (process.arch !== 'x64') { context.skip('these are the calls of x64'); return; }
  const line = (text: string): string[] => text.split(' ');
  assert.ok(isAtLock(line('202 0x1a0a87b0 0x80 0x2 0x0 0x0 0x0 0x7ffe 0x7f')));
  assert.ok(isAtLock(line('202 0x3a4487e8 0x80 0x3 0x0 0x0 0x0 0x7ffe 0x7f')));
  assert.ok(!isAtLock(line('202 0x7f00 0x80 0x2 0x7f01 0x0 0x48 0x7ffe 0x7f')), 'with a time: Atomics.wait');
  assert.ok(!isAtLock(line('202 0x7f00 0x189 0x0 0x0 0x0 0xffffffff 0x7ffe 0x7f')));
  assert.ok(!isAtLock(line('232 0x11 0x7f 0x400 0xffffffff 0x0 0x8 0x7ffe 0x7f')));
  assert.ok(!isAtLock(line('running')));
});
