/** The conductor thread of a real pool: it sleeps while nothing runs, and may die. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { allocateMemory, conductorWord, layOut, mapMemory, markLive, parker, type Memory } from '@capriccio/shared';
import { ConductorThread } from '../../../packages/core/src/conductor/conductor-thread.ts';
import { soon, until } from './rig.ts';

const part = { name: 'echo', url: new URL('../../fixtures/core/conductor-part.ts', import.meta.url).href, data: undefined };

interface Rig { readonly memory: Memory; readonly thread: ConductorThread; readonly heard: unknown[]; readonly warnings: string[] }

function conductorOf(...others: (typeof part)[]): Rig {
  const layout = layOut({ participantCount: 2, slotCount: 16, payloadBytes: 65_536, namesBytes: 4096, ringCount: 1 });
  const buffer = allocateMemory(layout);
  const memory = mapMemory(buffer, layout);
  const heard: unknown[] = [];
  const warnings: string[] = [];
  markLive(memory, 1);
  const thread = new ConductorThread({ memory, buffer, name: 'test', execArgv: undefined, parts: [part, ...others], receive: (_, message) => { heard.push(message); }, ended: () => { /* nothing was told */ }, warn: (message) => { warnings.push(message); } });
  thread.start();
  onTestFinished(async () => { await thread.close(); });
  return { memory, thread, heard, warnings };
}

/** Voluntary and other switches of the thread so far. */
function switchesOf(name: string): number {
  const task = readdirSync('/proc/self/task').find((id) => readFileSync(`/proc/self/task/${id}/comm`, 'utf8').trim() === name);
  assert.ok(task !== undefined, `there is a thread ${name}`);
  return Number(readFileSync(`/proc/self/task/${task}/schedstat`, 'utf8').split(' ')[2]);
}

test('it goes on while a worker runs, sleeps when all have parked, and wakes for the next', async () => {
  const { memory } = conductorOf();
  await until(() => conductorWord.readBeat(memory) > 5, 'several passes');
  parker.announce(memory, 1, true);
  await until(() => conductorWord.isAsleep(memory), 'its sleep');
  const before = process.platform === 'linux' ? switchesOf('test-cond') : 0;
  const beat = conductorWord.readBeat(memory);
  await delay(300);
  assert.equal(conductorWord.readBeat(memory), beat, 'no pass while nothing runs');
  if (process.platform === 'linux') expect(switchesOf('test-cond') - before, 'wake-ups while nothing runs').toBeLessThanOrEqual(1);
  parker.retract(memory, 1);
  conductorWord.rouse(memory);
  await until(() => conductorWord.readBeat(memory) > beat + 5, 'passes after a rouse');
});

test('what is sent to a part arrives, also in its sleep, and what it answers comes back', async () => {
  const { memory, thread, heard } = conductorOf();
  parker.announce(memory, 1, true);
  await until(() => conductorWord.isAsleep(memory), 'its sleep');
  thread.post('echo', 'hello');
  await until(() => heard.includes('echo hello'), 'the answer');
});

test('one that throws is replaced, and the pause grows', async () => {
  const { memory, thread, warnings, heard } = conductorOf();
  await until(() => conductorWord.readBeat(memory) > 0, 'its first pass');
  thread.post('echo', 'throw');
  await until(() => thread.replaced === 1, 'a replacement');
  thread.post('echo', 'throw');
  await until(() => thread.replaced === 2, 'another');
  assert.match(warnings[0] as string, /thrown by a part.*in 100 ms/);
  assert.match(warnings[1] as string, /in 200 ms/);
  await until(() => { thread.post('echo', 'again'); return heard.includes('echo again'); }, 'an answer of the third');
});

test('one that stands still is replaced within seconds', async () => {
  const { memory, thread, warnings } = conductorOf();
  await until(() => conductorWord.readBeat(memory) > 0, 'its first pass');
  thread.post('echo', 'stall');
  await until(() => thread.replaced === 1, 'a replacement', 10_000);
  assert.match(warnings[0] as string, /stood still/);
  const beat = conductorWord.readBeat(memory);
  await until(() => conductorWord.readBeat(memory) > beat, 'passes of the next');
});

test('one that takes long to begin is waited for', async () => {
  const slow = 'await new Promise((resolve) => { setTimeout(resolve, 5000); }); export const create = () => ({ pass: () => 4 });';
  const { memory, thread, warnings } = conductorOf({ name: 'slow', url: `data:text/javascript,${encodeURIComponent(slow)}`, data: undefined });
  await until(() => conductorWord.readBeat(memory) > 0, 'its first pass');
  assert.deepEqual(warnings, []);
  assert.equal(thread.replaced, 0);
});

test('it ends with close, whatever it does', async () => {
  const { memory, thread } = conductorOf();
  await until(() => conductorWord.readBeat(memory) > 0, 'its first pass');
  thread.post('echo', 'stall');
  await delay(20);
  await soon(thread.close(), 'its end', 5000);
});
