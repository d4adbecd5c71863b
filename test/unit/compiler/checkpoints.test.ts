/** Where checks of the stack stand: in every cycle one that counts, and no more than that. */
import assert from 'node:assert/strict';
import vm from 'node:vm';
import { describe, test } from 'vitest';
import { linkStacks, parseSource } from '@capriccio/compiler';
import '@capriccio/compiler/stack';
import { components, feedbackNodes } from '../../../packages/compiler/src/stacks/cycles.ts';
import { Random } from './programs.ts';

const linkedOf = (source: string): Record<string, number | undefined> => {
  const { code, program } = parseSource(source, { file: 'a.js' });
  return Object.fromEntries(linkStacks(code, program, { file: 'a.js', kind: 'module' }).report.linked.map(({ name, weight }) => [name, weight]));
};

describe('nodes that break every cycle', () => {
  const isAcyclic = (edges: readonly number[][], without: ReadonlySet<number>): boolean => {
    const left = edges.map((to, from) => (without.has(from) ? [] : to.filter((node) => !without.has(node))));
    const parts = components(left);
    return new Set(parts).size === edges.length && left.every((to, from) => !to.includes(from));
  };
  test('of graphs at random: none is left, and none was taken in vain', () => {
    const random = new Random(5);
    for (let round = 0; round < 300; round++) {
      const size = 2 + random.below(30);
      const edges = Array.from({ length: size }, () => Array.from({ length: random.below(4) }, () => random.below(size)));
      const chosen = feedbackNodes(edges.map((_, node) => node), edges, new Set(), () => true);
      assert.ok(isAcyclic(edges, chosen), `round ${round}`);
      for (const node of chosen) assert.ok(!isAcyclic(edges, new Set([...chosen].filter((one) => one !== node))), `round ${round}: ${node} is not needed`);
    }
  });
  test('what is cut already, and what may not be taken', () => {
    const ring = [[1], [2], [3], [0]];
    assert.deepEqual(feedbackNodes([0, 1, 2, 3], ring, new Set([2]), () => true), new Set());
    assert.deepEqual(feedbackNodes([0, 1, 2, 3], ring, new Set(), (node) => node === 3), new Set([3]));
    assert.deepEqual(feedbackNodes([0, 1, 2, 3], ring, new Set(), () => false), new Set());
    assert.deepEqual(feedbackNodes([0], [[0]], new Set(), () => true), new Set([0]));
  });
});

describe('checks that count, and checks that only read', () => {
  test('of methods that call each other one counts; the others are only found by twins', () => {
    const weights = linkedOf('class P { list() { return [this.item(), this.item()] } item() { return this.value() } value() { return this.more() ? this.list() : 1 } more() { return false } } export const run = () => new P().list()');
    assert.deepEqual(Object.values(weights).filter((weight) => (weight ?? 0) > 0).length, 1, JSON.stringify(weights));
    assert.deepEqual(Object.values(weights).filter((weight) => weight === 0).length, 2, JSON.stringify(weights));
  });
  test('a way in from outside and out again counts once, whichever end is narrower', () => {
    const out = linkedOf('const o = { a(f) { return o.last(f) }, b(f) { return o.last(f) }, c(f) { return o.last(f) }, last(f) { return f(o) } }; export default o');
    assert.deepEqual(Object.entries(out).filter(([, weight]) => (weight ?? 0) > 0).map(([name]) => name), ['last'], JSON.stringify(out));
  });
});

test('where more functions come to one place than are followed, calls there lead anywhere, and recursion through them is linked all the same', () => {
  const source = `const table = {};\n${Array.from({ length: 300 }, (_, k) => `table.f = function f${k}(n) { return n === 0 ? 0 : 1 + table.f(n - 1) };`).join('\n')}\nmodule.exports = (n) => table.f(n);`;
  const { code, program } = parseSource(source, { file: 'a.js', kind: 'commonjs' });
  const linked = linkStacks(code, program, { file: 'a.js', kind: 'commonjs' });
  assert.ok(linked.report.unresolved.length >= 300, 'its calls are listed');
  const module = { exports: (_n: number): number => 0 };
  vm.compileFunction(linked.code, ['module'])(module);
  assert.equal(module.exports(200_000), 200_000);
});
