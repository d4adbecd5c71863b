/**
 * One run of big-stack.ts in a process of its own, whose memory is then this run's alone: forked with a plan as JSON, sends a record, ends. Threads are
 * the same in all runs; what they call is compiled with linked stacks, or it is not.
 */
import vm from 'node:vm';
import { compile } from '@capriccio/compiler';
import { stack } from '@capriccio/compiler/stack';
import '@capriccio/worker/compiled';
import { Latch, spawn } from 'capriccio/thread';
import { load, type Library } from '../micro/recursive-libraries.ts';

export interface BigStackPlan { readonly isLinked: boolean; readonly isHeld: boolean; readonly threads: number; readonly calls: number; readonly levels: number }
export interface BigStackRecord {
  /** Time of all calls. Until all are held, where they are. */
  readonly ms: number;
  readonly cpuMs: number;
  /** What the run has added, at most. */
  readonly rssBytes: number;
  readonly heapBytes: number;
  /** Frames on the heap in the longest chain. */
  readonly framesHigh: number;
}

const recursion: Library = { name: 'bigstack', file: 'data:function bigstack(n) { return n === 0 ? 0 : 1 + bigstack(n - 1); } module.exports = bigstack;', kind: 'commonjs', job: () => () => 0 };
const held = 'async function bigstack(n, gate) { if (n === 0) { await gate(); return 0 } return 1 + await bigstack(n - 1, gate) } return bigstack';
/** Calls of a tenth of the depth, before any is counted. */
const WARM_UP = 3000;
/** Threads between two looks at the memory of the process. */
const LOOK = 256;

type Recursion = (levels: number) => number;
type Held = (levels: number, gate: () => Promise<void>) => Promise<number>;

const plan = JSON.parse(process.argv[2] ?? '{}') as BigStackPlan;
const memory = (): { rss: number; heapUsed: number } => { globalThis.gc?.(); return process.memoryUsage(); };
const right = (levels: number): void => { if (levels !== plan.levels) throw new Error(`${levels} levels came back, not ${plan.levels}`); };
const cpuMs = (): number => { const { user, system } = process.cpuUsage(); return (user + system) / 1000; };

/** The paper's: each thread calls the function again and again, and gives way between the calls. */
async function calledAgain({ isLinked, threads, calls, levels }: BigStackPlan): Promise<BigStackRecord> {
  const { module } = await load(recursion, isLinked);
  const bigstack = module as Recursion;
  for (let k = 0; k < WARM_UP; k++) bigstack(Math.floor(levels / 10));
  const before = memory();
  let [rss, heapUsed, called] = [0, 0, 0];
  function* thread(): Generator<unknown, void, unknown> {
    for (let k = 0; k < calls; k++) {
      right(bigstack(levels));
      if (called++ % LOOK === 0) { const now = process.memoryUsage(); rss = Math.max(rss, now.rss); heapUsed = Math.max(heapUsed, now.heapUsed); }
      yield;
    }
  }
  const [began, cpu] = [performance.now(), cpuMs()];
  await Promise.all(Array.from({ length: threads }, () => spawn(thread).join()));
  return { ms: performance.now() - began, cpuMs: cpuMs() - cpu, rssBytes: rss - before.rss, heapBytes: heapUsed - before.heapUsed, framesHigh: stack.framesHigh };
}

/** A harder one: each gives way at its deepest level, so all have their frames at a time. */
async function heldAtTheBottom({ isLinked, threads, levels }: BigStackPlan): Promise<BigStackRecord> {
  const bigstack = vm.compileFunction(isLinked ? compile(held, { file: 'held.js', kind: 'commonjs' }).code : held, [])() as Held;
  for (let k = 0; k < WARM_UP / 10; k++) await spawn(bigstack, Math.floor(levels / 10), async () => { await Promise.resolve(); }).join();
  const before = memory();
  const all = new Latch(threads);
  const open = Promise.withResolvers<void>();
  const gate = (): Promise<void> => { all.countDown(); return open.promise; };
  const [began, cpu] = [performance.now(), cpuMs()];
  const running = Array.from({ length: threads }, () => spawn(bigstack, levels, gate).join());
  await Promise.race([all.wait(), Promise.all(running)]);
  const [ms, used] = [performance.now() - began, cpuMs() - cpu];
  const then = memory();
  open.resolve();
  for (const value of await Promise.all(running)) right(value);
  return { ms, cpuMs: used, rssBytes: then.rss - before.rss, heapBytes: then.heapUsed - before.heapUsed, framesHigh: stack.framesHigh };
}

const record = await (plan.isHeld ? heldAtTheBottom : calledAgain)(plan).catch((error: unknown) => (error as Error).name);
process.send?.(record, undefined, undefined, () => { process.exit(); });
