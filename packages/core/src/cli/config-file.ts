/** Finds and reads `capriccio.config.ts`. What is typed on the command line comes before what it says. */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { checkObject, checkString, shown } from '../check.ts';
import type { CapriccioConfig } from '../config.ts';
import { checkPoolOptions, type PoolOptions } from '../options.ts';
import { checkServeOptions, type ServeOptions } from '../serve/serve-options.ts';
import { UsageError, asUsage, type Typed } from './arguments.ts';

const NAMES = ['ts', 'mts', 'js', 'mjs'].map((kind) => `capriccio.config.${kind}`);

export interface ReadConfig {
  /** Absolute path of the app. */
  readonly app: string | undefined;
  readonly pool: PoolOptions;
  readonly serve: ServeOptions;
}

/** The configuration that `--config` names, else the one in this folder, else an empty one. Throws UsageError for one that is missing or wrong. */
export async function readConfig({ values }: Typed): Promise<ReadConfig> {
  const named = values.get('config');
  const file = named === undefined ? NAMES.map((name) => resolve(name)).find((path) => existsSync(path)) : resolve(named);
  if (file === undefined) return { app: undefined, pool: {}, serve: {} };
  if (!existsSync(file)) throw new UsageError(`there is no ${named}`);
  const { default: exported } = await import(pathToFileURL(file).href) as { default?: unknown };
  if (typeof exported !== 'object' || exported === null) throw new UsageError(`${file} must have a configuration as its default export, not ${shown(exported)}`);
  return asUsage(() => {
    const { app, pool = {}, serve = {} } = checkObject(exported, file, ['app', 'pool', 'serve']) as CapriccioConfig;
    checkString(app, 'app');
    checkPoolOptions(pool);
    checkServeOptions(serve);
    return { app: app === undefined ? undefined : join(dirname(file), app), pool, serve };
  });
}
