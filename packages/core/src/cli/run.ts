/** `capriccio run`: a script as a program of threads. Its module runs in a thread of a worker; a default export that is a function is called there. Next: program.ts. */
import { pathToFileURL } from 'node:url';
import { checkPoolOptions } from '../options.ts';
import { Pool } from '../pool.ts';
import { UsageError, asUsage, sourceFile, wholeNumber, type Typed, type Verb } from './arguments.ts';
import { readConfig } from './config-file.ts';
import type { Output } from './output.ts';
import { dumpOnQuit } from './dump.ts';
import { Program } from './program.ts';

export const runVerb: Verb = {
  name: 'run',
  positionals: '<script> [args…]',
  summary: 'runs a script as a program of threads',
  options: {
    cores: { value: 'n', about: 'workers, 0 to 128; 0: all in one thread, for debugging (default: CAPRICCIO_CORES, or what the machine has)' },
    config: { value: 'file', about: 'configuration, of which `pool` is taken (default: capriccio.config.ts of this folder, if there is one)' },
  },
  notes: [
    'The script runs in a thread, and ends as a program of Node does: when nothing is left to do, by process.exit, by a signal. The exit code is its own.',
    'A default export that is a function is called with the arguments, as strings, and what it returns is printed, unless that is undefined; a generator',
    'prints each value it yields. Then the program ends. What follows -- is never taken for an option.',
    '`pool()` of capriccio/thread reaches the other cores. SIGQUIT prints all threads on stderr, and what each waits for.',
  ],
};

/** Resolves with the exit code. Throws UsageError when the script was not named. */
export async function run(typed: Typed, output: Output): Promise<number> {
  const [script, ...args] = typed.positionals;
  if (script === undefined) throw new UsageError('run takes the script to run: capriccio run ./script.ts');
  const cores = wholeNumber(typed, 'cores');
  const { pool: configured } = await readConfig(typed);
  const options = asUsage(() => checkPoolOptions({ ...configured, ...cores === undefined ? {} : { cores } }));
  const path = sourceFile(script);
  const pool = new Pool(options);
  await pool.start();
  pool.on('warning', ({ message }) => output.note(message));
  pool.on('deadlock', ({ stack }) => output.note(stack.slice(stack.indexOf(': ') + 2).split('\n', 1)[0] as string));
  const stopDumps = dumpOnQuit(() => pool, output);
  const program = new Program(pool, pathToFileURL(path).href);
  try {
    return await runIn(program, pool, { script, path, args }, output);
  } catch (error) {
    output.error(error, script);
    return 1;
  } finally {
    stopDumps();
  }
}

interface Typing { readonly script: string; readonly path: string; readonly args: readonly string[] }

/** What it gives is printed when its workers have ended: so what it wrote itself stands before that. Rejects with what it failed of. */
async function runIn(program: Program, pool: Pool, { script, path, args }: Typing, output: Output): Promise<number> {
  let result: unknown;
  let failure: { readonly error: unknown } | undefined;
  let code: number;
  output.whenUnread(() => { program.end(0).then(() => pool.close({ graceMs: 0 })).catch(() => { /* told below */ }); });
  try {
    if (await program.load(path, args)) result = await lastOf(await program.call(args), output);
    code = await program.end();
  } catch (error) {
    if (program.code === undefined || program.hasDied) failure = { error };   // else it has ended by itself, and its code says how
    code = await program.end(1);
  } finally {
    program.close();
    await pool.close({ graceMs: 0 });
  }
  if (output.isUnread) return 0;
  failure = program.uncaught ?? failure;
  if (failure !== undefined) throw withoutUs(failure.error);
  if (program.isUnsettled) output.note(`${script} awaits at its top level what nothing that is left can settle`);
  if (program.exports.length > 0) output.note(`${script} exports ${program.exports.join(', ')}: nothing of that was called, for it has no function as its default export${program.exports.includes('default') ? `; is it an app? capriccio serve ${script}` : ''}`);
  if (result !== undefined) output.value(result);
  return code;
}

/** A generator's values are printed as they come. */
async function lastOf(result: unknown, output: Output): Promise<unknown> {
  if (!isIterable(result)) return result;
  for await (const value of result) {
    if (output.isUnread) break;
    output.value(value);
  }
  return undefined;
}

const isIterable = (value: unknown): value is AsyncIterable<unknown> => typeof value === 'object' && value !== null && Symbol.asyncIterator in value;

/** The frames of a program's error end where ours begin. */
function withoutUs(error: unknown): unknown {
  if (!(error instanceof Error) || error.stack === undefined) return error;
  const [end = -1] = [error.stack.lastIndexOf('\n    at --- in worker '), error.stack.search(/\n {4}at (?:async )?(?:\w+\.)?runProgram \(/)].filter((at) => at >= 0).toSorted((a, b) => a - b);
  if (end >= 0) error.stack = error.stack.slice(0, end);
  return error;
}
