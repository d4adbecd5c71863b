/** What goes on when the conductor or the main thread does not. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Worker } from 'node:worker_threads';
import { describe, onTestFinished, test } from 'vitest';
import { fixture, poolFor, soon, until } from './rig.ts';

type Basic = typeof import('../../fixtures/basic.ts');

test('without a conductor calls go on, and another comes', async () => {
  const threads: Worker[] = [];
  const note = (worker: Worker): void => { threads.push(worker); };
  process.on('worker', note);
  onTestFinished(() => { process.off('worker', note); });
  const conductors = (): Worker[] => threads.filter((worker) => worker.threadName?.endsWith('-cond') === true);
  const pool = await poolFor({ cores: 2 });
  const warnings: string[] = [];
  pool.on('warning', ({ message }) => { warnings.push(message); });
  const basic = pool.module<Basic>(new URL('../../fixtures/basic.ts', import.meta.url));
  await until(() => conductors().length === 1, 'the conductor');
  for (let round = 1; round <= 2; round++) {
    const [dying] = conductors() as [Worker];
    const calls = Array.from({ length: 200 }, (_, k) => basic.addLater(k, 1, k % 10));
    await dying.terminate();
    calls.push(...Array.from({ length: 200 }, (_, k) => basic.addLater(k, 1, 0)));
    assert.deepEqual(await soon(Promise.all(calls)), [...Array.from({ length: 200 }, (_, k) => k + 1), ...Array.from({ length: 200 }, (_, k) => k + 1)]);
    await until(() => conductors().length === 1 && conductors()[0] !== dying, 'its successor');
    assert.equal(warnings.filter((text) => /conductor thread has ended/.test(text)).length, round);
  }
});

describe('when the main thread goes', () => {
  const isFree = async (port: number): Promise<boolean> => {
    const socket = connect(port, '127.0.0.1');
    try { await once(socket, 'connect'); return false; } catch { return true; } finally { socket.destroy(); }
  };
  test.each([
    ['by a signal that cannot be caught', 'SIGKILL', 'wait'], ['by process.exit', undefined, 'exit'], ['by an uncaught error', undefined, 'throw'],
    ['by a signal, with a worker blocked', 'SIGKILL', 'block'], ['by process.exit, with a worker in execSync', undefined, 'block-exit'],
  ] as const)('%s: no process and no port is left', async (_, signal, how) => {
    const child = spawn(process.execPath, ['--conditions=capriccio-source', '--disable-warning=ExperimentalWarning', fileURLToPath(fixture('serves-and-goes.ts')), how], { stdio: ['ignore', 'pipe', 'ignore'] });
    onTestFinished(() => { child.kill('SIGKILL'); });
    const exited = once(child, 'exit');
    const [line] = await soon(once(createInterface(child.stdout), 'line') as Promise<[string]>, 'its port');
    const port = Number(line);
    assert.ok(port > 0, line);
    if (signal !== undefined) { await delay(100); child.kill(signal); }
    await soon(exited, 'its exit');
    assert.ok(await isFree(port), `port ${port} is free`);
  });
});
