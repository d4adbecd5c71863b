/** A policy that is weakened must lose, or the simulator tells nothing. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { Weakened } from './capriccio.ts';
import { classOf, meanOf } from './runs.ts';
import { bimodal, cpuMix, db, evenMix, ledger, memio, type Workload } from './workloads.ts';

const workOf = (workload: Workload, weakened?: Weakened, load = 4): number => meanOf({ workload, load, seconds: 6 }, (figures) => figures.work, weakened);

test('refusing at the head of the queue instead of at arrival loses 0.2 of the work and more', () => {
  for (const workload of [cpuMix(2), bimodal(2)]) {
    const [full, weak] = [workOf(workload), workOf(workload, { shedding: 'head' })];
    assert.ok(full - weak >= 0.2, `${full.toFixed(2)} and ${weak.toFixed(2)}`);
  }
});

test('refusing nothing loses 0.3 and more', () => {
  const [full, weak] = [workOf(cpuMix(2)), workOf(cpuMix(2), { shedding: 'none' })];
  assert.ok(full - weak >= 0.3, `${full.toFixed(2)} and ${weak.toFixed(2)}`);
});

test('refusing who comes instead of who has waited longest makes what is answered wait longer, and does no more', () => {
  const heavy = (weakened?: Weakened): number => meanOf({ workload: cpuMix(2), load: 4, seconds: 6 }, (figures) => classOf(figures, 'heavy').p50, weakened);
  const none = { refusesFront: false };
  const [full, weak] = [heavy(), heavy(none)];
  assert.ok(full <= 0.8 * weak, `${full.toFixed(0)} and ${weak.toFixed(0)} ms`);
  assert.ok(workOf(cpuMix(2)) >= 0.98 * workOf(cpuMix(2), none));
});

test('without borrowing, where threads cannot be interrupted, short requests wait for longer; no more is done', () => {
  const run = (figure: Parameters<typeof meanOf>[1], load: number, weakened?: Weakened): number => meanOf({ workload: evenMix(2), load, seconds: 6 }, figure, { quantumMs: 1000, ...weakened });
  const none = { rules: { behindCosts: 0 } };
  for (const [load, part] of [[0.9, 0.85], [1, 0.6]] as const) {
    const [full, weak] = [undefined, none].map((weakened) => run((figures) => classOf(figures, '3 ms').p50, load, weakened)) as [number, number];
    assert.ok(full <= part * weak, `${full.toFixed(1)} and ${weak.toFixed(1)} ms at ${load} x`);
    assert.ok(run((figures) => figures.work, load) >= 0.99 * run((figures) => figures.work, load, none));
  }
});

test('a start gate of 32 loses 0.2 and more', () => {
  const [full, weak] = [workOf(cpuMix(2)), workOf(cpuMix(2), { rules: { startGate: 32, longGate: 32, longGateLoaded: 32 } })];
  assert.ok(full - weak >= 0.2, `${full.toFixed(2)} and ${weak.toFixed(2)}`);
});

test('letting long ones gather as short ones may loses 0.2 of a root that hides them', () => {
  const [full, weak] = [workOf(bimodal(2)), workOf(bimodal(2), { rules: { longGate: 6, longGateLoaded: 6 } })];
  assert.ok(full - weak >= 0.2, `${full.toFixed(2)} and ${weak.toFixed(2)}`);
});

test('without the memory gate, what does not fit takes all down with it', () => {
  const [full, weak] = [workOf(memio(2)), workOf(memio(2), { gatesMemory: false })];
  assert.ok(full - weak >= 0.3, `${full.toFixed(2)} and ${weak.toFixed(2)}`);
});

test('without windows a downstream service is driven past its knee', () => {
  const queries = (weakened?: Weakened): number => meanOf({ workload: db(2), load: 4, seconds: 6 }, (figures) => classOf(figures, 'query').okPerS, weakened);
  const [full, weak] = [queries(), queries({ decide: { hasWindows: false } })];
  assert.ok(weak <= 0.5 * full, `${full.toFixed(0)} and ${weak.toFixed(0)} queries a second`);
});

test('equal tickets, or no conductor, lose 0.15 of the work and more where one stage has a core alone and the one before it has all', () => {
  const full = workOf(ledger(), undefined, 1);
  for (const [name, weakened] of [['equal tickets', { decide: { hasTickets: false } }], ['no conductor', { dead: { from: 0, to: Infinity } }]] as const) {
    const weak = workOf(ledger(), weakened, 1);
    assert.ok(weak <= 0.85 * full, `${name}: ${full.toFixed(2)} and ${weak.toFixed(2)}`);
  }
});

test('without forecasts of what edges take, memory is overrun', () => {
  const peak = (weakened?: Weakened): number => meanOf({ workload: memio(2), load: 2, seconds: 6 }, (figures) => figures.memoryPeak, weakened, Array.from({ length: 8 }, (_, k) => k + 1));
  const [full, weak] = [peak(), peak({ decide: { hasForecasts: false } })];
  assert.ok(full <= 1.05 && weak >= 1.3, `${full.toFixed(2)} and ${weak.toFixed(2)} of the limit`);
});
