/** How many threads libuv has for a pool. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, test } from 'vitest';
import { fixture } from './rig.ts';

const program = fileURLToPath(fixture('libuv-threads.ts'));
async function found(cores: number, { early = false, variable }: { early?: boolean; variable?: string } = {}): Promise<unknown> {
  const { UV_THREADPOOL_SIZE: _, ...env } = process.env;
  const { stdout } = await promisify(execFile)(process.execPath, ['--conditions=capriccio-source', program, String(cores), early ? 'early' : ''], { env: { ...env, ...variable === undefined ? {} : { UV_THREADPOOL_SIZE: variable } }, timeout: 30_000 });
  return JSON.parse(stdout);
}

describe.skipIf(!existsSync('/proc/self/task'))("libuv's threads, which only /proc counts", () => {
  test('are two a core, four at least, and what the process starts does not inherit that', async () => {
    assert.deepEqual(await found(3), { threads: 6, variable: null });
    assert.deepEqual(await found(1), { threads: 4, variable: null });
  });

  test('are as many as the user says', async () => {
    assert.deepEqual(await found(3, { variable: '2' }), { threads: 2, variable: '2' });
  });

  test('stay as they are where the program has used them before', async () => {
    assert.deepEqual(await found(3, { early: true }), { threads: 4, variable: null });
  });
});
