/**
 * Which files are compiled. By default those of the application: not what lies in a node_modules. `include` adds, `exclude` takes away and wins.
 */
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The name of a package in node_modules, a glob of the file's path (absolute, or from the working directory), or an expression that its URL matches. */
export type Pattern = string | RegExp;

export interface Patterns { readonly include?: readonly Pattern[]; readonly exclude?: readonly Pattern[] }

/** Says for each URL whether it is compiled. @param own  URLs of directories that never are */
export function filesToCompile({ include = [], exclude = [] }: Patterns, own: readonly string[]): (url: string) => boolean {
  return (url) => {
    if (!url.startsWith('file:') || own.some((directory) => url.startsWith(directory) && !url.startsWith(`${directory}node_modules/`))) return false;
    const file = fileURLToPath(url.replace(/[?#].*$/, ''));
    if (exclude.some((pattern) => matches(pattern, url, file))) return false;
    return packageOf(url) === undefined || include.some((pattern) => matches(pattern, url, file));
  };
}

function matches(pattern: Pattern, url: string, file: string): boolean {
  if (typeof pattern !== 'string') { pattern.lastIndex = 0; return pattern.test(url); }
  return pattern === packageOf(url) || path.matchesGlob(file, path.resolve(pattern));
}

/** The package that a file belongs to, if it lies in a node_modules. */
function packageOf(url: string): string | undefined {
  const at = url.lastIndexOf('/node_modules/');
  if (at < 0) return undefined;
  return /^(@[^/]+\/[^/]+|[^/]+)/.exec(decodeURIComponent(url.slice(at + '/node_modules/'.length)))?.[0];
}
