/** The world changes, parts of it die: how fast what can be done is done again. Goals G5 and G10, scenarios 6, 7, 8, 14. */
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { Capriccio } from './capriccio.ts';
import { Machine, type SimWorker } from './machine.ts';
import { report } from './report.ts';
import { SEEDS, classOf, mean, rateOf, run, settlingTime } from './runs.ts';
import { cpuMix, db, memory } from './workloads.ts';

describe('90 % of the new goodput within 1.5 s, seeds 1 to 3', () => {
  test.each(SEEDS)('load from 0.5 to 8 and back (seed %i)', (seed) => {
    const set = (load: number) => (machine: Machine): void => { machine.load = load; };
    const { machine } = run({ workload: cpuMix(2), load: 0.5, seconds: 16, seed, shifts: [{ at: 4, apply: set(8) }, { at: 10, apply: set(0.5) }] });
    assert.ok(settlingTime(machine, 0, 4, 10) <= 1.5);
    assert.ok(settlingTime(machine, 0, 10, 16) <= 1.5);
  });

  test('heavy requests take four times as long, and then as before', () => {
    const set = (cpu: number) => (machine: Machine): void => machine.scale(1, { cpu });
    const times = SEEDS.map((seed) => settlingTime(run({ workload: cpuMix(2), load: 1.5, seconds: 18, seed, shifts: [{ at: 5, apply: set(4) }, { at: 11, apply: set(1) }] }).machine, 1, 11, 18));
    assert.ok(mean(times) <= 1.5, `${times.map((time) => time.toFixed(2))} s`);
  });

  test('a service becomes three times slower, and then as before: three times of four and on average, seeds 1 to 60', () => {
    const slow = (times: number) => (machine: Machine): void => machine.station?.slow(times);
    const times = Array.from({ length: 60 }, (_, k) => {
      const { machine } = run({ workload: db(2), load: 1.5, seconds: 16, seed: k + 1, shifts: [{ at: 4, apply: slow(3) }, { at: 10, apply: slow(1) }] });
      assert.ok(rateOf(machine, 0, 6, 10) >= 0.28 * rateOf(machine, 0, 1, 4), 'a third is what it can do');
      return Math.max(settlingTime(machine, 0, 4, 10), settlingTime(machine, 0, 10, 16));
    });
    assert.ok(times.filter((time) => time <= 1.5 + 1e-9).length >= 45 && mean(times) <= 1, `${times.map((time) => time.toFixed(1)).join(' ')} s`);
  });

  test.each(SEEDS)('three times as much memory a request, and then as before (seed %i)', (seed) => {
    const set = (bytes: number) => (machine: Machine): void => machine.scale(0, { bytes });
    const { machine } = run({ workload: memory(2), load: 2, seconds: 16, seed, shifts: [{ at: 4, apply: set(3) }, { at: 10, apply: set(1) }] });
    assert.ok(settlingTime(machine, 0, 4, 10) <= 1.5);
    assert.ok(settlingTime(machine, 0, 10, 16) <= 1.5);
  });
});

test('a burst of 10,000 in one moment after a quiet time: who comes later is served, and what is promised is kept', () => {
  const burst = (machine: Machine): void => { for (let k = 0; k < 10_000; k++) machine.arrive(0); };
  const runs = [1, 2, 3, 4].map((seed) => run({ workload: cpuMix(2), load: 0.5, seconds: 6, seed, shifts: [{ at: 3, apply: burst }] }));
  const { machine } = runs[0] as typeof runs[number];
  assert.ok(rateOf(machine, 0, 3.1, 6) >= 0.9 * rateOf(machine, 0, 1, 3), 'those that come after it');
  assert.ok(rateOf(machine, 0, 3, 3.05) * 0.05 >= 100, `${rateOf(machine, 0, 3, 3.05) * 0.05} of the burst are answered: what fits into their deadline`);
  const late = runs.map(({ figures }) => classOf(figures, 'light').late);
  assert.ok(mean(late) <= 20, `${late.join(' ')} late`);
});

test.each([['cpuMix', cpuMix, 0.98], ['db', db, 0.93]] as const)('%s: the conductor is dead for five seconds, and goodput goes on, seeds 1 to 6', (_, workload, part) => {
  const kept = [1, 2, 3, 4, 5, 6].map((seed) => {
    const options = { workload: workload(2), load: 4, seconds: 9, warmUp: 3, seed };
    const [alive, dead] = [run(options), run(options, { dead: { from: 3, to: 8 } })].map(({ machine }) => rateOf(machine, 0, 3, 8)) as [number, number];
    return dead / alive;
  });
  assert.ok(mean(kept) >= part, kept.map((each) => each.toFixed(3)).join(' '));
});

test('a worker stalls for 500 ms: what has not begun there is taken by others', () => {
  const stall = (machine: Machine): void => machine.stall(machine.workers[0] as SimWorker, 500);
  const { machine, figures } = run({ workload: cpuMix(4), cores: 4, load: 0.5, seconds: 6, shifts: [{ at: 3, apply: stall }] });
  assert.ok(rateOf(machine, 0, 3, 3.5) >= 0.9 * rateOf(machine, 0, 1, 3), `${rateOf(machine, 0, 3, 3.5)}`);
  assert.ok(classOf(figures, 'light').okShare >= 0.99);
});

test('a worker dies with threads at a service and before it: their credits come back', () => {
  const policy = new Capriccio();
  const machine = new Machine(policy, { workload: db(2), load: 2, seconds: 8, skew: 0, shifts: [{ at: 3, apply: (changed) => policy.killWorker(changed.workers[0] as SimWorker) }] }).run();
  assert.ok(rateOf(machine, 0, 5, 8) >= 0.9 * rateOf(machine, 0, 1, 3), `${rateOf(machine, 0, 5, 8)} and ${rateOf(machine, 0, 1, 3)} queries a second`);
  assert.ok(report(machine).classes.some(({ lost }) => lost > 0), 'nothing was lost: the worker had nothing');
});
