/** Contexts, threads and frames where Node has no context frames that could be entered directly: the same tests, in processes with that flag. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { test } from 'vitest';
import { isContextShared } from '../../../packages/worker/src/context.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const run = promisify(execFile);

test('this process enters contexts directly', () => { assert.equal(isContextShared, !process.execArgv.includes('--no-async-context-frame')); });

test('without AsyncContextFrame all is the same', async () => {
  const env = { ...process.env, NODE_OPTIONS: '--no-async-context-frame' };
  const { stdout } = await run(process.execPath, ['--conditions=capriccio-source', '--input-type=module', '-e', `import { isContextShared } from ${JSON.stringify(new URL('../../../packages/worker/src/context.ts', import.meta.url).href)}; console.log(isContextShared);`], { env });
  assert.equal(stdout.trim(), 'false');
  const files = ['context', 'thread', 'frame', 'scope'].map((name) => join('test', 'unit', 'worker', `${name}.test.ts`));
  await run(process.execPath, [join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', '--project', 'fast', ...files], { env, cwd: root, timeout: 110_000 });
}, 120_000);
