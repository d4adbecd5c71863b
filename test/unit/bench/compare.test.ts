import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as fc from 'fast-check';
import { describe, test } from 'vitest';
import { changeOf, quantileOfStudent } from '../../../packages/bench/src/compare/statistics.ts';
import { Revision } from '../../../packages/bench/src/compare/revision.ts';

describe('what has moved', () => {
  test.each([[0.975, 1, 12.706], [0.975, 4, 2.776], [0.995, 6, 3.707], [0.995, 30, 2.75], [0.95, 10, 1.812]])('Student’s quantile of %f with %i degrees of freedom, as in tables', (p, freedom, value) => {
    assert.ok(Math.abs(quantileOfStudent(p, freedom) - value) < 0.001, String(quantileOfStudent(p, freedom)));
  });
  test('a steady change is found, in both directions, and noise around none is not', () => {
    const pairs = (factor: number): [number, number][] => [1, 1.01, 0.99, 1.02, 0.98, 1, 1.01].map((noise, k) => [100 + k * 30, (100 + k * 30) * factor * noise]);
    assert.equal(changeOf(pairs(1.2), 20).hasMoved, true);
    assert.equal(changeOf(pairs(0.8), 20).hasMoved, true);
    assert.equal(changeOf(pairs(1), 20).hasMoved, false);
    assert.ok(Math.abs(changeOf(pairs(1.2)).ratio - 1.2) < 0.01);
  });
  test('drift of the machine in both of a pair is no change', () => {
    assert.equal(changeOf([[100, 101], [200, 199], [50, 50.2], [400, 402]]).hasMoved, false);
  });
  test('one pair proves nothing; a change of 1 % is not worth a word', () => {
    assert.equal(changeOf([[100, 300]]).hasMoved, false);
    assert.equal(changeOf([[100, 101], [100, 101], [200, 202]]).hasMoved, false);
  });
  test('where nothing has moved, hardly any comparison says that something has', () => {
    const random = fc.sample(fc.double({ min: 0, max: 1, noNaN: true }), { numRuns: 2 * 7 * 400, seed: 7 });
    const noisy = (k: number): number => 100 * Math.exp(0.1 * Math.sqrt(-2 * Math.log(random[2 * k] || 0.5)) * Math.cos(2 * Math.PI * (random[2 * k + 1] as number)));
    let alarms = 0;
    for (let run = 0; run < 200; run++) if (changeOf(Array.from({ length: 7 }, (_, k): [number, number] => [noisy(run * 14 + 2 * k), noisy(run * 14 + 2 * k + 1)])).hasMoved) alarms++;
    assert.ok(alarms <= 8, `${alarms} of 200`);
  });
});

describe('another revision', () => {
  const isClone = ((): boolean => { try { execFileSync('git', ['rev-parse', 'HEAD'], { stdio: 'ignore' }); return true; } catch { return false; } })();
  test.skipIf(!isClone)('has its own packages, our benchmarks and the same dependencies, and leaves nothing', () => {
    let folder: string;
    {
      using revision = new Revision('HEAD');
      folder = fileURLToPath(new URL('../../../', revision.sources));
      assert.match(revision.name, /^[0-9a-f]{7,} \S/);
      assert.equal(readFileSync(new URL('harness.ts', revision.sources), 'utf8'), readFileSync(new URL('../../../packages/bench/src/harness.ts', import.meta.url), 'utf8'));
      const script = "console.log(import.meta.resolve('capriccio'), import.meta.resolve('@capriccio/shared'))";
      const [core = '', shared = ''] = execFileSync(process.execPath, ['--conditions=capriccio-source', '--input-type=module', '-e', script], { cwd: `${folder}packages/bench`, encoding: 'utf8' }).trim().split(' ');
      for (const url of [core, shared]) assert.ok(fileURLToPath(url).startsWith(folder), url);
    }
    assert.equal(existsSync(folder), false);
    assert.ok(!execFileSync('git', ['worktree', 'list'], { encoding: 'utf8' }).includes(folder));
  });
  test.skipIf(!isClone)('that git does not know is an error in words', () => {
    assert.throws(() => new Revision('no-such-revision'), /git knows no revision no-such-revision/);
  });
});
