/** Finds and reads `capriccio.config.ts`. What is typed on the command line comes before what it says. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CapriccioError } from '@capriccio/shared';
import { checkObject, checkString, shown } from '../check.ts';
import type { CapriccioConfig } from '../config.ts';
import { checkPoolOptions, type PoolOptions } from '../options.ts';
import { checkServeOptions, type ServeOptions } from '../serve/serve-options.ts';
import { UsageError, asUsage, type Typed } from './arguments.ts';

const NAMES = ['ts', 'mts', 'js', 'mjs'].map((kind) => `capriccio.config.${kind}`);

/** Node keeps a module by its URL. */
let reads = 0;

export interface ReadConfig {
  /** Absolute path of the app. */
  readonly app: string | undefined;
  readonly pool: PoolOptions;
  readonly serve: ServeOptions;
}

/**
 * The configuration that `--config` names, else the one in this folder, else an empty one. Throws UsageError for one that is missing or wrong, CAP_ERR_MODULE when it cannot be loaded.
 * @param isAgain  it may have changed since it was read: what it imports is as it was
 */
export async function readConfig({ values }: Typed, isAgain = false): Promise<ReadConfig> {
  const named = values.get('config');
  const file = named === undefined ? NAMES.map((name) => resolve(name)).find((path) => existsSync(path)) : resolve(named);
  if (file === undefined) return { app: undefined, pool: {}, serve: {} };
  if (!existsSync(file)) throw new UsageError(`there is no ${named}`);
  const { default: exported } = await load(file, isAgain ? `?read=${++reads}` : '');
  if (typeof exported !== 'object' || exported === null) throw new UsageError(`${file} must have a configuration as its default export, not ${shown(exported)}`);
  return asUsage(() => {
    const { app, pool = {}, serve = {} } = checkObject(exported, file, ['app', 'pool', 'serve']) as CapriccioConfig;
    checkString(app, 'app');
    checkPoolOptions(pool);
    checkServeOptions(serve);
    return { app: app === undefined ? undefined : join(dirname(file), app), pool, serve };
  });
}

/** Rejects with CAP_ERR_MODULE, which names the file: what Node says of one that cannot be parsed does not. */
async function load(file: string, search: string): Promise<{ default?: unknown }> {
  try {
    return await import(`${pathToFileURL(file).href}${search}`) as { default?: unknown };
  } catch (error) {
    const { name, message } = error instanceof Error ? error : { name: 'it throws', message: shown(error) };
    throw new CapriccioError('CAP_ERR_MODULE', `${file} cannot be loaded: ${name}: ${message}${error instanceof SyntaxError ? await placeIn(file) : ''}`, { cause: error });
  }
}

/** Where the file itself cannot be parsed; what it imports may be at fault as well. */
async function placeIn(file: string): Promise<string> {
  const { blockingPoints } = await import('@capriccio/compiler');
  try {
    blockingPoints(readFileSync(file, 'utf8'), { file });
    return '';
  } catch (error) {
    const { line, column } = error as { line?: number; column?: number };
    return line === undefined || column === undefined ? '' : ` (line ${line}, column ${column + 1})`;
  }
}
