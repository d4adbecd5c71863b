/**
 * What it costs that a loop may be preempted, and what it gives. Loops as threads of the scheduler: the same source compiled as it is, where nothing is
 * proved of it and no loop asks, and marked, where every loop does; they take turns within each round, each the least of three runs. Then a thread that computes without a wait beside
 * one that is light: how long after its sleep is over the second goes on, by the clock on the wall, and at most in processor time of this thread (what it used since the
 * sleep began, where that is less: of what is beyond, the kernel gave the core to other processes).
 * Run: npm run bench -- micro/preemption
 */
import vm from 'node:vm';
import { compile } from '@capriccio/compiler';
import '@capriccio/worker/compiled';
import * as thread from '@capriccio/worker/thread';
import { interleave, median, ratio, round3, showRatio, table, threadCpuUs, type Bench, type Finding, type Side } from '../harness.ts';
import { percentile } from '../load/percentiles.ts';

const ROUND_MS = 15;
const GOAL = 1.1;
const QUANTUM_MS = 1;
const SLICE_MS = 1;
const LIGHT_MS = 1;
const LIGHT_COUNT = 2000;

type Run = (turns: number) => Promise<unknown>;

/** `run(n)` makes about n turns of its innermost loop. `o` is shared, so nothing is proved. */
const cases: readonly { name: string; text: string }[] = [
  { name: 'a sum', text: 'const o = {}; async function run(n) { let s = 0; for (let i = 0; i < n; i++) s = (s + i * 3) | 0; o.s = s; }' },
  { name: 'a random number generator, while', text: 'const o = { s: 1 }; async function run(n) { let x = o.s | 1, k = 0; while (k < n) { x ^= x << 13; x ^= x >>> 17; x ^= x << 5; k++ } o.s = x; }' },
  { name: 'a sum over an array, for of', text: 'const all = Array.from({ length: 100000 }, (_, k) => k % 1000), o = {}; async function run(n) { let s = 0; for (let k = 0; k < n; k += all.length) for (const x of all) s += x; o.s = s; }' },
  { name: 'a matrix product', text: 'const N = 60, a = new Float64Array(N * N).fill(1.5), o = {}; async function run(n) { const c = new Float64Array(N * N); for (let t = 0; t < n; t += N * N * N) for (let i = 0; i < N; i++) for (let j = 0; j < N; j++) { let s = 0; for (let k = 0; k < N; k++) s += a[i * N + k] * a[k * N + j]; c[i * N + j] = s } o.c = c; }' },
  { name: 'counting words in a map', text: 'const words = Array.from({ length: 1000 }, (_, k) => "w" + k % 97), o = {}; async function run(n) { const m = new Map(); for (let k = 0; k < n; k++) { const w = words[k % 1000]; m.set(w, (m.get(w) ?? 0) + 1) } o.m = m; }' },
  { name: 'a sieve', text: 'const o = {}; async function run(n) { for (let t = 0; t < n; t += 250000) { const not = new Uint8Array(100000); for (let i = 2; i * i < not.length; i++) if (not[i] === 0) for (let j = i * i; j < not.length; j += i) not[j] = 1; o.not = not } }' },
  { name: 'a synchronous function that is called', text: 'const o = {}; function work(n) { let s = 0; for (let i = 0; i < n; i++) { s = (s * 31 + i) | 0; if (s % 7 === 0) s += o.n } return s } o.n = 3; async function run(n) { o.s = work(n) }' },
  { name: 'a recursion', text: 'const o = { n: 0 }; function fib(n) { o.n++; return n < 2 ? n : fib(n - 1) + fib(n - 2) } async function run(n) { for (let k = 0; k < n; k += 20000) o.s = fib(20) }' },
];
const MARK = 'require("capriccio/thread").annotate(module, { preemptible: true });';

