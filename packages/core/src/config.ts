/** `capriccio.config.ts`: what the command line takes from a file, for a program that is always started in the same way. Next: cli/config-file.ts. */
import type { PoolOptions } from './options.ts';
import type { ServeOptions } from './serve/serve-options.ts';

export interface CapriccioConfig {
  /** Module of the app, relative to the configuration's folder. `serve` takes it when none is typed. */
  app?: string;
  /** What createPool takes. */
  pool?: PoolOptions;
  /** What pool.serve takes. */
  serve?: ServeOptions;
}

/** Gives a configuration back as it is: editors know its type by it. */
export const defineConfig = (config: CapriccioConfig): CapriccioConfig => config;
