/** Packages from npm that ship their tests: compiled, with whatever they load, each test gives what it gives natively. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { test } from 'vitest';

const isLong = process.env['CAPRICCIO_LONG'] === '1';
const root = fileURLToPath(new URL('../../../', import.meta.url));
const BOUND_MS = 60_000;
/** Of each package so many files, in the order of their names; all of them with CAPRICCIO_LONG=1. */
const packages: Readonly<Record<string, number>> = { avvio: 6, fastify: 4, 'fast-json-stringify': 4, 'find-my-way': 6, 'process-warning': 3 };
/** What depends on the text of a function, and what asks V8 whether it has optimised one. */
const DIFFERENT = /^(?:avvio\/test\/plugin-name|fast-json-stringify\/test\/deopt)\.test\.js$/;

/** Each test's name and whether it passed, in order; and how the process ended. */
async function results(file: string, isCompiled: boolean): Promise<{ code: number; tests: string[]; compiled: number }> {
  const how = isCompiled ? ['--conditions=capriccio-source', '--disable-warning=ExperimentalWarning', '--import', new URL('../../fixtures/compiler/compile-all.ts', import.meta.url).href] : [];
  const { stdout, stderr, code } = await promisify(execFile)(process.execPath, [...how, '--test-reporter=tap', file], { cwd: root, timeout: BOUND_MS, maxBuffer: 2 ** 26, env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'], CAPRICCIO_CACHE: '0' } })
    .then((done) => ({ ...done, code: 0 }), (error: { stdout?: string; stderr?: string; code?: number }) => ({ stdout: '', stderr: '', ...error, code: error.code ?? -1 }));
  const compiled = Number(/COMPILED \{"compiled":(\d+)/.exec(stderr)?.[1] ?? 0);
  return { code, compiled, tests: stdout.split('\n').filter((line) => /^ *(?:not )?ok \d+/.test(line)).map((line) => line.trim().replace(/ # .*/, '')) };
}

for (const [name, most] of Object.entries(packages)) {
  test(name, { timeout: isLong ? 1_800_000 : 120_000 }, async () => {
    const files = fs.readdirSync(`${root}node_modules/${name}/test`).filter((file) => file.endsWith('.test.js') && !DIFFERENT.test(`${name}/test/${file}`)).slice(0, isLong ? Infinity : most);
    let count = 0;
    for (const file of files) {
      const path = `node_modules/${name}/test/${file}`;
      const native = await results(path, false);
      if (native.code !== 0) continue;                                   // it needs what is not installed here
      const made = await results(path, true);
      assert.deepEqual({ code: made.code, tests: made.tests }, { code: 0, tests: native.tests }, path);
      assert.ok(made.compiled > 0, `${path}: nothing was compiled`);
      count += made.tests.length;
    }
    assert.ok(count > 0, 'none of them ran');
  });
}
