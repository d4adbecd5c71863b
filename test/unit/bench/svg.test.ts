import assert from 'node:assert/strict';
import { test } from 'vitest';
import { drawPlot, stepFor } from '../../../packages/bench/src/plot/svg.ts';

test('steps are round and few', () => {
  for (const most of [0.003, 1, 7, 16, 99, 12_345, 3e6]) {
    const step = stepFor(most);
    assert.ok(most / step <= 6 && most / step > 1, `${most}: ${step}`);
    assert.match(step.toExponential(), /^[125]e/);
  }
  assert.equal(stepFor(0), 1);
});

test('every point lies inside the plot, and text is text', () => {
  const svg = drawPlot({ title: 'a < b & "c"', x: 'cores', y: 'speed-up', series: [
    { name: '<script>', points: [{ x: 1, y: 1 }, { x: 16, y: 12.5 }, { x: 8, y: Number.NaN }] },
    { name: 'law', isDashed: true, points: [{ x: 1, y: 1 }, { x: 16, y: 16 }] },
  ] });
  assert.ok(!svg.includes('<script>') && svg.includes('&lt;script&gt;') && svg.includes('a &lt; b &amp; &quot;c&quot;'));
  const places = [...svg.matchAll(/points="(?<list>[^"]*)"/g)].flatMap(({ groups }) => (groups?.['list'] ?? '').split(' ').map((pair) => pair.split(',').map(Number)));
  assert.equal(places.length, 4, 'what is no number is left out');
  for (const [x, y] of places as [number, number][]) assert.ok(x >= 64 && x <= 530 && y >= 44 && y <= 368, `${x},${y}`);
  assert.equal((svg.match(/stroke-dasharray/g) ?? []).length, 1);
});

test('where each step doubles, powers of two are as far apart as any others', () => {
  const svg = drawPlot({ title: 't', x: 'cores', y: 'efficiency', isDoubling: true, series: [{ name: 'a', points: [{ x: 1, y: 1 }, { x: 8, y: 1 }, { x: 64, y: 1 }] }] });
  const xs = [...svg.matchAll(/<circle cx="([\d.]+)"/g)].map(([, x]) => Number(x));
  assert.equal(xs.length, 3);
  assert.ok(Math.abs((xs[2] as number) - (xs[1] as number) - ((xs[1] as number) - (xs[0] as number))) < 0.2, xs.join(' '));
  assert.deepEqual([...svg.matchAll(/class="middle">(\d+)</g)].map(([, label]) => label), ['1', '2', '4', '8', '16', '32', '64']);
});
