/** What the load hooks know of a file that Node loads: its kind, its text, and where it cannot be parsed. The compiler itself is loaded when it is needed. */
import fs from 'node:fs';
import { createRequire, type LoadFnOutput } from 'node:module';
import { fileURLToPath } from 'node:url';
import type * as Compiler from './index.ts';
import type { Position } from './lines.ts';
import type { SourceKind } from './parse.ts';

export interface LoadedFile { readonly url: string; readonly kind: SourceKind }

/** Loaded when the first file must be compiled: most starts find all of them in the cache. */
export const compiler = (): typeof Compiler => createRequire(import.meta.url)('@capriccio/compiler') as typeof Compiler;

/** `file:///a.ts:3:5`; undefined for one that can be parsed. */
export function placeUnparsed({ url, kind }: LoadedFile): string | undefined {
  const source = textOf(undefined, url);
  if (source === undefined) return undefined;
  try {
    compiler().blockingPoints(source, { file: url, kind });
    return undefined;
  } catch (error) {
    const { line, column } = error as Partial<Position>;
    return line === undefined || column === undefined ? undefined : `${url}:${line}:${column + 1}`;
  }
}

export function kindOf(format: string | null | undefined): SourceKind | undefined {
  const kind = format?.replace('-typescript', '');
  return kind === 'module' || kind === 'commonjs' ? kind : undefined;
}

/** CommonJS is handed on without its text. */
export function textOf(source: LoadFnOutput['source'], url: string): string | undefined {
  if (typeof source === 'string') return source;
  if (source !== null && source !== undefined) return new TextDecoder().decode(source as Uint8Array);
  try { return fs.readFileSync(fileURLToPath(url), 'utf8'); } catch { return undefined; }
}

/** Code with the source map that debuggers read. */
export function withMap(code: string, map: Compiler.SourceMap): string {
  return `${code}\n//# sourceMappingURL=data:application/json;base64,${Buffer.from(JSON.stringify(map)).toString('base64')}`;
}
