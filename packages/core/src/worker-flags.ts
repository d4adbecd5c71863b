/** The flags that a thread of a pool is started with. */
import type { FullPoolOptions } from './options.ts';

/** Flags that a worker may be given one by one. Most others belong to the whole process, and Node refuses them. */
const WORKER_FLAGS = /^(?:--conditions|-C|--import|--require|-r|--experimental-(?!wasm)|--no-|--disable-warning|--enable-source-maps|--trace-(?!event))/;
/** Of these, the ones whose value is the next word. */
const WITH_VALUE = new Set(['--conditions', '-C', '--import', '--require', '-r', '--disable-warning']);

/**
 * A worker inherits this process's flags by itself, so none are passed; but under the inspector they are named one by one without the
 * inspector's: a worker with --inspect-brk would wait for ever.
 */
export function execArgvOf({ execArgv }: FullPoolOptions): string[] | undefined {
  if (execArgv !== undefined) return execArgv;
  if (!process.execArgv.some((flag) => /^--(?:inspect(?:-brk|-wait)?|input-type)(?:=|$)/.test(flag))) return undefined;
  return process.execArgv.filter((flag, at, all) => WORKER_FLAGS.test(flag) || WITH_VALUE.has(all[at - 1] ?? ''));
}
