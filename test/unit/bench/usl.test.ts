import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { assert as check, double, property } from 'fast-check';
import { test } from 'vitest';
import { bottleneck, fit, predict } from '../../../packages/bench/src/scaling/usl.ts';
import { coreCounts } from '../../../packages/bench/src/scaling/curves.ts';
import { curvesOf } from '../../../packages/bench/src/scaling/simulated.ts';

const counts = [1, 2, 3, 4, 6, 8, 12, 16];
const near = (a: number, b: number, within: number): boolean => Math.abs(a - b) <= within * Math.max(1e-9, Math.abs(b));

test('a law is found again from its own points', () => {
  check(property(double({ min: 1, max: 1e6, noNaN: true }), double({ min: 0.001, max: 0.5, noNaN: true }), double({ min: 0.0001, max: 0.05, noNaN: true }), (lambda, sigma, kappa) => {
    const found = fit(counts.map((cores) => ({ cores, rate: predict({ lambda, sigma, kappa }, cores) })));
    assert.ok(near(found.lambda, lambda, 1e-5) && near(found.sigma, sigma, 1e-3) && near(found.kappa, kappa, 1e-3) && found.error < 1e-6, JSON.stringify(found));
  }));
});

test('linear points give neither contention nor coherence, and noise that is better than linear does not make them negative', () => {
  const linear = fit(counts.map((cores) => ({ cores, rate: 100 * cores })));
  assert.ok(linear.sigma < 1e-9 && linear.kappa < 1e-9);
  assert.equal(bottleneck(linear), 'nothing within sight');
  const better = fit(counts.map((cores) => ({ cores, rate: 100 * cores * (cores > 4 ? 1.05 : 1) })));
  assert.ok(better.sigma >= 0 && better.kappa >= 0 && better.lambda > 95);
});

test('a program that is half serial is told so, one that falls is told where', () => {
  assert.match(bottleneck(fit(counts.map((cores) => ({ cores, rate: predict({ lambda: 1, sigma: 0.5, kappa: 0 }, cores) })))), /^50\.0 %/);
  const law = fit(counts.map((cores) => ({ cores, rate: predict({ lambda: 1, sigma: 0.01, kappa: 0.02 }, cores) })));
  assert.equal(bottleneck(law), 'coherence: highest at 7 cores');
  assert.ok(near(law.peak, Math.sqrt(0.99 / 0.02), 1e-3));
});

test('one whose second core does harm is told so', () => {
  assert.equal(bottleneck(fit([{ cores: 1, rate: 10 }, { cores: 2, rate: 6 }])), 'more cores do less than one');
});

test('the simulator’s curves are read from what it prints, and anything else is refused', () => {
  const main = fileURLToPath(new URL('../../simulation/main.ts', import.meta.url));
  const output = execFileSync(process.execPath, ['--conditions=capriccio-source', main, 'curve', '--json', '--seconds', '2', '--seeds', '1', '--cores', '8'], { encoding: 'utf8', timeout: 120_000 });
  const all = curvesOf(output);
  assert.ok(all.size >= 4);
  for (const [name, points] of all) {
    assert.deepEqual(points.map(({ cores }) => cores), [1, 2, 4, 8], name);
    assert.ok(points.every(({ cores, rate }) => rate <= cores * 1.5), name);   // a short run also counts what was begun before it counts
    assert.ok((points.at(-1) as { rate: number }).rate > 4, `${name}: eight cores do less than four could`);
  }
  assert.throws(() => curvesOf('{"tables":[]}'), /no table `curve`/);
  assert.throws(() => curvesOf('{"tables":[{"name":"curve","rows":[["a",1,0]]}]}'), /printed 0 for a on 1 cores/);
  assert.throws(() => curvesOf('no JSON'), SyntaxError);
}, 120_000);

test('two points are enough, one is refused, and so is a rate of 0', () => {
  assert.ok(near(fit([{ cores: 1, rate: 10 }, { cores: 2, rate: 16 }]).sigma, 0.25, 1e-9));
  assert.throws(() => fit([{ cores: 1, rate: 10 }]), RangeError);
  assert.throws(() => fit([{ cores: 1, rate: 10 }, { cores: 2, rate: 0 }]), RangeError);
});

test('core counts end with all of them', () => {
  assert.deepEqual(coreCounts(1), [1]);
  assert.deepEqual(coreCounts(2), [1, 2]);
  assert.deepEqual(coreCounts(16), [1, 2, 3, 4, 6, 8, 12, 16]);
  assert.deepEqual(coreCounts(14), [1, 2, 3, 4, 6, 8, 12, 14]);
});
