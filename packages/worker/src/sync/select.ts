/**
 * Waits for the first of several sends and receives, and does that one alone. Who waits stands in the queue of each channel by a stand-in; the
 * channel that serves one of them thereby takes the others away, before anything else runs, so nothing is given twice and no wake-up is lost.
 * Where several can go on at once one is drawn by lot, so none is starved. Source: Go's select. Next: thread-local.ts.
 */
import { CapriccioError } from '@capriccio/shared';
import { setDirect, type SUSPENDED } from '../suspended.ts';
import type { LocalThread } from '../thread.ts';
import { byPromise, byThread, checkWait, promised, type Block, type WaitOptions } from './block.ts';
import { callingThread, type Abandoned, type Waitable, type Waiter } from './waiting.ts';

/** It cannot go on now. */
export const NOTHING: unique symbol = Symbol('nothing');

declare const gives: unique symbol;

/** One of the operations to choose from: `channel.receiving()`, `channel.sending(value)`. */
export interface SelectCase<T> {
  /** Of the types only: what it gives. */
  readonly [gives]?: T;
  /** @internal Does it, if it need not wait: its result, or NOTHING. Throws CAP_ERR_CLOSED. */
  attempt(): T | typeof NOTHING;
  /** @internal Stands in line. */
  enlist(waiter: Waiter): void;
}

type ValueOf<C> = C extends SelectCase<infer T> ? T : never;
/** Which was done, by its key, and what it gave. */
export type Selected<Cases> = { [K in keyof Cases & string]: { readonly key: K; readonly value: ValueOf<Cases[K]> } }[keyof Cases & string];

export interface SelectOptions<D = never> extends WaitOptions {
  /** Chosen when no case can go on at once, under the key `default`: then select never waits. */
  default?: D;
}

/** A stand-in in one channel's queue. */
class StandIn implements Waiter {
  next: Waiter | undefined = undefined;
  previous: Waiter | undefined = undefined;
  waitingOn: Waitable | undefined = undefined;
  value: unknown = undefined;
  readonly key: string;
  readonly #selection: Selection;
  constructor(key: string, selection: Selection) {
    this.key = key;
    this.#selection = selection;
  }
  get thread(): LocalThread | undefined { return this.#selection.thread; }
  wake(value: unknown, byThrow: boolean): void { this.#selection.settle(byThrow ? value : { key: this.key, value }, byThrow); }
  untime(): void { this.#selection.waiter?.untime(); }
}

/** A wait for one of several. */
class Selection implements Waitable {
  readonly what: string;
  readonly #cases: readonly (readonly [string, SelectCase<unknown>])[];
  readonly #standIns: StandIn[] = [];
  waiter: Waiter | undefined;

  constructor(cases: readonly (readonly [string, SelectCase<unknown>])[]) {
    this.#cases = cases;
    this.what = `one of ${cases.map(([key]) => key).join(', ')}`;
  }
  get thread(): LocalThread | undefined { return this.waiter?.thread; }
  holders(): [] { return []; }

  push(waiter: Waiter): void {
    this.waiter = waiter;
    waiter.waitingOn = this;
    for (const [key, one] of this.#cases) {
      const standIn = new StandIn(key, this);
      this.#standIns.push(standIn);
      one.enlist(standIn);
    }
  }
  #leave(): void {
    for (const standIn of this.#standIns) standIn.waitingOn?.abandon(standIn, undefined);
    (this.waiter as Waiter).waitingOn = undefined;
  }
  settle(value: unknown, byThrow: boolean): void {
    this.#leave();
    this.waiter?.wake(value, byThrow);
  }
  abandon(): Abandoned {
    this.#leave();
    return 'left';
  }
}

/**
 * Does the first of the cases that can go on.
 *
 * ```ts
 * const got = await select({ job: jobs.receiving(), out: results.sending(last) }, { timeoutMs: 100 });
 * if (got.key === 'job') work(got.value);
 * ```
 * Rejects with CAP_ERR_CLOSED when it comes upon a closed channel, with CAP_ERR_TIMEOUT, or when the thread is cancelled; nothing has been sent or received then.
 */
export function select<const Cases extends Readonly<Record<string, SelectCase<unknown>>>, D = never>(cases: Cases, options?: SelectOptions<D>): Promise<Selected<Cases> | ([D] extends [never] ? never : { readonly key: 'default'; readonly value: D })> {
  return promised(() => choose(byPromise, cases, options));
}
setDirect(select as (cases: Readonly<Record<string, SelectCase<unknown>>>, options?: SelectOptions) => Promise<unknown>,
  (cases, options) => choose(byThread, cases, options));

function choose(block: Block, cases: Readonly<Record<string, SelectCase<unknown>>>, options: SelectOptions<unknown> | undefined): unknown | typeof SUSPENDED {
  checkWait(options, 'select');
  if (typeof cases !== 'object' || cases === null) throw new CapriccioError('CAP_ERR_OPTION', 'select takes an object of cases: channel.receiving() or channel.sending(value) by keys of your choice');
  const entries = Object.entries(cases);
  const wrong = entries.find(([, one]) => typeof one?.attempt !== 'function');
  if (wrong !== undefined) throw new CapriccioError('CAP_ERR_OPTION', `select: ${wrong[0]} is no case; use channel.receiving() or channel.sending(value)`);
  const isDefault = options !== undefined && 'default' in options;
  if (entries.length === 0 && !isDefault) throw new CapriccioError('CAP_ERR_OPTION', 'select has no case to wait for');
  const thread = callingThread();
  const first = entries.length === 0 ? 0 : Math.floor(Math.random() * entries.length);
  for (let k = 0; k < entries.length; k++) {
    const [key, one] = entries[(first + k) % entries.length] as [string, SelectCase<unknown>];
    const value = one.attempt();
    if (value !== NOTHING) return { key, value };
  }
  return isDefault ? { key: 'default', value: options.default } : block(new Selection(entries), thread, undefined, options);
}
