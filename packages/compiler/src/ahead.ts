/**
 * Compiling ahead: the modules of an application are compiled as a bundler reads them, by the same rules as those that the load hook compiles. What is
 * made imports its runtime by a name that Node finds without a hook, and by which the hook knows a file that has been compiled.
 */
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { compile } from './compile.ts';
import { parseSource } from './parse.ts';
import { filesToCompile, type Patterns } from './patterns.ts';
import type { SourceMap } from './source-map.ts';

/**
 * For each module that a bundler reads: its code and source map, or undefined where it stays as it is (a package, CommonJS, JSX, a syntax that the
 * bundler may know and Node does not, or nothing to compile). Throws nothing.
 * @param patterns  which files, as for the option `compile` of a pool
 */
export function compilerAhead(patterns: Patterns): (code: string, file: string, isTypescript: boolean) => { code: string; map: SourceMap } | undefined {
  const isIncluded = filesToCompile(patterns, []);
  return (code, file, typescript) => {
    if (!path.isAbsolute(file) || !isIncluded(pathToFileURL(file).href)) return undefined;
    const name = path.relative(process.cwd(), file).replaceAll('\\', '/');   // the same wherever the bundle is made: nodes are numbered by it
    try {
      if (!isModule(code, name, typescript)) return undefined;
      const compiled = compile(code, { file: name, kind: 'module', typescript, isAhead: true });
      return compiled.hasChanged ? { code: compiled.code, map: compiled.map } : undefined;
    } catch { return undefined; }                                        // what is wrong with it, the bundler says
  };
}

/** Whether a file is an ES module whatever is added to it. */
function isModule(code: string, file: string, typescript: boolean): boolean {
  if (!/\b(?:import|export)\b/.test(code)) return false;
  return parseSource(code, { file, kind: 'module', typescript }).program.body.some(({ type }) => type.startsWith('Import') || type.startsWith('Export'));
}
