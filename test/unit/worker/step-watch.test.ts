/** What goes on outside of turns, in a time that is given. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { LocalThread } from '../../../packages/worker/src/thread.ts';
import { Scheduler } from '../../../packages/worker/src/scheduler.ts';
import { StepWatch, Steps } from '../../../packages/worker/src/step-watch.ts';

function rig() {
  let [now, looks] = [1, 0];
  const watch = new StepWatch(() => { looks++; return now; });
  const steps = new Steps();
  const step = (ms: number): boolean => {
    if (steps.goesThroughQueue()) return false;
    watch.begin(steps);
    now += ms;
    watch.end(steps);
    return true;
  };
  return { watch, steps, step, get looks() { return looks; } };
}

test('where one takes long, the next go through the run queue, and one is tried again', () => {
  const { step } = rig();
  assert.equal(step(0.01), true);
  assert.equal(step(4), true, 'nobody knew');
  assert.equal(step(4), true, 'once is an accident');
  for (let round = 0; round < 3; round++) {
    for (let k = 0; k < 64; k++) assert.equal(step(4), false);
    assert.equal(step(4), true, 'tried again');
  }
  for (let k = 0; k < 64; k++) assert.equal(step(4), false);
  for (let k = 0; k < 500; k++) assert.equal(step(0.01), true, 'it has become short');
});

test('one that is long by accident changes nothing', () => {
  const { step } = rig();
  for (let k = 0; k < 500; k++) assert.equal(step(k % 6 === 1 ? 4 : 0.01), true);
});

test('long ones between short ones are no accident', () => {
  const { step } = rig();
  for (const ms of [0.01, 4, 0.01, 0.01, 4]) assert.equal(step(ms), true);
  assert.equal(step(4), false);
});

test('after the first few of a root hardly any is measured, and long ones are found all the same', () => {
  const all = rig();
  for (let k = 0; k < 1000; k++) all.step(0.01);
  assert.equal(all.looks, 16);
  for (let k = 0; k < 7; k++) all.watch.look(all.steps);
  all.step(4);
  assert.equal(all.step(4), true, 'not measured');
  all.watch.look(all.steps);
  all.step(4);
  all.step(4);
  assert.equal(all.step(4), false);
});

test('a scheduler lets long ones wait for their turn', () => {
  const scheduler = new Scheduler();
  const thread = new LocalThread(scheduler, scheduler.roots.named('root'), 'thread');
  const other = new LocalThread(scheduler, scheduler.roots.named('other'), 'other');
  assert.equal(scheduler.offTurn.mayGoOn(thread), true);
  for (let k = 0; k < 2; k++) {
    scheduler.offTurn.begins(thread);
    for (const end = performance.now() + 1; performance.now() < end;);
    scheduler.offTurn.waits(thread);
  }
  for (let k = 0; k < 64; k++) assert.equal(scheduler.offTurn.mayGoOn(thread), false);
  assert.equal(scheduler.offTurn.mayGoOn(other), true, 'of another root it is known that they are short, or nothing');
});
