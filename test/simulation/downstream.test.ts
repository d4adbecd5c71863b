/** Services behind us whose capacity nobody tells. Goal G7, scenarios 4, 10 and 12. */
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { climb, firstWindow } from '../../packages/core/src/conductor/windows.ts';
import { random } from './random.ts';
import { SEEDS, classOf, mean, rateOf, run } from './runs.ts';
import { exponential } from './random.ts';
import { db, type Workload } from './workloads.ts';
import type { Machine } from './machine.ts';

type Throughput = (concurrency: number) => number;
const law = (parallel: number, sigma: number, kappa: number, ms: number): Throughput => (c) => Math.min(c, parallel) / ms / (1 + sigma * Math.max(0, c / parallel - 1) + kappa * c * Math.max(0, c - 1));

describe('the window alone, readings with noise, seeds 1 to 5', () => {
  const stations: readonly [string, Throughput][] = [
    ['four at a time, falls slowly', law(4, 0.02, 0.0015, 5)],
    ['a knee at 25', (c) => c / 5 / (1 + 0.05 * (c - 1) + 0.0015 * c * (c - 1))],
    ['sixty-four, then a cliff', law(64, 0.5, 0, 20)],
    ['flat past 16', law(16, 0, 0, 10)],
    ['two hundred, no harm', law(200, 0, 0, 10)],
    ['eight, thrashes sharply', law(8, 1.5, 0.01, 4)],
  ];

  test.each(stations)('%s: 0.9 of the best throughput is held, also after it has become three times slower', (_, throughput) => {
    const best = Math.max(...Array.from({ length: 1000 }, (_each, k) => throughput(k + 1)));
    const held = [1, 2, 3, 4, 5].map((seed) => {
      const next = random(seed);
      let state = firstWindow;
      let [atMs, done, time] = [0, 0, 0];
      while (atMs < 30_000) {
        const slowness = atMs > 15_000 ? 3 : 1;
        const concurrency = Math.max(1, Math.floor(state.window));
        const perMs = throughput(concurrency) / slowness;
        const ms = Math.max(50, 24 / perMs);
        const noise = Math.sqrt(perMs * ms) * (next() + next() + next() + next() - 2) * 1.7;
        atMs += ms;
        state = climb(state, { atMs, perMs: Math.max(1, perMs * ms + noise) / ms, concurrency, isSaturated: true });
        if (atMs > 5000 && (atMs < 15_000 || atMs > 17_000)) { done += perMs * slowness * ms; time += ms; }
      }
      return done / time / best;
    });
    assert.ok(mean(held) >= 0.9, `${mean(held).toFixed(3)}`);
  });

  /** Requests that come by chance, wait while there is room, and are answered: a window that is climbed by readings as the conductor takes them. @returns how many a millisecond */
  function throughWindow({ throughput, perMs, seconds, queueMax, window = firstWindow.window, seed }: { throughput: Throughput; perMs: number; seconds: number; queueMax: number; window?: number; seed: number }): number {
    const next = random(seed);
    const gap = exponential(1 / perMs);
    let state = { ...firstWindow, window };
    let [inside, queued, credit, arrival, all] = [0, 0, 0, gap(next), 0];
    let reading = { atMs: 0, done: 0, area: 0, waits: 0 };
    for (let now = 1; now <= seconds * 1000; now++) {
      for (; arrival <= now; arrival += gap(next)) {
        if (queued === 0 && inside < Math.floor(state.window)) inside++;
        else if (queued < queueMax) { queued++; reading.waits++; }
      }
      credit = inside === 0 ? 0 : credit + throughput(inside);
      for (; credit >= 1 && inside > 0; credit--) { inside--; reading.done++; all++; }
      for (; queued > 0 && inside < Math.floor(state.window); queued--) inside++;
      reading.area += inside;
      const ms = now - reading.atMs;
      if (now % 50 > 0 || reading.done === 0 || (reading.done < 24 && ms < 500)) continue;
      state = climb(state, { atMs: now, perMs: reading.done / ms, concurrency: reading.area / ms, isSaturated: reading.waits > 0 });
      reading = { atMs: now, done: 0, area: 0, waits: 0 };
    }
    return all / seconds / 1000;
  }
  const seeds = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

  test('of arrivals that are seven tenths of the best nearly all go through, though they wait for one of four places at first', () => {
    const perMs = 0.072;
    const done = seeds.map((seed) => throughWindow({ throughput: law(8, 1.5, 0.01, 50), perMs, seconds: 4, queueMax: 4, window: 4.3, seed }) / perMs);
    assert.ok(mean(done) >= 0.9, `${mean(done).toFixed(3)}`);
  });
  /** How many at a time are best, how much those beyond are in each other's way, and what one takes, ms. */
  test.each([[3, 1, 25], [3, 1, 100], [5, 1.5, 100], [5, 1.5, 400], [8, 1.5, 400], [60, 1.5, 25]])('from nothing: of a service of which %d at a time are best, that thrashes (%f) and takes %d ms, 0.85 of the best is held over twenty seconds, its first ones included', (parallel, sigma, serviceMs) => {
    const throughput = law(parallel, sigma, 0, serviceMs);
    const best = Math.max(...Array.from({ length: 1000 }, (_each, k) => throughput(k + 1)));
    const held = seeds.map((seed) => throughWindow({ throughput, perMs: 2 * best, seconds: 20, queueMax: 100, seed }) / best);
    assert.ok(mean(held) >= 0.85, `${mean(held).toFixed(3)}`);
  });
  test('where nobody waits there is no limit', () => {
    let state = firstWindow;
    for (let k = 1; k < 20; k++) state = climb(state, { atMs: k * 50, perMs: 10, concurrency: Math.min(100, 6 * 1.3 ** k), isSaturated: false });
    assert.ok(state.window >= 150);
  });
  test('where far more are there than before, and far fewer come back, the way back is known', () => {
    let state = firstWindow;
    for (let k = 1; k < 20; k++) state = climb(state, { atMs: k * 50, perMs: 10, concurrency: 10, isSaturated: false });
    for (let k = 20; k < 25; k++) state = climb(state, { atMs: k * 50, perMs: 2, concurrency: Math.min(state.window, 60), isSaturated: false });
    state = climb(state, { atMs: 1300, perMs: 2, concurrency: 60, isSaturated: false });
    assert.ok(state.window < 15, `${state.window}`);
  });
});

