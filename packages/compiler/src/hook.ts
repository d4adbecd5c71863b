/**
 * The load hook: files of an application are compiled as Node loads them, ESM and CommonJS, JavaScript and TypeScript. What it makes is kept on disk
 * (cache.ts), so the parser is loaded only when a file is new. A file that cannot be compiled, for whatever reason, is handed to Node as it was, and
 * Node says what is wrong with it.
 */
import inspector from 'node:inspector';
import nodeModule, { type LoadFnOutput, type LoadHookContext } from 'node:module';   // no named import: a Node that has it not must still link this (scripts/bundle.ts)
import { DiskCache, cacheDirectory } from './cache.ts';
import type { Position } from './lines.ts';
import { compiler, kindOf, placeUnparsed, textOf, withMap, type LoadedFile } from './loaded-file.ts';
import { RUNTIME_MODULE, hasBeenCompiled } from './modules.ts';
import { filesToCompile, type Patterns } from './patterns.ts';
import { Places } from './placement.ts';
import type { SourceKind } from './parse.ts';
import { stack, type StackSettings } from './stacks/stack-runtime.ts';
import { STACK_MODULE } from './stacks/stack-names.ts';
import { versionOfCompiler } from './version.ts';

export type { Position } from './lines.ts';
export type { Pattern, Patterns } from './patterns.ts';
export { installTypedHook, type TypedHook } from './typed-hook.ts';

export interface HookOptions extends Patterns {
  /** What compiled code imports. */
  readonly runtimeUrl: string;
  /** URLs of directories whose files are never compiled: the system itself. */
  readonly own: readonly string[];
  /** A debugger is there, or may come: the source map goes with the code. Default: whether this thread is under the inspector; a worker cannot see that. */
  readonly isInspected?: boolean;
  /** Bytes of native stack that may lie between two checks of it. */
  readonly stackBound?: number;
  /** For the stack of this thread. */
  readonly stack?: Partial<StackSettings>;
}

export interface Hook {
  /** Files that were compiled, taken from the cache, or left as they were for an error. */
  readonly counts: { compiled: number; cached: number; failed: number };
  /** Where a place in a compiled file comes from; undefined for any other, and for text that stands for nothing. Lines from 1, columns from 0. */
  originalOf(url: string, place: Position): Position | undefined;
  isCompiled(url: string): boolean;
  /** `file:///a.ts:3:5` when the file that was loaded last cannot be parsed: a SyntaxError that comes from loading says what is wrong, and not where. */
  whereUnparsed(): string | undefined;
  remove(): void;
}

