/**
 * The load hook of a pool without workers: nothing is compiled, so that a debugger sees the source; but TypeScript that cannot be stripped (enum, namespace,
 * parameter properties) loads as it does in a worker, with its source map. Every other file is Node's own business.
 */
import nodeModule, { type LoadFnOutput } from 'node:module';   // no named import: a Node that has it not must still link this (scripts/bundle.ts)
import { compiler, kindOf, placeUnparsed, textOf, withMap, type LoadedFile } from './loaded-file.ts';
import type { SourceKind } from './parse.ts';
import { toSourceMap } from './source-map.ts';
import { transformTypes } from './typescript.ts';

export interface TypedHook {
  /** As the other hook's (hook.ts). */
  whereUnparsed(): string | undefined;
  remove(): void;
}

export function installTypedHook(): TypedHook {
  let last: LoadedFile | undefined;
  const hooks = nodeModule.registerHooks({
    load(url, context, nextLoad) {
      if (!url.startsWith('file:')) return nextLoad(url, context);
      last = { url, kind: kindOf(context.format) ?? 'module' };
      let loaded: LoadFnOutput | undefined;
      try {
        loaded = nextLoad(url, context);
        if (loaded.format?.endsWith('-typescript') !== true) return loaded;
      } catch (error) {
        if ((error as { code?: unknown }).code !== 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX') throw error;   // its folder has no `type`: Node has looked inside
        return transformed(url, textOf(undefined, url), undefined) ?? refuse(error);
      }
      return transformed(url, textOf(loaded.source, url), kindOf(loaded.format)) ?? loaded;
    },
  });
  return { whereUnparsed: () => (last === undefined ? undefined : placeUnparsed(last)), remove: () => { hooks.deregister(); } };
}

const refuse = (error: unknown): never => { throw error; };

/** @param kind  undefined: that is seen by its text. @returns undefined: Node can strip it, or says what is wrong with it */
function transformed(url: string, source: string | undefined, kind: SourceKind | undefined): LoadFnOutput | undefined {
  if (source === undefined) return undefined;
  try {
    const pass = transformTypes(source, url);
    if (pass === undefined) return undefined;
    process.setSourceMapsEnabled(true);                                  // its lines are elsewhere, for stacks too
    return { format: kind ?? kindBy(pass.code, url), source: withMap(pass.code, toSourceMap(pass, source, url)), shortCircuit: true };
  } catch {
    return undefined;
  }
}

/** As Node looks for what a file without `type` is. */
function kindBy(code: string, file: string): SourceKind {
  try {
    compiler().blockingPoints(code, { file, kind: 'commonjs' });
    return 'commonjs';
  } catch {
    return 'module';
  }
}
