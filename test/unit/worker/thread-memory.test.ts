/** How much a blocked thread takes: a million of them are the point. The exact figure is micro/threads' (`npm run bench`); this holds its order. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { directOf, SUSPENDED } from '../../../packages/worker/src/suspended.ts';
import { Channel, sleep, spawn, type Thread } from '../../../packages/worker/src/thread-api.ts';

const COUNT = 100_000;
const BYTES_MAX = 275;
const recv = directOf(Channel.prototype.recv);
const doze = directOf(sleep);
const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });
function bytes(): number {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

test('a thread that is blocked takes no more than its frame and a small object, on a channel or asleep', async () => {
  assert.ok(globalThis.gc !== undefined, 'run with --expose-gc');
  const channel = new Channel<number>();
  const kinds = {
    channel: function* (): Generator { if (recv.call(channel) === SUSPENDED) yield SUSPENDED; },
    sleep: function* (): Generator { if (doze(600_000) === SUSPENDED) yield SUSPENDED; },
  };
  for (const [kind, frames] of [...Object.entries(kinds), ...Object.entries(kinds)]) {   // the first round warms up
    const threads = new Array<Thread<unknown>>(COUNT);
    const before = bytes();
    for (let k = 0; k < COUNT; k++) threads[k] = spawn(frames);
    const last = threads[COUNT - 1] as Thread<unknown>;
    while (last.status !== 'blocked') await turn();
    const each = (bytes() - before) / COUNT;
    for (const thread of threads) { thread.detach(); if (kind === 'sleep') thread.cancel(); else channel.trySend(1); }
    while (last.status === 'blocked' || last.status === 'ready') await turn();
    assert.ok(each < BYTES_MAX, `${kind}: ${each.toFixed(0)} bytes each`);
  }
});
