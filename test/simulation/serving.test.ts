/** `serve` under overload: routes of 3 to 26 ms that ask for the same, on two workers that share nothing, clients that give up after half a second; what each part is worth. */
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { Machine } from './machine.ts';
import { report } from './report.ts';
import { mean, servedOf, type Served } from './runs.ts';
import { Serving, type WeakenedServing } from './serving.ts';
import { flood } from './workloads.ts';

const SEEDS = Array.from({ length: 16 }, (_, k) => k + 1);
const served = (load: number, weakened?: WeakenedServing): Served[] => SEEDS.map((seed) => servedOf(load, seed, weakened));
const meanOf = (runs: readonly Served[], of: (run: Served) => number): number => mean(runs.map(of));

describe('five routes that each ask for a fifth, four seconds from when it begins, 16 seeds', () => {
  test.each([[1, 0.92, 0.84, 55], [1.2, 0.96, 0.85, 65], [2, 0.98, 0.91, 65], [4, 0.98, 0.93, 45], [8, 0.98, 0.93, 40]])('at %d times the capacity work is done, by all of them, and light ones wait for little', (load, work, poorest, lightMs) => {
    const runs = served(load);
    const found = [meanOf(runs, (run) => run.work), meanOf(runs, (run) => run.poorest), meanOf(runs, (run) => run.light.p99)] as const;
    assert.ok(found[0] >= work, `work ${found[0].toFixed(3)}`);
    assert.ok(found[1] >= poorest, `the poorest has ${found[1].toFixed(3)} of its max-min share`);
    assert.ok(found[2] <= lightMs, `light p99 ${found[2].toFixed(1)} ms`);
  });
  test('below the capacity next to nobody is refused', () => {
    for (const [load, part] of [[0.6, 0.001], [0.8, 0.01]] as const) {
      const refused = meanOf(served(load), (run) => run.refused);
      assert.ok(refused <= part, `${refused.toFixed(4)} at ${load}x`);
    }
  });
  test('nor after an overload has ended', () => {
    const refused = meanOf(SEEDS.map((seed) => servedOf(0.7, seed, {}, 4)), (run) => run.refused);
    assert.ok(refused <= 0.02, refused.toFixed(4));
  });
});

test('one of eight routes that is flooded at sixteen times the capacity leaves the others alone', () => {
  for (const seed of [1, 2, 3]) {
    const { classes } = report(new Machine(new Serving(), { workload: flood(2, 8, 16), cores: 2, seed, load: 1, seconds: 6 }).run());
    for (const { name, okShare } of classes.slice(1)) assert.ok(okShare >= 0.98, `${name}: ${okShare.toFixed(3)} with seed ${seed}`);
    assert.ok((classes[0]?.okShare ?? 1) < 0.2, 'it is flooded');
  }
});

describe('what parts are worth', () => {
  test('who has waited for two and a half turns leaves: without it light ones wait twice as long at the capacity, and hardly more is done', () => {
    for (const load of [1.1, 1.2]) {
      const [full, weak] = [served(load), served(load, { refusesStale: false })];
      const p99 = [full, weak].map((runs) => meanOf(runs, (run) => run.light.p99)) as [number, number];
      assert.ok(p99[0] <= 0.6 * p99[1], `${p99[0].toFixed(0)} and ${p99[1].toFixed(0)} ms at ${load}x`);
      const work = [full, weak].map((runs) => meanOf(runs, (run) => run.work)) as [number, number];
      assert.ok(work[0] >= 0.98 * work[1], `${work[0].toFixed(3)} and ${work[1].toFixed(3)} at ${load}x`);
    }
  });
  test('the newest begin first: without it light ones that are answered wait for more than twice as long', () => {
    for (const load of [2, 4]) {
      const [full, weak] = [served(load), served(load, { takesNewest: false })].map((runs) => meanOf(runs, (run) => run.light.p50)) as [number, number];
      assert.ok(full <= 0.6 * weak, `${full.toFixed(0)} and ${weak.toFixed(0)} ms at ${load}x`);
    }
  });
  test('roots keep what they did not use: without it the poorest has less', () => {
    for (const load of [1.5, 2]) {
      const [full, weak] = [served(load), served(load, { keepsClaims: false })].map((runs) => meanOf(runs, (run) => run.poorest)) as [number, number];
      assert.ok(full >= weak + 0.015, `${full.toFixed(3)} and ${weak.toFixed(3)} at ${load}x`);
    }
  });
  test('short roots borrow: without it more light ones are refused at the capacity, and the others wait for longer', () => {
    const [full, weak] = [served(1), served(1, { rules: { behindCosts: 0 } })];
    const [p99, refused] = [(run: Served) => run.light.p99, (run: Served) => 1 - run.light.okShare].map((of) => meanOf(full, of) / meanOf(weak, of)) as [number, number];
    assert.ok(p99 <= 0.9 && refused <= 0.75, `p99 ${p99.toFixed(2)}, refused ${refused.toFixed(2)} of what it is without`);
  });
});
