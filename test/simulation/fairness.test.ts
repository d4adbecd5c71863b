/** Who floods harms himself. Goals G8 and G9, scenarios 5, 9. */
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { schedulingRules } from '../../packages/worker/src/levels.ts';
import { Roots } from '../../packages/worker/src/roots.ts';
import type { Root } from '../../packages/worker/src/run-queues.ts';
import { classOf, run } from './runs.ts';
import { flood, type Workload } from './workloads.ts';

describe('one of several roots is flooded', () => {
  test.each([[2, 16], [8, 4], [8, 16], [64, 16]])('of %i, at %ix: 99 % of the others are answered', (roots, times) => {
    const { figures } = run({ workload: flood(2, roots, times), seconds: 6 });
    const others = figures.classes.slice(1);
    const [ok, offered] = others.reduce(([a, b], { okPerS, offeredPerS }) => [a + okPerS, b + offeredPerS], [0, 0] as [number, number]);
    assert.ok(ok >= 0.99 * offered, `${(ok / offered).toFixed(4)}`);
    assert.ok(classOf(figures, 'flood').okPerS > 0, 'the flooded one is not shut out');
    assert.ok(figures.work >= 0.85, `work ${figures.work.toFixed(2)}: the flooded one gets what is left`);
  });

  test('by ten thousand names: their number has a bound, and the machine does its work', () => {
    const roots = new Roots<{ attainedUs: number }>();
    const all = new Set(Array.from({ length: 10_000 }, (_, k) => roots.named(`/user/${k}`)));
    assert.ok(all.size <= 1025, `${all.size} roots`);
    for (const root of all) { root.push({ attainedUs: 0 }, 0); roots.activate(root); }
    let ran = 0;
    for (let root = roots.pick(); root !== undefined; root = roots.pick()) {
      root.draw();
      root.shift();
      roots.charge(root, 0.01);
      ran++;
    }
    assert.equal(ran, all.size);
  });
});

describe('shares of a worker', () => {
  const MS = 1;
  /** A worker that always has work of each root, `ms` a turn; the times that each had. */
  function share(tickets: readonly number[], turns: number, ms: (k: number) => number = () => MS): number[] {
    const roots = new Roots<{ attainedUs: number }>();
    const list = tickets.map((count, k) => { const root = roots.named(`r${k}`); root.tickets = count; root.push({ attainedUs: 0 }, 0); roots.activate(root); return root; });
    const used = new Map<Root<{ attainedUs: number }>, number>(list.map((root) => [root, 0]));
    for (let k = 0; k < turns; k++) {
      const root = roots.pick() as Root<{ attainedUs: number }>;
      root.draw();
      const thread = root.shift() as { attainedUs: number };
      const time = ms(list.indexOf(root));
      roots.charge(root, time);
      used.set(root, (used.get(root) as number) + time);
      root.push(thread, 0);
      roots.activate(root);
    }
    return [...used.values()];
  }

  test('of roots follow their tickets within 2 % over a second', () => {
    const used = share([1, 2, 5, 8], 1000, (k) => [0.2, 1.3, 0.7, 1][k] as number);
    const all = used.reduce((a, b) => a + b, 0);
    for (const [k, tickets] of [1, 2, 5, 8].entries()) assert.ok(Math.abs((used[k] as number) / all - tickets / 16) <= 0.02, `${used}`);
  });

  test('of levels are 75, 19, 5 and 1 percent while all are busy, and none is starved', () => {
    const roots = new Roots<{ attainedUs: number; level: number }>();
    const root = roots.named('r');
    const attained = [0, 2000, 8000, 50_000];
    for (const [level, attainedUs] of attained.entries()) root.push({ attainedUs, level }, 0);
    const used = [0, 0, 0, 0];
    for (let k = 0; k < 20_000; k++) {
      roots.activate(root);
      root.draw();
      const thread = root.shift() as { attainedUs: number; level: number };
      used[thread.level] = (used[thread.level] as number) + 1;
      roots.charge(root, 1);
      thread.attainedUs = attained[thread.level] as number;
      root.push(thread, 0);
    }
    for (const [level, part] of [0.753, 0.188, 0.047, 0.012].entries()) assert.ok(Math.abs((used[level] as number) / 20_000 - part) <= 0.005, `${used}`);
  });

  test('the long ones of a root are served first come, first served', () => {
    const root = new Roots<{ attainedUs: number; name: string }>().named('r');
    const [first, second] = ['first', 'second'].map((name) => ({ attainedUs: 20_000, name })) as [{ attainedUs: number; name: string }, { attainedUs: number; name: string }];
    root.push(first, 0);
    root.push(second, 0);
    for (let k = 0; k < 10; k++) {
      root.draw();
      assert.equal(root.shift(), first);
      root.requeue(first);
      root.settle(1);
    }
    assert.equal(root.runnable, 2);
    assert.equal(schedulingRules.isFirstComeFirstServed, true);
  });
});

test('a thread that gives nothing away for 200 ms: other workers take what has not begun', () => {
  const workload: Workload = { classes: [
    { name: 'light', deadlineMs: 100, perMs: 2, priority: 0, steps: [{ node: 1, cpuMs: () => 0.2, waitsFor: 'end' }] },
    { name: 'stuck', deadlineMs: 2000, perMs: 0.001, priority: 1, steps: [{ node: 2, cpuMs: () => 200, waitsFor: 'end' }] },
  ] };
  const { figures } = run({ workload, cores: 4, seconds: 10 }, { quantumMs: Infinity });
  assert.ok(classOf(figures, 'light').okShare >= 0.99, `${classOf(figures, 'light').okShare.toFixed(4)}`);
  assert.ok(run({ workload, cores: 4, seconds: 10 }, { quantumMs: Infinity, steals: false }).figures.classes[0]?.okShare as number < 0.98, 'without stealing it is as good');
});
