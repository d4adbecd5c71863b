/**
 * A program three times: natively, compiled and called from outside (its wrappers drive it), and compiled as a thread of the scheduler. The effects
 * that it logs, and how it ends, must be the same.
 *
 * A program is CommonJS that exports an async function; it finds `log`, `later` (a promise that resolves in a later turn) and `fail` (one that rejects).
 */
import assert from 'node:assert/strict';
import vm from 'node:vm';
import { compile, type Compiled } from '@capriccio/compiler';
import '../../../packages/worker/src/compiled/runtime.ts';
import { spawn } from '../../../packages/worker/src/thread-api.ts';

interface Effects { readonly log: readonly string[]; readonly end: string }

export const programOf = (body: string): string => `module.exports = async function main(...args) {\n${body}\n};`;

function shown(value: unknown): string {
  if (value instanceof Error || (typeof value === 'object' && value !== null && 'message' in value && 'stack' in value)) return `${(value as Error).name}: ${(value as Error).message}`;
  if (typeof value === 'function') return `function ${value.name}/${value.length}`;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return Object.prototype.toString.call(value) + JSON.stringify(value);
  return Array.isArray(value) ? `[${value.map(shown).join()}]` : String(value);
}

const later = <T>(value: T): Promise<T> => new Promise((resolve) => { setImmediate(resolve, value); });
const fail = (error: unknown): Promise<never> => new Promise((_resolve, reject) => { setImmediate(reject, error); });

async function effectsOf(code: string, run: (main: (...args: unknown[]) => Promise<unknown>) => Promise<unknown>): Promise<Effects> {
  const log: string[] = [];
  const module = { exports: undefined as unknown };
  vm.compileFunction(code, ['module', 'log', 'later', 'fail'], { filename: 'program.js' })(module, (...values: unknown[]) => { log.push(values.map(shown).join(' ')); }, later, fail);
  let end: string;
  try {
    end = `returned ${shown(await run(module.exports as () => Promise<unknown>))}`;
  } catch (error) {
    end = `threw ${shown(error)}`;
  }
  await later(undefined);
  return { log, end };
}

const native = (source: string): Promise<Effects> => effectsOf(source, (main) => main());

const compiled = (source: string, smallClosures: boolean): Compiled => compile(source, { file: 'program.js', kind: 'commonjs', smallClosures });

interface ThreeWays { readonly made: Compiled; readonly native: Effects; readonly byWrappers: Effects; readonly asThread: Effects }

export async function threeWays(source: string, smallClosures = true): Promise<ThreeWays> {
  const made = compiled(source, smallClosures);
  return {
    made, native: await native(source), byWrappers: await effectsOf(made.code, (main) => main()), asThread: await effectsOf(made.code, (main) => spawn(main).join()),
  };
}

/** Runs a program all three ways, with and without its small closures compiled. @returns what compiling it gave. Throws where they differ, with the generated code. */
export async function same(source: string): Promise<Compiled> {
  for (const smallClosures of [true, false]) {
    const { made, native, byWrappers, asThread } = await threeWays(source, smallClosures);
    assert.deepEqual(byWrappers, native, `by wrappers:\n${made.code}`);
    assert.deepEqual(asThread, native, `as a thread:\n${made.code}`);
  }
  return compiled(source, false);
}
