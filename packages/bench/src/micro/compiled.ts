/**
 * What compiling costs and saves, operation by operation: the same source natively, compiled (its wrappers drive it), and compiled as a thread of the
 * scheduler. The sides take turns within each round, in one process; a ratio is the median of the rounds' ratios.
 * Run: npm run bench -- micro/compiled
 */
import vm from 'node:vm';
import { compile } from '@capriccio/compiler';
import '@capriccio/worker/compiled';
import { spawn } from '@capriccio/worker/thread';
import { interleave, median, ratio, round3, showRatio, table, type Bench, type Finding, type Side, type SideResult } from '../harness.ts';

const ROUND_MS = 25;

type Run = (count: number) => Promise<unknown>;

/** A run does its operation `count` times; `goal` is the most that compiled may take of native. */
const cases: readonly { name: string; goal?: number; unit?: number; text: string }[] = [
  { name: 'awaited hit', goal: 0.9, text: 'async function g(x) { return x + 1 } return async function run(n) { let s = 0; for (let k = 0; k < n; k++) s = await g(s); return s }' },
  { name: 'awaited method', goal: 0.9, text: 'class C { async m(x) { return x + 1 } } const o = new C(); return async function run(n) { let s = 0; for (let k = 0; k < n; k++) s = await o.m(s); return s }' },
  { name: 'awaited private method', goal: 0.9, text: 'class C { async #m(x) { return x + 1 } async run(n) { let s = 0; for (let k = 0; k < n; k++) s = await this.#m(s); return s } } const o = new C(); return async function run(n) { return await o.run(n) }' },
  { name: 'recursion, 100 deep, a level', goal: 0.7, unit: 100, text: 'async function down(d) { return d === 0 ? 0 : 1 + await down(d - 1) } return async function run(n) { let s = 0; for (let k = 0; k < n; k++) s += await down(100); return s }' },
  { name: 'miss: a foreign async function', goal: 1.5, text: 'return async function run(n) { let s = 0; for (let k = 0; k < n; k++) s = await foreign(s); return s }' },
  { name: 'an operation with a direct form', goal: 1.5, text: 'return async function run(n) { let s = 0; for (let k = 0; k < n; k++) s += await lock.take(); return s }' },
  { name: 'a plain value', goal: 1.5, text: 'return async function run(n) { let s = 0; for (let k = 0; k < n; k++) s += await k; return s }' },
  { name: 'a promise that has settled', goal: 1.5, text: 'const p = Promise.resolve(1); return async function run(n) { let s = 0; for (let k = 0; k < n; k++) s += await p; return s }' },
  { name: 'hit that blocks on a promise', goal: 1.5, text: 'async function g(x) { await Promise.resolve(); return x } return async function run(n) { let s = 0; for (let k = 0; k < n; k++) s += await g(1); return s }' },
  { name: 'the same through four calls', goal: 1.5, text: 'async function a(x) { await Promise.resolve(); return x } async function b(x) { return await a(x) } async function c(x) { return await b(x) } async function d(x) { return await c(x) } return async function run(n) { let s = 0; for (let k = 0; k < n; k++) s += await d(1); return s }' },
  { name: 'spawn that ends at once', goal: 5, text: 'async function g(x) { return x } return async function run(n) { for (let k = 0; k < n; k++) g(k) }' },
  { name: 'Promise.all over a map, an element', goal: 1.2, unit: 10, text: 'const xs = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]; return async function run(n) { let s = 0; for (let k = 0; k < n; k++) s += (await Promise.all(xs.map(async (x) => { await null; return x }))).length; return s }' },
  { name: 'the same, awaiting a compiled function', goal: 1.2, unit: 10, text: 'async function g(x) { return x } const xs = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]; return async function run(n) { let s = 0; for (let k = 0; k < n; k++) s += (await Promise.all(xs.map(async (x) => await g(x)))).length; return s }' },
  { name: 'for await over an array, an element', goal: 1.5, unit: 10, text: 'const xs = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]; return async function run(n) { let s = 0; for (let k = 0; k < n; k++) for await (const x of xs) s += x; return s }' },
];

