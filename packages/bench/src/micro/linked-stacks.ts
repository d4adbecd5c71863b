/**
 * What linked stacks cost where recursion stays shallow, and what they give where it does not: third-party libraries as they are and compiled, in turns
 * in one process; then depth, time and memory of a level on the heap.
 * Run: npm run bench -- micro/linked-stacks
 */
import { isDeepStrictEqual } from 'node:util';
import { stack } from '@capriccio/compiler/stack';
import { interleave, median, ratio, showRatio, table, type Bench, type Finding } from '../harness.ts';
import { libraries, load, smallFunctions, type Library } from './recursive-libraries.ts';

const SLICE_MS = 20;
const WARM_UP_MS = 600;

interface Row { readonly name: string; readonly cost: { median: number; low: number; high: number }; readonly checks: number; readonly growth: number }

async function measure(library: Library, rounds: number): Promise<Row> {
  const [native, linked] = [await load(library, false), await load(library, true)];
  const jobs = [library.job(native.module as never), library.job(linked.module as never)] as const;
  if (!isDeepStrictEqual(jobs[0](), jobs[1]())) throw new Error(`${library.name}: compiled, it gives something else`);
  const turns = warmUp(jobs);
  const sides = jobs.map((job, k) => ({ name: `${library.name} ${k === 0 ? 'native' : 'linked'}`, measure: async () => { const began = performance.now(); for (let turn = 0; turn < turns; turn++) job(); return performance.now() - began; } }));
  const [a, b] = await interleave(sides, rounds, { label: library.name, unit: 'ms', better: 'lower' });
  return { name: library.name, cost: ratio(b as never, a as never), checks: linked.report?.linked.filter(({ why }) => why !== undefined).length ?? 0, growth: linked.text.length / native.text.length };
}

/** In turns, so that neither side is compiled for what the other has shown. @returns turns of about SLICE_MS */
function warmUp(jobs: readonly (() => unknown)[]): number {
  let turns = 0;
  const began = performance.now();
  for (; performance.now() - began < WARM_UP_MS; turns++) for (const job of jobs) job();
  return Math.max(1, Math.round(turns * SLICE_MS * jobs.length / (performance.now() - began)));
}

export const bench: Bench = async ({ rounds }) => {
  const rows: Row[] = [];
  for (const library of [...libraries, ...smallFunctions]) rows.push(await measure(library, rounds));
  table(['shallow input', 'time, of native', 'checks', 'text, of native'], rows.map(({ name, cost, checks, growth }) => [name, showRatio(cost), String(checks), growth.toFixed(2)]));

  const real = rows.slice(0, libraries.length).map(({ cost }) => cost.median);
  const mean = Math.exp(real.reduce((sum, value) => sum + Math.log(value), 0) / real.length);
  const fib = rows.find(({ name }) => name === 'fib')?.cost.median as number;

  console.log('');
  const depth = 1_000_000;
  const times: number[] = [];
  const { module: deep } = await load({ name: 'deep', file: 'data:function count(list) { return list === null ? 0 : 1 + count(list.next); } module.exports = count;', kind: 'commonjs', job: () => () => 0 }, true);
  let list: object | null = null;
  for (let k = 0; k < depth; k++) list = { next: list };
  let bytes = 0;
  for (let round = 0; round < 5; round++) {
    const began = performance.now();
    if ((deep as (list: unknown) => number)(list) !== depth) throw new Error('miscounted');
    times.push((performance.now() - began) / depth * 1e6);
  }
  {
    // Memory while the deepest frame runs: the innermost element looks.
    const { module: looked } = await load({ name: 'looked', file: 'data:function count(n, look) { if (n === 0) { look(); return 0; } return 1 + count(n - 1, look); } module.exports = count;', kind: 'commonjs', job: () => () => 0 }, true);
    const heap = (): number => { (globalThis as { gc?: () => void }).gc?.(); return process.memoryUsage().heapUsed; };
    const before = heap();
    (looked as (n: number, look: () => void) => number)(depth, () => { bytes = (heap() - before) / stack.framesHigh; });
  }
  console.log(`1,000,000 deep: ${median(times).toFixed(0)} ns and ${bytes.toFixed(0)} bytes a level${(globalThis as { gc?: unknown }).gc === undefined ? ' (without --expose-gc: garbage included)' : ''}`);

  const goals: Finding[] = [
    { what: 'geometric mean of the libraries', figure: mean.toFixed(3), goal: '≤ 1.05', isMet: mean <= 1.05 },
    { what: 'the dearest library', figure: Math.max(...real).toFixed(3), goal: '≤ 1.15', isMet: Math.max(...real) <= 1.15 },
    { what: 'fib', figure: fib.toFixed(3), goal: '≤ 1.25', isMet: fib <= 1.25 },
  ];
  return goals;
};
