/**
 * TypeScript to JavaScript. Types are blanked out by Node's own stripping, so every offset stays. What has a meaning at run time (enum, namespace,
 * parameter properties, import aliases) cannot be blanked out: such a file, and only such a one, goes through amaro, the transformer that Node
 * itself is built with, and its source map says where everything went. Why amaro: docs/decisions/0030-typescript-that-cannot-be-stripped.md.
 */
import nodeModule, { createRequire } from 'node:module';   // no named import: a Node that has it not must still link this (scripts/bundle.ts)
import { Lines } from './lines.ts';
import { fromMappings, type MapFields } from './mappings.ts';
import { identity, type Pass } from './segments.ts';
import { SourceError } from './source-error.ts';

interface Amaro { transformSync(source: string, options: { mode: 'transform'; sourceMap: true }): { code: string; map: string } }
let amaro: Amaro | undefined;
const require = createRequire(import.meta.url);

/** Throws SourceError where the source is no TypeScript. */
export const stripTypes = (source: string, file: string): Pass => strip(source, file) ?? transform(source, file);

/** The same for what cannot be stripped; undefined for what can. */
export const transformTypes = (source: string, file: string): Pass | undefined => (strip(source, file) === undefined ? transform(source, file) : undefined);

function strip(source: string, file: string): Pass | undefined {
  try {
    return { code: quietly(() => nodeModule.stripTypeScriptTypes(source, { mode: 'strip' })), segments: identity(source.length) };
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX') throw refused(error, source, file);
    return undefined;
  }
}

function transform(source: string, file: string): Pass {
  amaro ??= require('amaro') as Amaro;           // 7 MB of Wasm: loaded by the few who need it
  try {
    const { code, map } = amaro.transformSync(source, { mode: 'transform', sourceMap: true });
    return { code, segments: fromMappings(JSON.parse(map) as MapFields, code, source) };
  } catch (error) {
    throw refused(error, source, file);
  }
}

function refused(error: unknown, source: string, file: string): SourceError {
  const { message = String(error), stack = '', startLine, startColumn } = error as { message?: string; stack?: string; startLine?: number; startColumn?: number };
  if (startLine === undefined) {                                       // Node's own error has its place in its stack alone: `:2`, the lines, and a ^ below
    const line = Math.min(Number(/^[^\n]*:(\d+)\n/.exec(stack)?.[1] ?? 1), new Lines(source).count);
    const [, indent] = /\n( *)\^+\n/.exec(stack) ?? [];                // none where the source ends too soon
    return new SourceError(`${file}: ${message}`, line, indent?.length ?? source.split('\n')[line - 1]?.length ?? 0, error);
  }
  return new SourceError(`${file}: ${message}`, Math.min(startLine, new Lines(source).count), startColumn ?? 0, error);
}

/** Node warns that stripping by hand is experimental; whoever runs a `.ts` file has chosen it, and Node does not warn there. */
function quietly<T>(action: () => T): T {
  const { emitWarning } = process;
  process.emitWarning = (() => { /* the one warning of this call */ }) as typeof process.emitWarning;
  try { return action(); } finally { process.emitWarning = emitWarning; }
}
