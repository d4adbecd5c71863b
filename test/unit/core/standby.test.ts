/** When spares begin, by a clock and a processor time of the test's own. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test, vi } from 'vitest';
import { whenCalm } from '../../../packages/core/src/standby.ts';

const CORES = 4;
let usedMs = 0;
beforeEach(() => {
  usedMs = 0;
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  vi.spyOn(process, 'cpuUsage').mockImplementation(() => ({ user: usedMs * 1000, system: 0 }));
});
afterEach(() => { vi.useRealTimers(); vi.restoreAllMocks(); });

/** The process uses so many processors for so long. */
function pass(ms: number, processors: number): void {
  for (let k = 0; k < ms; k += 100) { usedMs += processors * 100; vi.advanceTimersByTime(100); }
}

test('after a calm second', () => {
  let begun = 0;
  whenCalm(CORES, () => { begun++; });
  pass(900, 1);
  assert.equal(begun, 0);
  pass(100, 1);
  assert.equal(begun, 1);
  pass(10_000, 0);
  assert.equal(begun, 1, 'once');
});

test('not in a pause of what keeps the processors busy, and after ten seconds in any case', () => {
  let begun = 0;
  whenCalm(CORES, () => { begun++; });
  for (let k = 0; k < 10; k++) { pass(500, 3); pass(500, 1); }
  assert.equal(begun, 0);
  pass(500, 3);
  assert.equal(begun, 1);
});

test('never, once it has been stopped', () => {
  whenCalm(CORES, () => assert.fail('it began'))();
  pass(10_000, 0);
});
