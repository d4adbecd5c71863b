/**
 * A program natively, and compiled with every look at the clock preempting, beside a thread that meddles: at each of its turns it counts `shared.epoch`.
 * Native code never sees the epoch change between two awaits. Programs are CommonJS that export an async function; they find `log`, `later`, `shared`,
 * and `require`, which gives them `annotate`.
 */
import assert from 'node:assert/strict';
import vm from 'node:vm';
import { compile, type Compiled } from '@capriccio/compiler';
import '../../../packages/worker/src/compiled/runtime.ts';
import { setQuantum } from '../../../packages/worker/src/compiled/preemption.ts';
import * as threadApi from '../../../packages/worker/src/thread-api.ts';

interface Effects { readonly log: readonly string[]; readonly end: string; /** Turns that the meddler had. */ readonly epochs: number }

const later = <T>(value: T): Promise<T> => new Promise((resolve) => { setImmediate(resolve, value); });
const shown = (value: unknown): string => (value instanceof Error ? `${value.name}: ${value.message}` : typeof value === 'function' ? `function ${value.name}/${value.length}` : typeof value === 'bigint' ? `${value}n` : JSON.stringify(value) ?? String(value));

interface Shared { epoch: number; n: number; [key: string]: unknown }

async function effectsOf(code: string, run: (main: () => Promise<unknown>) => Promise<unknown>): Promise<Effects> {
  const log: string[] = [];
  const shared: Shared = { epoch: 0, n: 0 };
  const module = { exports: undefined as unknown };
  const find = (name: string): unknown => { assert.equal(name, 'capriccio/thread'); return threadApi; };
  vm.compileFunction(code, ['module', 'exports', 'require', 'log', 'later', 'shared'], { filename: 'program.js' })(module, {}, find, (...values: unknown[]) => { log.push(values.map(shown).join(' ')); }, later, shared);
  const meddler = threadApi.spawn(async () => { for (;;) { shared.epoch++; await threadApi.yieldNow(); } });
  let end: string;
  try {
    end = `returned ${shown(await run(module.exports as () => Promise<unknown>))}`;
  } catch (error) {
    end = `threw ${shown(error)}`;
  } finally {
    meddler.cancel();
    await meddler.join().catch(() => undefined);
  }
  return { log, end, epochs: shared.epoch };
}

export const compiledProgram = (source: string): Compiled => compile(source, { file: 'program.js', kind: 'commonjs', smallClosures: true });

export interface BothWays { readonly made: Compiled; readonly native: Effects; readonly asThread: Effects; readonly byWrapper: Effects }

export async function bothWays(source: string): Promise<BothWays> {
  const made = compiledProgram(source);
  const native = await effectsOf(source, (main) => main());
  setQuantum(0);
  try {
    return { made, native, asThread: await effectsOf(made.code, (main) => threadApi.spawn(main).join()), byWrapper: await effectsOf(made.code, (main) => main()) };
  } finally {
    setQuantum(1);
  }
}

/** Throws where a program's log or end differs, with the generated code. */
export async function undisturbed(source: string): Promise<BothWays> {
  const ways = await bothWays(source);
  const { made, native, asThread, byWrapper } = ways;
  assert.deepEqual([asThread.log, asThread.end], [native.log, native.end], `as a thread:\n${made.code}`);
  assert.deepEqual([byWrapper.log, byWrapper.end], [native.log, native.end], `by its wrapper:\n${made.code}`);
  assert.equal(made.code.split('\n').length, source.split('\n').length, `lines have moved:\n${made.code}`);
  return ways;
}
