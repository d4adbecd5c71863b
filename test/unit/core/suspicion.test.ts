/** Verdicts over looks, with witnesses that say what they are told to. */
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { Suspicion, type Shown, type Verdict, type Witness } from '../../../packages/core/src/conductor/suspicion.ts';

interface Scene { tick?: number; turnMs?: number; isParked?: boolean; isInHardSleep?: boolean; cpuNs?: number; isAsleep?: boolean; isInLoop?: boolean; mayBeCollecting?: boolean }
interface Rig { look(nowMs: number, scene?: Scene): Verdict; readonly asked: string[] }
function rig(): Rig {
  const suspicion = new Suspicion();
  const now: Required<Scene> = { tick: 1, turnMs: 0, isParked: false, isInHardSleep: false, cpuNs: 10, isAsleep: true, isInLoop: false, mayBeCollecting: false };
  const asked: string[] = [];
  const witness = Object.fromEntries((['cpuNs', 'isAsleep', 'isInLoop', 'mayBeCollecting'] as const).map((name) => [name, () => { asked.push(name); return now[name]; }])) as unknown as Witness;
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
  test('in a pause of the collector', () => never((ms) => ({ mayBeCollecting: true, cpuNs: Math.floor(ms / 30) })));
});

test('who has begun a turn costs nothing, who computes one question, who has been seen at rest a look at its clock', () => {
  const { look, asked } = rig();
  for (let ms = 0; ms < 10; ms++) look(ms, { tick: ms });
  assert.deepEqual(asked, []);
  for (let ms = 10; ms < 20; ms++) look(ms, { isAsleep: false, cpuNs: ms });
  assert.deepEqual(asked.splice(0), Array.from({ length: 10 }, () => 'isAsleep'));
  for (let ms = 20; ms < 40; ms++) look(ms, { isAsleep: true, isParked: true, isInLoop: true });
  assert.deepEqual(asked, ['isAsleep', 'cpuNs', 'isInLoop', ...Array.from({ length: 19 }, () => 'cpuNs')]);
});
test('who has been at rest and runs in between is looked at anew', () => {
  const { look } = rig();
  assert.deepEqual([0, 1].map((ms) => look(ms, { isParked: true, isInLoop: true })), ['moving', 'resting']);
  assert.deepEqual([2, 3, 4, 5].map((ms) => look(ms, { cpuNs: 20, isInLoop: false })), ['moving', 'suspect', 'suspect', 'blocked']);
});
test('a sleep outside of the loop is rest from its second look on', () => {
  const { look } = rig();
  assert.deepEqual([0, 1, 2].map((ms) => look(ms, { isParked: true, isInHardSleep: true })), ['moving', 'moving', 'resting']);
});
