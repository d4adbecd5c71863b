/**
 * `for await` in compiled code: the loop asks `next()`, awaits what it gives, and asks `take` whether there is a value. When it is left, `isOpen`
 * says whether there is something to close, and what `closing` holds is awaited. Each step is observable, and stands in the order of the language.
 *
 * One case is not the language's: a cancellation is thrown in where the loop awaits `next()`. The iterator has not failed, and does not know that nobody
 * will ask it again: it is closed, and not waited for, since it may be waiting itself.
 */
import { currentThread } from '../context.ts';
import { isObject } from './settle.ts';

type Method = (this: unknown, ...args: unknown[]) => unknown;
interface Iterator { next: unknown; return?: unknown }

const call = Reflect.apply;
const NativePromise = Promise;
const { then } = Promise.prototype;

export class AsyncLoop {
  readonly #iterator: Iterator;
  readonly #next: unknown;
  #isInside = false;
  #isAwaitingNext = false;
  /** Set by the loop's catch: an error of the body wins over what closing throws. */
  threw = false;
  value: unknown = undefined;
  closing: unknown = undefined;

  constructor(iterable: unknown) {
    const method = (iterable as { [Symbol.asyncIterator]?: unknown })[Symbol.asyncIterator];
    if (method !== undefined && method !== null) this.#iterator = iteratorOf(call(method as Method, iterable, []), 'Symbol.asyncIterator');
    else this.#iterator = new FromSync(iteratorOf(call((iterable as Iterable<unknown>)[Symbol.iterator] as Method, iterable, []), 'Symbol.iterator'));
    this.#next = this.#iterator.next;
  }

  /** What is awaited for the next value. */
  next(): unknown {
    this.#isInside = false;
    const asked = call(this.#next as Method, this.#iterator, []);
    this.#isAwaitingNext = true;
    return asked;
  }

  /** @param result  what awaiting `next()` gave; @returns whether there is a value */
  take(result: unknown): boolean {
    this.#isAwaitingNext = false;
    if (!isObject(result)) throw new TypeError(`Iterator result ${String(result)} is not an object`);
    const { done } = result as IteratorResult<unknown>;
    if (done) return false;
    this.value = (result as IteratorResult<unknown>).value;
    this.#isInside = true;
    return true;
  }

  /** The loop is being left: is there something to close? */
  isOpen(): boolean {
    if (!this.#isInside) {
      if (this.threw && this.#isAwaitingNext && currentThread()?.cancelRequested === true) this.#abandon();
      return false;
    }
    try {
      const method = this.#iterator.return;
      if (method === undefined || method === null) return false;
      this.closing = call(method as Method, this.#iterator, []);
    } catch (error) {
      if (this.threw) return false;
      throw error;
    }
    return true;
  }

  #abandon(): void {
    try {
      const method = this.#iterator.return;
      if (method === undefined || method === null) return;
      NativePromise.resolve(call(method as Method, this.#iterator, [])).catch(() => { /* the thread ends by its cancellation */ });
    } catch { /* likewise */ }
  }

  /** @param result  what awaiting `closing` gave */
  closed(result: unknown): void {
    if (!this.threw && !isObject(result)) throw new TypeError(`${String(result)} is not an object`);
  }
}

function iteratorOf(value: unknown, name: string): Iterator {
  if (!isObject(value)) throw new TypeError(`Result of the ${name} method is not an object`);
  return value as Iterator;
}

/** A synchronous iterator as an asynchronous one (ECMA-262, CreateAsyncFromSyncIterator). */
class FromSync implements Iterator {
  readonly #iterator: Iterator;
  readonly #next: unknown;

  constructor(iterator: Iterator) {
    this.#iterator = iterator;
    this.#next = iterator.next;
  }

  next(): Promise<unknown> {
    try {
      const result = call(this.#next as Method, this.#iterator, []);
      if (!isObject(result)) throw new TypeError(`Iterator result ${String(result)} is not an object`);
      return this.#step(result as IteratorResult<unknown>, true);
    } catch (error) {
      return NativePromise.reject(error);
    }
  }

  return(): Promise<unknown> {
    try {
      const method = this.#iterator.return;
      if (method === undefined || method === null) return NativePromise.resolve({ value: undefined, done: true });
      const result = call(method as Method, this.#iterator, []);
      if (!isObject(result)) throw new TypeError(`${String(result)} is not an object`);
      return this.#step(result as IteratorResult<unknown>, false);
    } catch (error) {
      return NativePromise.reject(error);
    }
  }

  #step(result: IteratorResult<unknown>, closes: boolean): Promise<unknown> {
    const done = Boolean(result.done);
    const { value } = result;
    let promise: Promise<unknown>;
    try {
      promise = NativePromise.resolve(value);
    } catch (error) {
      if (!done && closes) this.#close();
      throw error;
    }
    return call(then, promise, [
      (settled: unknown) => ({ value: settled, done }),
      done || !closes ? undefined : (error: unknown) => { this.#close(); throw error; },
    ]) as Promise<unknown>;
  }

  /** An error is on its way: what closing throws is of no account. */
  #close(): void {
    try {
      const method = this.#iterator.return;
      if (method !== undefined && method !== null) call(method as Method, this.#iterator, []);
    } catch { /* the first error wins */ }
  }
}

export const loopOver = (iterable: unknown): AsyncLoop => new AsyncLoop(iterable);
