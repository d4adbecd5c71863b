/** Counting instructions: what the counters print, what is said where nothing counts, and that an operation does what it says as often as it is told. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { availability, countInstructions, countOfPerf, countOfValgrind } from '../../../packages/bench/src/micro/instruction-counter.ts';
import { operations } from '../../../packages/bench/src/micro/instruction-operations.ts';

describe('what a counter prints', () => {
  test('by perf: a count, or why there is none', () => {
    assert.equal(countOfPerf('# started on …\n\n123456789,,instructions:u,1000000,100.00,,\n'), 123_456_789);
    assert.equal(countOfPerf('<not supported>,,instructions:u,0,100.00,,\n'), '<not supported>');
    assert.equal(countOfPerf('Error:\nNo permission\n'), 'Error:');
  });
  test('by valgrind: the references to instructions', () => {
    assert.equal(countOfValgrind('==1== \n==1== I   refs:      212,223,419\n'), 212_223_419);
    assert.equal(countOfValgrind('valgrind: no such tool'), undefined);
  });
});

test('where perf does not count, one line says why and what counts instead', () => {
  const path = process.env['PATH'];
  const folder = mkdtempSync(join(tmpdir(), 'capriccio-counters-'));
  const program = (name: string, text: string): void => { writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 }); };
  process.env['PATH'] = folder;
  try {
    assert.deepEqual(availability(), { name: undefined, why: 'perf counts no instructions here: it is not installed; nor is valgrind here' });
    program('perf', 'echo "<not supported>,,instructions:u,0,100.00,," >&2');
    program('valgrind', 'echo valgrind-1');
    assert.deepEqual(availability(), { name: 'valgrind', why: 'perf counts no instructions here: the processor’s counters are not to be had, as in most virtual machines; valgrind counts' });
    program('perf', 'echo "4711,,instructions:u,1,100.00,," >&2');
    assert.deepEqual(availability(), { name: 'perf', why: '' });
  } finally {
    process.env['PATH'] = path;
    rmSync(folder, { recursive: true, force: true });
  }
});

const counter = availability().name;
const args = (turns: number): string[] => ['-e', `let x = 1; for (let k = 0; k < ${turns}; k++) x = Math.imul(x, 31) + k | 0; process.exitCode = x === 0 ? 1 : 0`];
test('two million turns more of a loop take some instructions each, and a process that fails is told', async (context) => {
  if (counter === undefined) { context.skip('neither perf nor valgrind counts instructions here'); return; }
  const name = counter;
  const [few, many] = await Promise.all([countInstructions(name, args(2_000_000), process.env), countInstructions(name, args(4_000_000), process.env)]);
  const each = (many - few) / 2_000_000;
  assert.ok(each >= 3 && each <= 100, `${each} instructions a turn`);
  await assert.rejects(countInstructions(name, ['--no-such-option-of-node'], process.env));
}, 120_000);

test.each(Object.keys(operations))('%s: done as often as it is told', async (name) => { await operations[name]?.run(2000); });

test('an operation that is not there is an error in words', () => {
  const main = new URL('../../../packages/bench/src/micro/instructions-process.ts', import.meta.url);
  const { status, stderr } = spawnSync(process.execPath, ['--conditions=capriccio-source', main.pathname, 'none', '1', '1'], { encoding: 'utf8' });
  assert.notEqual(status, 0);
  assert.match(stderr, /there is no operation none/);
  execFileSync(process.execPath, ['--conditions=capriccio-source', main.pathname, 'switch', '10', '10']);
});
