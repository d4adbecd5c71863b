/** What threads take must fit, without anybody saying how much they will take. Goal G6 and scenarios 3, 11, 13. */
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { NOTHING } from '../../packages/worker/src/moments.ts';
import { ResourceGate } from '../../packages/worker/src/resource-gate.ts';
import { classOf, meanOf, run } from './runs.ts';
import { memio, memory, memstep, type Workload } from './workloads.ts';

const MIB = 2 ** 20;

describe.each([['memory', memory], ['memio', memio], ['memstep', memstep]] as const)('%s', (_, workload) => {
  test.each([1, 2, 4, 8])('at %ix the peak is at most 1.05 of the limit, in twenty-one of twenty-four runs, and 1.2 in the others', (load) => {
    const peaks = Array.from({ length: 24 }, (_one, k) => run({ workload: workload(2), load, seed: k + 1 }).figures.memoryPeak).toSorted((a, b) => a - b);
    assert.ok((peaks[20] as number) <= 1.05 && (peaks[23] as number) <= 1.2, `${peaks.map((peak) => peak.toFixed(2))}: of forty one to three are above 1.05`);
  });

  test('those that take none are answered', () => {
    for (const load of [1, 2]) {
      const answered = meanOf({ workload: workload(2), load }, (figures) => classOf(figures, 'small').okShare);
      assert.ok(answered >= 0.99, `${answered.toFixed(3)} at ${load}x`);
    }
  });
});

test('three times as much a request from one moment on: the limit holds, and what can be done is done', () => {
  const shifts = [{ at: 3, apply: (machine: { scale(type: number, by: { bytes: number }): void }) => machine.scale(0, { bytes: 3 }) }];
  const peaks = Array.from({ length: 24 }, (_, k) => {
    const { figures } = run({ workload: memory(2), load: 2, seconds: 8, warmUp: 4, shifts, seed: k + 1 });
    assert.ok(classOf(figures, 'big').okPerS >= 200, `${classOf(figures, 'big').okPerS.toFixed(0)} a second`);
    return figures.memoryPeak;
  }).toSorted((a, b) => a - b);
  assert.ok((peaks[11] as number) <= 1.1 && (peaks[20] as number) <= 1.25 && (peaks[23] as number) <= 1.4, `${peaks.map((peak) => peak.toFixed(2))}, for what has begun before takes three times what was forecast`);
});

test('a limit that is halved meanwhile is kept as soon as what is in use has gone', () => {
  const workload = memory(2);
  const half = (workload.memoryLimit as number) / 2;
  const { machine } = run({ workload, load: 2, seconds: 6, shifts: [{ at: 3, apply: (changed) => { changed.bytesLimit = half; } }] });
  const late = machine.series.slice(80).map((bucket) => bucket?.bytes ?? 0);
  assert.ok(Math.max(...late) <= 1.05 * half, `${(Math.max(...late) / half).toFixed(2)} of the new limit`);
});

test('who takes twice while the limit is reached: somebody always gets to the end', () => {
  const workload: Workload = {
    memoryLimit: 32 * MIB,
    classes: [{
      name: 'greedy', deadlineMs: 60_000, perMs: 0.05, priority: 0, steps: [
        { node: 1, cpuMs: () => 0.1, bytes: () => 12 * MIB, waitsFor: 'time', waitMs: () => 20 },
        { node: 2, cpuMs: () => 0.1, bytes: () => 12 * MIB, waitsFor: 'time', waitMs: () => 20 },
        { node: 3, cpuMs: () => 0.1, waitsFor: 'end' },
      ],
    }],
  };
  const { figures, machine } = run({ workload, seconds: 10 });
  assert.ok(classOf(figures, 'greedy').okPerS >= 5, `${classOf(figures, 'greedy').okPerS.toFixed(1)} a second`);
  assert.ok(machine.series.slice(160).some((bucket) => (bucket?.ok[0] ?? 0) > 0), 'it still goes on at the end');
});

test('ten million promises kept leave exactly nothing', () => {
  const gate = new ResourceGate<number>(1000 * MIB);
  for (let k = 0; k < 10_000_000; k++) {
    gate.keep(gate.reserve({ mean: 0.1 * MIB + k % 7, variance: 0.3 * MIB * MIB }));
    if (k % 1000 === 0) gate.read(0.1 * k);
  }
  gate.read(0);
  assert.equal(gate.promisedKib, 0);
  assert.equal(gate.hasRoom({ mean: 849 * MIB, variance: 0 }), true);
  gate.inside = 1;
  assert.equal(gate.hasRoom({ mean: 849 * MIB, variance: 0 }), true);
  assert.equal(gate.hasRoom({ mean: 851 * MIB, variance: 0 }), false);
  assert.equal(gate.hasRoom({ mean: 840 * MIB, variance: (10 * MIB) ** 2 }), false);
  assert.equal(gate.hasRoom(NOTHING), true);
});
