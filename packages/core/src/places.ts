/**
 * Where the files lie that this package names by address instead of importing them. Asked here only: a built package has few files (scripts/bundle.ts), so
 * a module's own address says nothing of what was beside it; this one stays at the top.
 */
import { fileURLToPath } from 'node:url';

/** Modules that other threads load by address. Each is a file of its own in a built package. */
export const MODULES = [
  'worker-plugin', 'piscina/worker-plugin', 'piscina/handler',
  'conductor/entry', 'conductor/activations', 'conductor/long-turns', 'conductor/graph-part', 'conductor/limits', 'conductor/audit',
] as const;

const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';

/** The address of one of them, as they run: source or built. */
export const addressOf = (module: typeof MODULES[number]): string => new URL(`./${module}${extension}`, import.meta.url).href;

/**
 * How a thread begins with a module. Node strips the types of its first module before that can turn on the compile cache, and has to load what strips them,
 * 60 to 90 ms of a processor for each thread: so one that runs from sources begins with a line of JavaScript that turns it on,
 * and says in `process.argv` what is said where a file is run.
 */
export function threadUrl(module: string): URL {
  if (!module.endsWith('.ts')) return new URL(module);
  const [address, path] = [module, fileURLToPath(module)].map((text) => JSON.stringify(text));
  return new URL(`data:text/javascript,${encodeURIComponent(`import node from "node:module"; node.enableCompileCache(); process.argv.splice(1, 0, ${path}); await import(${address});`)}`);
}

/** A file of the dashboard's page. */
export const pageFile = (name: string): URL => new URL(`./admin/page/${name}`, import.meta.url);
