/** When the conductor may leave the blocking graph alone for a while, and what ends that. */
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { QUIET_MS, isQuiet, lookedAt, type Looked, type Sums } from '../../../packages/core/src/conductor/quiet.ts';

const calm: Sums = { tables: 2, rows: 20, queued: 0, started: 1000, outside: 0, competing: 1, use: 0.2 };
/** A hundred begin in each 50 ms. */
const before = (): Looked => lookedAt(1050, calm, lookedAt(1000, { ...calm, started: 900 }, undefined, false), false);
const after50 = (changed: Partial<Sums>): boolean => isQuiet(1100, { ...calm, started: 1100, ...changed }, before());

describe('it is quiet', () => {
  test('while all is as it was, for so long at most', () => {
    assert.ok(after50({}));
    const at = (ms: number): boolean => isQuiet(1050 + ms, { ...calm, started: 1000 + 2 * ms }, before());
    assert.ok(at(QUIET_MS - 1));
    assert.ok(!at(QUIET_MS));
  });
  test('while about as many begin, or so few that it says nothing', () => {
    assert.ok(after50({ started: 1070 }) && after50({ started: 1149 }));
    const idle = lookedAt(1050, calm, lookedAt(1000, calm, undefined, false), false);
    assert.ok(isQuiet(1100, { ...calm, started: 1010 }, idle));
    assert.ok(!isQuiet(1100, { ...calm, started: 1020 }, idle));
  });
});

describe('it is not', () => {
  test.each<[string, Partial<Sums>]>([
    ['when some have not begun', { queued: 1 }],
    ['when somebody is outside', { outside: 1 }],
    ['when two roots have something to run on one worker', { competing: 2 }],
    ['when half of a resource is in use', { use: 0.5 }],
    ['when there is a row more', { rows: 21 }],
    ['when a worker has come or gone', { tables: 3 }],
    ['when far more begin', { started: 1200 }],
    ['when far fewer begin', { started: 1030 }],
  ])('%s', (_, changed) => assert.ok(!after50(changed)));
  test('while a decision is in force', () => assert.ok(!isQuiet(1100, { ...calm, started: 1100 }, { ...before(), isDeciding: true })));
});
