/** What a worker makes of the conductor's plan, without a conductor. */
import assert from 'node:assert/strict';
import { PLAN, PLAN_NODE, PLAN_ROOT, allocateGraph, mapGraph, writePlan } from '@capriccio/shared';
import { Recorder, Scheduler, sharedNow } from '@capriccio/worker';
import { test } from 'vitest';
import { PlanFollower } from '../../../packages/worker/src/plan-follower.ts';

test('a root that is a part of another goes by that one\'s window from its first thread on, and until more is known', () => {
  const scheduler = new Scheduler();
  const memory = mapGraph(allocateGraph(2), 2);
  const recorder = new Recorder(memory, 1, scheduler.roots);
  const follower = new PlanFollower(memory, 1, scheduler, recorder, { hasWindows: true, hasForecasts: false, hasBrake: false });
  const { roots } = scheduler;
  const whole = roots.named('page');
  const asks = scheduler.spawn(function* waits() { yield; }, [], whole);
  recorder.pass(asks as never, 100);
  const [start, service] = [recorder.startRowOf(whole), recorder.rowOf(asks as never)];
  const plan = (): void => {
    const head = new Float64Array(Object.keys(PLAN).length);
    const [rootRows, nodes] = [2, Math.max(start, service) + 1];
    [head[PLAN.roots], head[PLAN.nodes]] = [rootRows, nodes];
    const page = { head, roots: new Float64Array(rootRows * PLAN_ROOT.width), nodes: new Float64Array(nodes * PLAN_NODE.width) };
    page.nodes[service * PLAN_NODE.width + PLAN_NODE.window] = 1;        // of none: there is no place
    page.nodes[service * PLAN_NODE.width + PLAN_NODE.stallMs] = Infinity;
    page.nodes[start * PLAN_NODE.width + PLAN_NODE.leadsTo] = service;
    assert.ok(writePlan(memory, 1, page));
    follower.beginTurn(sharedNow());
  };
  plan();
  assert.equal(whole.hasRoom?.(), false);
  const [part, stranger] = ['page (short)', 'other'].map((name) => roots.named(name)) as [typeof whole, typeof whole];
  part.whole = whole;
  for (const root of [part, stranger]) recorder.startRowOf(root);       // its first thread begins
  assert.deepEqual([part, stranger].map((root) => root.hasRoom?.()), [false, true]);
  assert.notEqual(part.gateWait, undefined);
  assert.ok([part, stranger].every((root) => root.promise !== undefined), 'one at a time');
  plan();
  assert.deepEqual([part, stranger].map((root) => root.hasRoom?.()), [false, true]);
});
