import assert from 'node:assert/strict';
import { AsyncResource, createHook } from 'node:async_hooks';
import { readFile } from 'node:fs/promises';
import { setImmediate as immediate, setTimeout as pause } from 'node:timers/promises';
import { onTestFinished, test } from 'vitest';
import { Scheduler } from '../../../../packages/worker/src/scheduler.ts';
import { callbackStarts } from '../../../../packages/worker/src/lanes/callback-starts.ts';

/** What has been seen, in order: 'begin' where a callback begins. */
function watched(): string[] {
  const seen: string[] = [];
  const starts = callbackStarts(() => { seen.push('begin'); });
  starts.enable();
  onTestFinished(() => { starts.disable(); });
  return seen;
}

test('each timer and each immediate is one, also of those that run in one iteration of the event loop', async () => {
  const seen = watched();
  await new Promise<void>((resolve) => {
    for (const name of ['a', 'b', 'c']) setImmediate(() => { seen.push(name); if (name === 'c') resolve(); });
  });
  assert.deepEqual(seen.slice(seen.indexOf('a') - 1, seen.indexOf('c') + 1), ['begin', 'a', 'begin', 'b', 'begin', 'c']);
  seen.length = 0;
  await Promise.all([1, 1, 1].map(async (ms) => { await pause(ms); seen.push('goes on'); }));
  assert.deepEqual(seen.slice(seen.indexOf('goes on') - 1).filter((name, k, all) => name !== all[k - 1]).slice(0, 6), ['begin', 'goes on', 'begin', 'goes on', 'begin', 'goes on']);
});

test('what the thread pool has answered begins one', async () => {
  const seen = watched();
  await readFile(import.meta.filename);
  seen.push('read');
  assert.equal(seen.at(-2), 'begin');
});

test('ticks, microtasks and what runs in the scope of a resource belong to theirs', async () => {
  const seen = watched();
  await immediate();
  const from = seen.length;
  await new Promise<void>((resolve) => {
    process.nextTick(() => { seen.push('tick'); queueMicrotask(() => { seen.push('microtask'); new AsyncResource('OWN').runInAsyncScope(() => { seen.push('scope'); resolve(); }); }); });
  });
  assert.deepEqual(seen.slice(from), ['tick', 'microtask', 'scope']);
});

test('promises are none, also where somebody else has hooks for them', async () => {
  const others = createHook({ init() { /* an observer's */ }, before() { /* an observer's */ } }).enable();
  onTestFinished(() => { others.disable(); });
  const seen = watched();
  await immediate();
  const from = seen.length;
  for (let k = 0; k < 3; k++) { await Promise.resolve(); seen.push('went on'); }
  assert.deepEqual(seen.slice(from), ['went on', 'went on', 'went on']);
});

test('a callback that a thread has asked for is its root\'s as long as the thread is there', async () => {
  const seen: (string | undefined)[] = [];
  const starts = callbackStarts((owner) => { seen.push(owner?.root.name); });
  const scheduler = new Scheduler();
  starts.enable();
  onTestFinished(() => { starts.disable(); });
  let outlives: Promise<void> | undefined;
  await scheduler.spawn(async () => {
    await pause(1);
    await readFile(import.meta.filename);
    outlives = immediate().then(() => immediate()).then(() => immediate());
  }, [], scheduler.roots.named('root'), undefined).join();
  assert.ok(seen.filter((name) => name === 'root').length >= 2, String(seen));
  seen.length = 0;
  await outlives;
  assert.equal(seen.at(-1), undefined, 'the thread has ended');
});

test('nothing is told any more when it was disabled', async () => {
  const seen: string[] = [];
  const starts = callbackStarts(() => { seen.push('begin'); });
  starts.enable();
  starts.disable();
  await immediate();
  assert.deepEqual(seen, []);
});