const foreign = async (x: number): Promise<number> => x + 1;
/** As a primitive of a library is: a promise for whoever asks, and a direct form for threads. */
const lock = { held: 0, take(): Promise<number> { return Promise.resolve(++this.held); } };
Object.defineProperty(lock.take, Symbol.for('capriccio.direct'), { value(this: typeof lock): number { return ++this.held; } });

function sidesOf(text: string, count: number, unit: number): Side[] {
  const load = (code: string): Run => vm.compileFunction(code, ['foreign', 'lock'], { filename: 'case.js' })(foreign, lock) as Run;
  const native = load(text);
  const compiled = load(compile(text, { file: 'case.js', kind: 'commonjs' }).code);
  const time = async (run: () => Promise<unknown>): Promise<number> => {
    const began = performance.now();
    await run();
    return (performance.now() - began) * 1e6 / count / unit;
  };
  return [
    { name: 'native', measure: () => time(() => native(count)) },
    { name: 'compiled', measure: () => time(() => compiled(count)) },
    { name: 'as a thread', measure: () => time(() => spawn(compiled, count).join()) },
  ];
}

async function calibrated(text: string): Promise<number> {
  const run = vm.compileFunction(text, ['foreign', 'lock'])(foreign, lock) as Run;
  for (let count = 64; ; count *= 2) {
    const began = performance.now();
    await run(count);
    const ms = performance.now() - began;
    if (ms > ROUND_MS / 2) return Math.ceil(count * ROUND_MS / ms);
  }
}

/** Heap bytes of one blocked thread of each kind. */
async function bytesPerThread(start: () => unknown): Promise<number> {
  const COUNT = 20_000;
  const kept: unknown[] = [];
  const used = (): number => { globalThis.gc?.(); return process.memoryUsage().heapUsed; };
  for (let k = 0; k < 100; k++) kept.push(start());
  await new Promise((resolve) => { setTimeout(resolve, 20); });
  const before = used();
  for (let k = 0; k < COUNT; k++) kept.push(start());
  await new Promise((resolve) => { setTimeout(resolve, 200); });
  const bytes = (used() - before) / COUNT;
  return kept.length > 0 ? bytes : 0;
}

async function memory(): Promise<Finding[]> {
  const text = 'const never = new Promise(() => {}); return async function f() { await never }';
  const native = vm.compileFunction(text, [])() as () => Promise<unknown>;
  const compiled = vm.compileFunction(compile(text, { file: 'case.js', kind: 'commonjs' }).code, [])() as () => Promise<unknown>;
  const figures = [await bytesPerThread(native), await bytesPerThread(compiled), await bytesPerThread(() => { const thread = spawn(compiled); thread.detach(); return undefined; })];
  return ['native async function', 'compiled, called from outside', 'compiled, a thread by the thread API'].map((what, k) => ({
    what: `bytes of a blocked call: ${what}`, figure: round3(figures[k] as number), goal: k === 2 ? '≤ 250' : '', isMet: k === 2 ? (figures[k] as number) <= 250 : undefined,
  }));
}

export const bench: Bench = async ({ rounds }) => {
  const rows: string[][] = [];
  const found: Finding[] = [];
  for (const { name, goal, unit = 1, text } of cases) {
    const count = await calibrated(text);
    const sides = sidesOf(text, count, unit);
    for (const { measure } of sides) await measure();
    const [native, compiled, thread] = await interleave(sides, rounds, { label: name, unit: 'ns', better: 'lower' }) as [SideResult, SideResult, SideResult];
    const [byWrapper, byThread] = [ratio(compiled, native), ratio(thread, native)];
    rows.push([name, ...[native, compiled, thread].map((side) => round3(median(side.rounds))), showRatio(byWrapper), showRatio(byThread)]);
    if (goal !== undefined) found.push({ what: name, figure: `${round3(byWrapper.median)} · ${round3(byThread.median)}`, goal: `≤ ${goal}`, isMet: byWrapper.median <= goal && byThread.median <= goal });
  }
  table(['ns', 'native', 'compiled', 'thread', 'compiled / native', 'thread / native'], rows);
  return [...found, ...await memory()];
};
