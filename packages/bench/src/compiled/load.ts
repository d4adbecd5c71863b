/**
 * Loads a program of programs/ several times into one process: as it is, compiled, and compiled with the packages that it uses. The load hook is there
 * only while a compiled copy loads; each copy has modules of its own, for the addresses of ES modules get a mark and CommonJS forgets.
 */
import { createRequire, registerHooks } from 'node:module';
import { installHook } from '@capriccio/compiler/hook';
import '@capriccio/worker/compiled';
import type { Program } from './programs/program.ts';

export type Copy = 'native' | 'compiled' | 'compiled, libraries too';

const require = createRequire(import.meta.url);
const own = ['@capriccio/shared', '@capriccio/compiler', '@capriccio/worker'].map((name) => new URL('.', import.meta.resolve(name)).href);

/** @returns what it exports */
export async function load(name: string, copy: Copy): Promise<Program> {
  const url = new URL(`./programs/${name}.ts`, import.meta.url);
  for (const file of Object.keys(require.cache)) delete require.cache[file];
  const mark = encodeURIComponent(copy);
  const marks = registerHooks({
    resolve(specifier, context, next) {
      const found = next(specifier, context);
      const isMarked = context.parentURL?.endsWith(`?${mark}`) === true && found.url.startsWith('file:') && !own.some((folder) => found.url.startsWith(folder));
      return isMarked ? { ...found, url: `${found.url}?${mark}` } : found;
    },
  });
  const hook = copy === 'native' ? undefined : installHook({ runtimeUrl: import.meta.resolve('@capriccio/worker/compiled'), own, ...copy === 'compiled' ? {} : { include: [/./] } });
  try {
    const program = await import(`${url.href}?${mark}`) as Program;
    if (hook !== undefined && hook.counts.compiled + hook.counts.cached === 0) throw new Error(`${name}: nothing was compiled`);
    return program;
  } finally {
    hook?.remove();
    marks.deregister();
  }
}
