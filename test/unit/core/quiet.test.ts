/** When the conductor may leave the blocking graph alone for a while, and what ends that. */
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import type { NodePlan } from '../../../packages/core/src/conductor/snapshot.ts';
import { DECIDE_MS, QUIET_MS, dueAt, lookedAt, type Looked, type Sums } from '../../../packages/core/src/conductor/quiet.ts';

const nothing = { nodes: new Map<number, NodePlan>(), decisions: [] };
const calm: Sums = { tables: 2, rows: 20, queued: 0, started: 1000, outside: 0, competing: 1, use: 0.2 };
/** A hundred begin in each 50 ms. */
const before = (): Looked => lookedAt(1050, calm, lookedAt(1000, { ...calm, started: 900 }, undefined, nothing), nothing);
const isQuiet = (now: Sums, looked: Looked): boolean => dueAt(1100, now, looked) === 'nothing';
const after50 = (changed: Partial<Sums>): boolean => isQuiet({ ...calm, started: 1100, ...changed }, before());

describe('it is quiet', () => {
  test('while all is as it was: looked at now and then, and decided about more seldom', () => {
    assert.ok(after50({}));
    const sumsAt = (ms: number): Sums => ({ ...calm, started: 1000 + 2 * ms });
    let looked = before();
    const due: Record<number, string> = {};
    for (let ms = 50; ms <= DECIDE_MS; ms += 50) {
      const what = dueAt(1050 + ms, sumsAt(ms), looked);
      if (what !== 'nothing') due[ms] = what;
      if (what === 'look') looked = lookedAt(1050 + ms, sumsAt(ms), looked);
    }
    assert.deepEqual(due, { [QUIET_MS]: 'look', [2 * QUIET_MS]: 'look', [3 * QUIET_MS]: 'look', [DECIDE_MS]: 'decide' });
  });
  test('not after a look that found it otherwise', () => {
    const looked = lookedAt(1300, { ...calm, started: 1500 }, before());
    assert.equal(dueAt(1350, { ...calm, started: 1600 }, looked), 'nothing');
    assert.equal(dueAt(1350, { ...calm, started: 1600, queued: 1 }, looked), 'decide');
  });
  test('while about as many begin, or so few that it says nothing', () => {
    assert.ok(after50({ started: 1070 }) && after50({ started: 1149 }));
    assert.ok(after50({ outside: 7 }));
    const idle = lookedAt(1050, calm, lookedAt(1000, calm, undefined, nothing), nothing);
    assert.ok(isQuiet({ ...calm, started: 1010 }, idle));
    assert.ok(!isQuiet({ ...calm, started: 1020 }, idle));
  });
});

describe('it is not', () => {
  test('when somebody is outside and a service has a window: who may go there depends on who is there', () => {
    const windowed = { ...nothing, nodes: new Map([[3, { tickets: 1, window: 16, stallMs: 100, leadsTo: undefined, growth: {} }]]) };
    const looked = lookedAt(1050, calm, lookedAt(1000, { ...calm, started: 900 }, undefined, nothing), windowed);
    const at = (outside: number): boolean => isQuiet({ ...calm, started: 1100, outside }, looked);
    assert.ok(at(0) && !at(1));
  });
  test.each<[string, Partial<Sums>]>([
    ['when some have not begun', { queued: 1 }],
    ['when so many are outside that a service may need a window', { outside: 8 }],
    ['when two roots have something to run on one worker', { competing: 2 }],
    ['when half of a resource is in use', { use: 0.5 }],
    ['when there is a row more', { rows: 21 }],
    ['when a worker has come or gone', { tables: 3 }],
    ['when far more begin', { started: 1200 }],
    ['when far fewer begin', { started: 1030 }],
  ])('%s', (_, changed) => assert.ok(!after50(changed)));
  test('while a decision is in force', () => assert.ok(!isQuiet({ ...calm, started: 1100 }, { ...before(), isDeciding: true })));
});
