/**
 * Remote modules: `pool.module<typeof import('./images.ts')>(new URL('./images.ts', import.meta.url))` gives an object whose properties are the
 * module's exported functions, to be run on some core. Nothing is loaded here; a name that the module does not have rejects at the call.
 */
import { existsSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { CapriccioError } from '@capriccio/shared';
import { nameOfFunction, type Caller, type CallOptions, type Target, type Thread } from '@capriccio/worker';
import { checkTogether, checkWithOptions, type WithOptions } from './options.ts';
import { refuse, shown } from './check.ts';
import { taskChannel, traced } from './diagnostics.ts';

/** A function that runs on some core. Calling it gives a native promise. */
export interface RemoteFunction<A extends unknown[], R> extends RemoteExtras<A, R> {
  (...args: A): Promise<R>;
}

/** What a remote function has besides its call. */
interface RemoteExtras<A extends unknown[], R> {
  /** The call as a thread: `join` for its result, `cancel`, `detach`, `status`. */
  spawn(...args: A): Thread<R>;
  /** The same function with options for its calls. Throws CAP_ERR_OPTION. */
  with(options: WithOptions): RemoteFunction<A, R>;
}

/** A generator that runs on some core. Calling it gives its values, at most a window ahead of whoever iterates. */
export interface RemoteGenerator<A extends unknown[], Y, R> {
  (...args: A): AsyncIterableIterator<Y, void, undefined> & AsyncDisposable;
  /** Runs it to its end as one thread of frames: `yield` waits, its return value is the result. */
  spawn(...args: A): Thread<R>;
  with(options: WithOptions): RemoteGenerator<A, Y, R>;
}

/** `never` and `any` would match a generator too, as they match everything. */
type IsGenerator<R> = [R] extends [never] ? false : 0 extends 1 & R ? false : R extends Generator<unknown, unknown, never> | AsyncGenerator<unknown, unknown, never> ? true : false;

type IsPromise<R> = [R] extends [never] ? false : 0 extends 1 & R ? false : [R] extends [Promise<infer V>] ? [V] extends [PromiseLike<unknown>] ? false : true : false;

type RemoteOf<F> =
  F extends (...args: infer A) => infer R
    ? IsGenerator<R> extends true
      ? R extends Generator<infer Y, infer V, never> | AsyncGenerator<infer Y, infer V, never> ? RemoteGenerator<A, Awaited<Y>, Awaited<V>> : never
      : IsPromise<R> extends true ? RemoteAsItIs<F, A, Awaited<R>> : RemoteOverloads<F, RemoteFunction<A, Awaited<R>>>
    : never;

/** A function that gives a promise keeps its own signature, type parameters, overloads and all. */
type RemoteAsItIs<F, A extends unknown[], R> = F & {
  /** The call as a thread: `join` for its result, `cancel`, `detach`, `status`. */
  spawn(...args: A): Thread<R>;
  /** The same function with options for its calls. Throws CAP_ERR_OPTION. */
  with(options: WithOptions): RemoteAsItIs<F, A, R>;
};

/** Of up to three overloads. @param Single  what a function is that has one signature */
type RemoteOverloads<F, Single> =
  F extends { (...args: infer A1): infer R1; (...args: infer A2): infer R2; (...args: infer A3): infer R3 } ? Overloaded<[A1, R1], [A2, R2], [A3, R3], Single>
    : F extends { (...args: infer A1): infer R1; (...args: infer A2): infer R2 } ? Overloaded<[A1, R1], [A1, R1], [A2, R2], Single>
      : Single;
type Signature = [unknown[], unknown];
/** One that is not there is inferred as the next, or by older compilers as what takes and gives anything. */
type IsThere<S extends Signature, Next extends Signature> = [S] extends [Next] ? [Next] extends [S] ? false : IsKnown<S> : IsKnown<S>;
type IsKnown<S extends Signature> = unknown[] extends S[0] ? unknown extends S[1] ? false : true : true;
type Overloaded<S1 extends Signature, S2 extends Signature, S3 extends Signature, Single> =
  IsThere<S2, S3> extends true ? RemoteAsItIs<(IsThere<S1, S2> extends true ? CallOf<S1> : unknown) & CallOf<S2> & CallOf<S3>, S3[0], Awaited<S3[1]>> : Single;
type CallOf<S extends Signature> = (...args: S[0]) => Promise<Awaited<S[1]>>;

/** Every exported function of a module, remote. */
export type Remote<M> = { readonly [K in keyof M as M[K] extends (...args: never[]) => unknown ? K : never]: RemoteOf<M[K]> };

/**
 * The URL of a module that was given as URL, `file:` text or absolute path. A TypeScript source that is not there while its JavaScript is (after a
 * build) stands for that. Throws CAP_ERR_OPTION.
 */
export function moduleUrl(given: unknown): string {
  let url: URL;
  if (given instanceof URL) url = given;
  else if (typeof given !== 'string' || given === '') return refuse(`a module is named by a URL or a path, not ${shown(given)}`);
  else if (isAbsolute(given)) url = pathToFileURL(given);
  else if (/^[a-z][a-z\d+.-]+:/i.test(given)) url = URL.parse(given) ?? refuse(`a module is named by a URL or a path, and ${shown(given)} is no valid URL`);
  else return refuse(`'${given}' is relative to nothing: use new URL('${given.startsWith('.') ? given : `./${given}`}', import.meta.url)`);
  if (url.protocol !== 'file:') return url.href;
  const built = url.pathname.replace(/\.(?<kind>[cm]?)ts$/, '.$<kind>js');
  if (built !== url.pathname && !existsSync(pathOf(url))) {
    const instead = new URL(url);
    instead.pathname = built;
    if (existsSync(pathOf(instead))) return instead.href;
  }
  return url.href;
}

function pathOf(url: URL): string {
  try { return fileURLToPath(url); } catch (error) { return refuse(`${url.href} names no file: ${(error as Error).message}`, error); }
}

/** Names that are asked of any object, by `await` and by printers, and are never exports. */
const NEVER_REMOTE = new Set(['then', 'toJSON', 'constructor', 'nodeType', 'asymmetricMatch', '$$typeof']);

/** A remote module over a caller. Its functions are made once each. */
export function remoteModule(caller: Caller, url: string): object {
  const functions = new Map<string, unknown>();
  return new Proxy(Object.freeze(Object.create(null) as object), {
    get(_, name) {
      if (typeof name !== 'string' || NEVER_REMOTE.has(name)) return undefined;
      let found = functions.get(name);
      if (found === undefined) {
        found = remoteFunction(caller, targetOf(caller, url, name), undefined);
        functions.set(name, found);
      }
      return found;
    },
  });
}

export function targetOf(caller: Caller, url: string, exportName: string): Target {
  return caller.target(nameOfFunction(url, exportName), `${url.slice(url.lastIndexOf('/') + 1)}#${exportName}`);
}

function remoteFunction(caller: Caller, target: Target, options: CallOptions | undefined): unknown {
  const call = (...args: unknown[]): Promise<unknown> => {
    const promise = taskChannel.hasSubscribers ? traced(caller, target, args, options) : caller.call(target, args, options);
    if (target.kind !== 'plain') makeIterable(promise, target);
    return promise;
  };
  return Object.assign(call, {
    spawn: (...args: unknown[]) => caller.spawn(target, args, options),
    with: (more: unknown) => remoteFunction(caller, target, mergeOptions(options, checkWithOptions(more))),
  });
}

function mergeOptions(before: CallOptions | undefined, more: CallOptions): CallOptions {
  const merged: Record<string, unknown> = { ...before };
  for (const [name, value] of Object.entries(more)) if (value !== undefined) merged[name] = value;
  return checkTogether(merged as CallOptions);
}

/** Until it is known that a function is no generator, its promise can be iterated over as well: which it is, only the worker sees. */
function makeIterable(promise: Promise<unknown>, target: Target): void {
  Object.defineProperties(promise, {
    [Symbol.asyncIterator]: { value: () => new PendingIterator(promise, target) },
    [Symbol.asyncDispose]: { value: async () => { await new PendingIterator(promise, target).return(); } },
    next: { value: () => new PendingIterator(promise, target).next() },
    return: { value: () => new PendingIterator(promise, target).return() },
  });
}

/** A stream that is being opened. */
class PendingIterator implements AsyncIterableIterator<unknown, void, undefined> {
  readonly #stream: Promise<AsyncIterableIterator<unknown, void, undefined>>;

  constructor(promise: Promise<unknown>, target: Target) {
    this.#stream = promise.then((value) => {
      if (typeof (value as { next?: unknown } | null)?.next === 'function') return value as AsyncIterableIterator<unknown, void, undefined>;
      throw new CapriccioError('CAP_ERR_MODULE', `${target.label} is not a generator function: its result cannot be iterated over; await it`);
    });
    this.#stream.catch(() => { /* told by next */ });
  }

  [Symbol.asyncIterator](): this { return this; }
  async next(): Promise<IteratorResult<unknown, void>> { return await (await this.#stream).next(); }
  async return(): Promise<IteratorResult<unknown, void>> { return await (await this.#stream).return?.() ?? { done: true, value: undefined }; }
}