function load(text: string): Run {
  const code = compile(`${text}; return run`, { file: 'case.js', kind: 'commonjs' }).code;
  return vm.compileFunction(code, ['require', 'module'], { filename: 'case.js' })(() => thread, {}) as Run;
}

/** ns a turn: the least of a few runs, for other processes take their share of the core. */
async function timeOf(run: Run, turns: number, times: number = 3): Promise<number> {
  let least = Infinity;
  for (let k = 0; k < times; k++) {
    const began = performance.now();
    await thread.spawn(run, turns).join();
    least = Math.min(least, (performance.now() - began) * 1e6 / turns);
  }
  return least;
}

async function calibrated(run: Run): Promise<number> {
  for (let turns = 100_000; ; turns *= 2) {
    const ms = await timeOf(run, turns, 1) * turns / 1e6;
    if (ms > ROUND_MS / 2) return (turns * ROUND_MS / ms) | 0;
  }
}

const cpuMs = (): number => threadCpuUs() / 1000;

/** How long after it is due a thread that sleeps goes on, ms, beside `heavy`. */
async function delays(heavy: Run | undefined): Promise<{ wall: Float64Array; cpu: Float64Array }> {
  const [wall, cpu]: [number[], number[]] = [[], []];
  let isOver = false;
  const beside = heavy === undefined ? undefined : thread.spawn(async () => { while (!isOver) await thread.spawn(heavy, 200_000_000).join(); });
  const light = thread.spawn(async () => {
    for (let k = 0; k < LIGHT_COUNT; k++) {
      const [due, cpuBegan] = [performance.now() + LIGHT_MS, cpuMs()];
      await thread.sleep(LIGHT_MS);
      const late = performance.now() - due;
      wall.push(late);
      cpu.push(Math.min(late, cpuMs() - cpuBegan));
    }
  });
  await light.join();
  isOver = true;
  beside?.cancel();
  await beside?.join().catch(() => undefined);
  const sorted = (values: number[]): Float64Array => new Float64Array(values.slice(100)).toSorted();
  return { wall: sorted(wall), cpu: sorted(cpu) };
}

export const bench: Bench = async ({ rounds }) => {
  const rows: string[][] = [];
  const found: Finding[] = [];
  for (const { name, text } of cases) {
    const [without, marked] = [load(text), load(MARK + text)];
    const turns = await calibrated(without);
    const sides: Side[] = [{ name: 'without', measure: () => timeOf(without, turns) }, { name: 'with', measure: () => timeOf(marked, turns) }];
    for (let k = 0; k < 3; k++) for (const { measure } of sides) await measure();
    const [a, b] = await interleave(sides, rounds, { label: name, unit: 'ns', better: 'lower' });
    if (a === undefined || b === undefined) throw new Error('a side is missing');
    const cost = ratio(b, a);
    rows.push([name, round3(median(a.rounds)), round3(median(b.rounds)), showRatio(cost)]);
    found.push({ what: name, figure: round3(cost.median), goal: `≤ ${GOAL}`, isMet: cost.median <= GOAL });
  }
  table(['ns a turn', 'without checks', 'with', 'with / without'], rows);

  const alone = await delays(undefined);
  const beside = await delays(load(MARK + (cases[1]?.text as string)));
  const lines = [['alone, on the wall', alone.wall], ['alone, processor time', alone.cpu], ['beside a thread that computes, on the wall', beside.wall], ['the same, processor time', beside.cpu]] as const;
  table(['ms late', 'median', 'p99', 'most'], lines.map(([name, late]) => [name, ...[0.5, 0.99, 1].map((share) => round3(percentile(late, share)))]));
  const most = percentile(beside.cpu, 0.99);
  return [...found, { what: 'a light thread beside one that computes is late at p99, ms of processor time', figure: round3(most), goal: `≤ ${2 * QUANTUM_MS + SLICE_MS}`, isMet: most <= 2 * QUANTUM_MS + SLICE_MS }];
};
