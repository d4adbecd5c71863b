/**
 * Where the files lie that this package names by address instead of importing them. Asked here only: a built package has few files (scripts/bundle.ts), so
 * a module's own address says nothing of what was beside it; this one stays at the top.
 */

/** Modules that other threads load by address. Each is a file of its own in a built package. */
export const MODULES = [
  'worker-plugin', 'piscina/worker-plugin', 'piscina/handler',
  'conductor/entry', 'conductor/activations', 'conductor/long-turns', 'conductor/graph-part', 'conductor/limits', 'conductor/audit',
] as const;

const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';

/** The address of one of them, as they run: source or built. */
export const addressOf = (module: typeof MODULES[number]): string => new URL(`./${module}${extension}`, import.meta.url).href;

/** A file of the dashboard's page. */
export const pageFile = (name: string): URL => new URL(`./admin/page/${name}`, import.meta.url);
