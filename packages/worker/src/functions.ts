/**
 * Functions by name: a remote function is a module and an export, and travels as the text 'F' + url + '\n' + export in its caller's table of
 * names. A worker loads a module when the first call of it arrives, and keeps the record for good. Built-in functions have no module.
 */
import { CapriccioError } from '@capriccio/shared';
import { loadModule } from './load-module.ts';
import { twinOf, type Twin } from './compiled/twins.ts';
import type { Roots } from './roots.ts';
import type { Root } from './run-queues.ts';

export type AnyFunction = (...args: unknown[]) => unknown;
type FunctionKind = 'plain' | 'generator';

/** One remote function in this isolate. */
export interface FunctionRecord {
  readonly url: string;
  readonly exportName: string;
  readonly root: Root;
  /** Undefined until its module is loaded. */
  fn: AnyFunction | undefined;
  kind: FunctionKind;
  /** Of a compiled function. */
  twin: Twin | undefined;
  /** Declared async or a generator, or has returned a promise before. */
  mayBlock: boolean;
  /** Set for good when the module or the export is not there. */
  failure: CapriccioError | undefined;
  loading: Promise<void> | undefined;
}

/** Makes functions without a module for the names `kind argument` of one kind: a plug-in's, with roots that it names. */
export type FunctionMaker = (argument: string) => { readonly fn: AnyFunction; readonly rootName: string; /** Of its threads; default: what it is found by. */ readonly threadName?: string };

/** The text under which a function travels. */
export const nameOfFunction = (url: string, exportName: string): string => `F${url}\n${exportName}`;

/** The root of a function, by the text under which it travels. */
export const rootNameOf = (name: string): string => name.slice(1).replace('\n', '#');

const GENERATORS = new Set(['GeneratorFunction', 'AsyncGeneratorFunction']);
const tagOf = (fn: AnyFunction): string => (fn as { [Symbol.toStringTag]?: string })[Symbol.toStringTag] ?? '';
const isGeneratorFunction = (fn: AnyFunction): boolean => GENERATORS.has(tagOf(fn));

export class Functions {
  readonly #roots: Roots;
  readonly #byName = new Map<string, FunctionRecord>();
  readonly #builtIn: Readonly<Record<string, AnyFunction>>;
  readonly #onLoaded: (url: string) => void;
  /** Modules that somebody called or preloaded; those that are there. */
  readonly #known = new Set<string>();
  readonly #namespaces = new Map<string, Record<string, unknown>>();
  readonly #makers = new Map<string, FunctionMaker>();
  #loading = 0;

  /** @param onLoaded  called once for each module that has been loaded for a call */
  constructor(roots: Roots, builtIn: Readonly<Record<string, AnyFunction>>, onLoaded: (url: string) => void = ignore) {
    this.#onLoaded = onLoaded;
    this.#roots = roots;
    this.#builtIn = builtIn;
  }

  /** The record of a name; no module is loaded yet. */
  named(name: string): FunctionRecord {
    let record = this.#byName.get(name);
    if (record === undefined) {
      const [url, exportName] = name.slice(1).split('\n') as [string, string];
      const made = url === '' ? this.#make(exportName) : undefined;
      if (made !== undefined) return this.#keep(name, { url, exportName: made.threadName ?? exportName, root: this.#roots.named(made.rootName), fn: made.fn, kind: 'plain', twin: undefined, mayBlock: true, failure: undefined, loading: undefined });
      record = { url, exportName, root: this.#roots.named(rootNameOf(name)), fn: url === '' ? this.#builtIn[exportName] : undefined, kind: 'plain', twin: undefined, mayBlock: url === '', failure: undefined, loading: undefined };
      this.#byName.set(name, record);
    }
    return record;
  }

  #keep(name: string, record: FunctionRecord): FunctionRecord {
    this.#byName.set(name, record);
    return record;
  }

