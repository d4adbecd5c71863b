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

function compiled(source: string): Compiled { return compile(source, { file: 'program.js', kind: 'commonjs' }); }

/** Runs a program all three ways. @returns what compiling it gave. Throws where they differ, with the generated code. */
export async function same(source: string): Promise<Compiled> {
  const made = compiled(source);
  const expected = await native(source);
  for (const [way, run] of [['by wrappers', (main: () => Promise<unknown>) => main()], ['as a thread', (main: () => Promise<unknown>) => spawn(main).join()]] as const) {
    const effects = await effectsOf(made.code, run);
    assert.deepEqual(effects, expected, `${way}:\n${made.code}`);
  }
  return made;
}