/** Without any of these there is nothing to compile. */
const MAY_HAVE_WORK = /\basync\b|\bfunction\b|\bclass\b|=>|\)\s*\{/;

/** Generated code, and where its lines come from. */
interface Entry { readonly code: string; readonly places: string }

/** Installs the hook in this thread. It needs what `runtimeUrl` names to be loaded before any CommonJS file that is compiled. */
export function installHook(options: HookOptions): Hook {
  const isIncluded = filesToCompile(options, options.own);
  const directory = cacheDirectory(process.env);
  const cache = directory === undefined ? undefined : new DiskCache(directory);
  const version = versionOfCompiler();
  const entries = new Map<string, Entry>();
  const places = new Map<string, Places>();
  /** Compiled before they were loaded, by a bundler. */
  const ahead = new Set<string>();
  const counts = { compiled: 0, cached: 0, failed: 0 };
  /** Node parses a file as soon as it has been loaded. */
  let last: LoadedFile | undefined;
  let isLoadingCompiler = false;

  const stackUrl = import.meta.resolve('@capriccio/compiler/stack');
  stack.configure(options.stack ?? {});

  const hooks = nodeModule.registerHooks({
    resolve: (specifier, context, next) => (specifier === RUNTIME_MODULE ? { url: options.runtimeUrl, shortCircuit: true }
      : specifier === STACK_MODULE ? { url: stackUrl, shortCircuit: true } : next(specifier, context)),
    load(url: string, context: LoadHookContext, next): LoadFnOutput {
      try { return load(url, context, next); } finally { last = { url, kind: kindOf(context.format) ?? 'module' }; }   // at its end: the compiler may have been loaded meanwhile
    },
  });

  function load(url: string, context: LoadHookContext, next: (url: string, context: LoadHookContext) => LoadFnOutput): LoadFnOutput {
    const typed = context.format?.endsWith('-typescript') === true && isIncluded(url) ? loadTyped(url, context.format) : undefined;
    if (typed !== undefined) return typed;
    let loaded: LoadFnOutput;
    try {
      loaded = next(url, context);
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX' || !isIncluded(url)) throw error;
      const retyped = loadTyped(url, 'commonjs-typescript') ?? loadTyped(url, 'module-typescript');   // as Node looks for what a file without `type` is
      if (retyped === undefined) throw error;
      return retyped;
    }
    const kind = kindOf(loaded.format);
    if (kind === undefined || !isIncluded(url)) return loaded;
    const source = textOf(loaded.source, url);
    if (source === undefined || !MAY_HAVE_WORK.test(source)) return loaded;
    if (hasBeenCompiled(source)) { ahead.add(url); return loaded; }
    return compiledAs(kind, url, source, loaded.format?.endsWith('-typescript') === true) ?? loaded;
  }

  /** Under the inspector, with --enable-source-maps, and where coverage is counted, which is of the source. */
  const wantsMaps = (): boolean => (options.isInspected ?? inspector.url() !== undefined) || process.sourceMapsEnabled || (process.env['NODE_V8_COVERAGE'] ?? '') !== '';

  /** Before Node strips it: stripping is part of compiling, and of what the cache holds. */
  function loadTyped(url: string, format: string): LoadFnOutput | undefined {
    const kind = kindOf(format);
    const source = textOf(undefined, url);
    return kind === undefined || source === undefined ? undefined : compiledAs(kind, url, source, true);
  }

  function compiledAs(kind: SourceKind, url: string, source: string, typescript: boolean): LoadFnOutput | undefined {
    const entry = entryOf(url, kind, source, typescript);
    if (entry === undefined) return undefined;
    entries.set(url, entry);
    places.delete(url);
    return { format: kind, source: wantsMaps() ? mapped(entry, url, source) : entry.code, shortCircuit: true };
  }

  function entryOf(url: string, kind: SourceKind, source: string, typescript: boolean): Entry | undefined {
    const key = DiskCache.keyOf(version, kind, `${typescript} ${options.stackBound ?? ''}`, url, source);
    const cached = parseEntry(cache?.read(key));
    if (cached !== undefined) { counts.cached++; return cached; }
    if (isLoadingCompiler) return undefined;                             // its own parser, where packages are compiled too
    try {
      isLoadingCompiler = true;
      const { compile, encodePlaces } = compiler();
      isLoadingCompiler = false;
      const { code, segments } = compile(source, { file: url, kind, typescript, ...options.stackBound === undefined ? {} : { stackBound: options.stackBound } });
      const entry = { code, places: encodePlaces(segments, source) };
      counts.compiled++;
      cache?.write(key, `${code.length}\n${code}${entry.places}`);
      return entry;
    } catch {
      isLoadingCompiler = false;
      counts.failed++;
      return undefined;
    }
  }

  return {
    counts,
    isCompiled: (url) => entries.has(url) || ahead.has(url),
    originalOf(url, place) {
      const entry = entries.get(url);
      if (entry === undefined) return undefined;
      let found = places.get(url);
      if (found === undefined) places.set(url, found = new Places(entry.places, entry.code));
      return found.originalOf(place);
    },
    whereUnparsed: () => (last === undefined ? undefined : placeUnparsed(last)),
    remove: () => { hooks.deregister(); },
  };
}

function parseEntry(text: string | undefined): Entry | undefined {
  if (text === undefined) return undefined;
  const at = text.indexOf('\n') + 1;
  const end = at + Number(text.slice(0, at));
  return Number.isInteger(end) && text[end] === '[' ? { code: text.slice(at, end), places: text.slice(end) } : undefined;
}

/** For debuggers: the source map goes with the code. */
const mapped = ({ code, places }: Entry, url: string, source: string): string => withMap(code, compiler().toSourceMap({ code, segments: new Places(places, code).segments }, source, url));
