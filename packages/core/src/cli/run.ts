/** `capriccio run`: the default export of a script, called on some core of a pool that lasts as long as the call. */
import { pathToFileURL } from 'node:url';
import { createPool } from '../create-pool.ts';
import { checkPoolOptions } from '../options.ts';
import type { Pool } from '../pool.ts';
import { UsageError, asUsage, sourceFile, wholeNumber, type Typed, type Verb } from './arguments.ts';
import { readConfig } from './config-file.ts';
import type { Output } from './output.ts';
import { dumpOnQuit } from './dump.ts';

export const runVerb: Verb = {
  name: 'run',
  positionals: '<script> [args…]',
  summary: "calls a script's default export on some core and prints what it returns",
  options: {
    cores: { value: 'n', about: 'workers, 0 to 128; 0: all in one thread, for debugging (default: CAPRICCIO_CORES, or what the machine has)' },
    config: { value: 'file', about: 'configuration, of which `pool` is taken (default: capriccio.config.ts of this folder, if there is one)' },
  },
  notes: [
    'The arguments are passed as strings; what follows -- is never taken for an option. `pool()` of capriccio/thread reaches the other cores.',
    'A generator prints each value it yields. Nothing is printed for undefined. SIGQUIT prints all threads on stderr, and what each waits for.',
  ],
};

/** Resolves with the exit code. Throws UsageError when the script was not named. */
export async function run(typed: Typed, output: Output): Promise<number> {
  const [script, ...args] = typed.positionals;
  if (script === undefined) throw new UsageError('run takes the script to run: capriccio run ./script.ts');
  const cores = wholeNumber(typed, 'cores');
  const { pool: configured } = await readConfig(typed);
  const options = { ...configured, ...cores === undefined ? {} : { cores } };
  asUsage(() => checkPoolOptions(options));
  const url = pathToFileURL(sourceFile(script)).href;
  const pool = await createPool(options);
  pool.on('warning', ({ message }) => output.note(message));
  pool.on('deadlock', ({ stack }) => output.note(stack.slice(stack.indexOf(': ') + 2).split('\n', 1)[0] as string));
  const stopDumps = dumpOnQuit(() => pool, output);
  try {
    const result = await callIn(pool, url, args, output);
    if (result !== undefined) output.value(result.value);
    return 0;
  } catch (error) {
    output.error(error, hasNoDefault(error, url) ? `${script} has no function as its default export, and run calls that` : script);
    return 1;
  } finally {
    stopDumps();
  }
}

/** What the script gives, when its workers have ended: so what it wrote itself stands before its result. A generator's values are printed as they come. */
async function callIn(pool: Pool, url: string, args: readonly string[], output: Output): Promise<{ value: unknown } | undefined> {
  try {
    const result = await pool.run(url, ...args);
    if (!isIterable(result)) return { value: result };
    for await (const value of result) {
      if (output.isUnread) break;
      output.value(value);
    }
    return undefined;
  } finally {
    await pool.close({ graceMs: 0 });
  }
}

const isIterable = (value: unknown): value is AsyncIterable<unknown> => typeof value === 'object' && value !== null && Symbol.asyncIterator in value;

const hasNoDefault = (error: unknown, url: string): boolean => error instanceof Error && error.message.startsWith(`${url} has no function default`);