describe('in front of a service', () => {
  const shapes: readonly [string, { parallel: number; sigma: number; kappa: number }][] = [
    ['4', { parallel: 4, sigma: 0.02, kappa: 0.0015 }],
    ['25', { parallel: 25, sigma: 0.05, kappa: 0.0008 }],
    ['64', { parallel: 64, sigma: 0.5, kappa: 0 }],
    ['none', { parallel: 200, sigma: 0, kappa: 0 }],
    ['8, thrashing sharply', { parallel: 8, sigma: 1.5, kappa: 0.01 }],
  ];
  test.each(shapes)('a knee at %s: 0.85 of its best is held under three times as much, and requests that need none of it are answered', (_, shape) => {
    const throughput = law(shape.parallel, shape.sigma, shape.kappa, 5);
    const best = Math.max(...Array.from({ length: 400 }, (_each, k) => throughput(k + 1)));
    const workload = db(2, shape);                                       // two cores can ask for no more than some five a millisecond
    const OFFERED_MAX = 4;
    const classes = workload.classes.map((one, type) => (type === 0 ? { ...one, perMs: Math.min(best, OFFERED_MAX / 3) } : { ...one, perMs: 0.2 }));
    const { figures } = run({ workload: { ...workload, classes }, load: 3, seconds: 8, warmUp: 2 });
    assert.ok(figures.stationPerS / 1000 >= 0.85 * Math.min(best, OFFERED_MAX), `${figures.stationPerS.toFixed(0)} of ${(best * 1000).toFixed(0)} a second`);
    assert.ok(classOf(figures, 'static').okShare >= 0.97, `static ${classOf(figures, 'static').okShare.toFixed(3)}`);
  });

  test.each(SEEDS)('it answers nothing for five seconds: others go on, and it is used again within 1.5 s (seed %i)', (seed) => {
    const slow = (times: number) => (machine: Machine): void => machine.station?.slow(times);
    const { machine, figures } = run({ workload: db(2), load: 0.7, seconds: 14, seed, shifts: [{ at: 3, apply: slow(1e6) }, { at: 8, apply: slow(1) }] });
    const before = rateOf(machine, 0, 1, 3);
    assert.ok(classOf(figures, 'static').okShare >= 0.97, 'static requests meanwhile');
    assert.ok(rateOf(machine, 0, 9.5, 10.5) >= 0.9 * before, `${rateOf(machine, 0, 9.5, 10.5).toFixed(0)} queries a second, ${before.toFixed(0)} before`);
  });

  test('it answers nothing for ten seconds: no estimate is stuck at refusing', () => {
    const slow = (times: number) => (machine: Machine): void => machine.station?.slow(times);
    const { machine, figures } = run({ workload: db(2), load: 1.5, seconds: 18, shifts: [{ at: 3, apply: slow(1e6) }, { at: 13, apply: slow(1) }] });
    assert.ok(classOf(figures, 'static').okShare >= 0.95, 'static requests meanwhile');
    assert.ok(rateOf(machine, 0, 14.5, 16.5) >= 0.9 * rateOf(machine, 0, 1, 3), 'queries afterwards');
  });

  test('two roots behind one window share it by their tickets', () => {
    const workload: Workload = {
      station: { parallel: 4, sigma: 0.02, kappa: 0.0015 },
      classes: [1, 3].map((tickets, type) => ({
        name: `root${type}`, tickets, deadlineMs: 1000, perMs: 1.5, priority: type,
        steps: [{ node: 1, cpuMs: exponential(0.1), waitsFor: 'station' as const, waitMs: exponential(5) }, { node: 2, cpuMs: exponential(0.1), waitsFor: 'end' as const }],
      })),
    };
    const { figures } = run({ workload, seconds: 12, warmUp: 3 });
    const [one, three] = figures.classes.map(({ okPerS }) => okPerS) as [number, number];
    assert.ok(Math.abs(three / (one + three) - 0.75) <= 0.03, `${one.toFixed(0)} and ${three.toFixed(0)} a second`);
  });
});