  /** A plug-in's functions of a kind. */
  provide(kind: string, make: FunctionMaker): void { this.#makers.set(kind, make); }
  #make(name: string): ReturnType<FunctionMaker> | undefined {
    const space = name.indexOf(' ');
    return space < 0 ? undefined : this.#makers.get(name.slice(0, space))?.(name.slice(space + 1));
  }

  /** Some module is being loaded: its top-level awaits may need the event loop. */
  get isLoading(): boolean { return this.#loading > 0; }

  /** Whether a function can be called now: another of its module may have been called before. */
  isThere(record: FunctionRecord): boolean {
    if (record.fn !== undefined) return true;
    const namespace = this.#namespaces.get(record.url);
    if (namespace === undefined || record.failure !== undefined || record.loading !== undefined) return false;
    this.#adopt(record, namespace);
    return record.fn !== undefined;
  }

  /** Loads the module of a record, once. Never rejects: `fn` or `failure` is set when it resolves. */
  load(record: FunctionRecord): Promise<void> {
    if (record.loading === undefined) {
      record.root.isLoading = true;
      this.#loading++;
      record.loading = this.#load(record).finally(() => { record.root.isLoading = false; this.#loading--; });
    }
    return record.loading;
  }

  /** Loads a module ahead of its first call, and calls nothing of it. What is wrong with it, the first call will tell. */
  preload(url: string): void {
    this.#known.add(url);
    import(url).then((namespace) => { this.#namespaces.set(url, namespace as Record<string, unknown>); }, ignore);
  }

  async #load(record: FunctionRecord): Promise<void> {
    const { url, exportName } = record;
    let namespace: Record<string, unknown>;
    try {
      namespace = await loadModule(url);
    } catch (error) {
      record.failure = new CapriccioError('CAP_ERR_MODULE', `cannot load ${url} (for its export ${exportName}): ${(error as Error)?.message ?? String(error)}`, { cause: error });
      return;
    }
    this.#namespaces.set(url, namespace);
    if (!this.#known.has(url)) {
      this.#known.add(url);
      this.#onLoaded(url);
    }
    this.#adopt(record, namespace);
  }

  #adopt(record: FunctionRecord, namespace: Record<string, unknown>): void {
    const { url, exportName } = record;
    const found = findExport(namespace, exportName);
    if (typeof found !== 'function') {
      record.failure = new CapriccioError('CAP_ERR_MODULE', `${url} has no function ${exportName}${found === undefined ? '' : `, only a ${typeof found}`}; it exports ${listOf(namespace)}`);
      return;
    }
    record.fn = found as AnyFunction;
    record.kind = isGeneratorFunction(record.fn) ? 'generator' : 'plain';
    record.twin = twinOf(found);
    record.mayBlock = record.kind === 'generator' || tagOf(record.fn) === 'AsyncFunction';
  }
}

/** An export by name; of a CommonJS module also a property of what it exports, and `default` of a compiled one. */
export function findExport(namespace: Record<string, unknown>, name: string): unknown {
  const fallback = namespace['default'] as Record<string, unknown> | undefined;
  if (name === 'default') {
    const inner = typeof fallback === 'object' && fallback !== null ? fallback['default'] : undefined;
    return typeof fallback !== 'function' && typeof inner === 'function' ? inner : fallback;
  }
  if (Object.hasOwn(namespace, name)) return namespace[name];
  return ((typeof fallback === 'object' && fallback !== null) || typeof fallback === 'function') && Object.hasOwn(fallback, name) ? fallback[name] : undefined;
}

function listOf(namespace: Record<string, unknown>): string {
  const names = Object.keys(namespace).filter((name) => typeof namespace[name] === 'function');
  if (names.length === 0) return 'no function';
  return names.length > 12 ? `${names.slice(0, 12).join(', ')} and ${names.length - 12} more` : names.join(', ');
}

const ignore = (): void => { /* nobody is told */ };
