/**
 * Results that move. They go to the caller by port, for only a port can move a buffer or a port, and the result in shared memory says which of them
 * it stands for. Posted first, so the value is there, or receivable at once, when the result has come home.
 */
import { isMoved, moveListOf, valueSymbol } from './move.ts';

/** What a batch had done when one of its tasks ended the worker. */
export interface LastWords { readonly doneBeforeExit: readonly unknown[] }

/** What stands for a value that comes by port. */
interface Ticket { readonly capriccioMoved: number }
interface Parcel { readonly ticket: number; readonly value: unknown }
type Post = (body: Parcel | LastWords, transfer: readonly object[]) => void;

let post: Post | undefined;
let lastTicket = 0;
export const setCourier = (made: Post): void => { post = made; };

/** In the worker: what a handler's result becomes. Throws DataCloneError. */
export function outgoing(result: unknown): unknown {
  if (!isMoved(result) || post === undefined) return result;
  const ticket = ++lastTicket;
  post({ ticket, value: result[valueSymbol] }, moveListOf(result));
  return { capriccioMoved: ticket } satisfies Ticket;
}

let done: readonly unknown[] | undefined;
let isWatching = false;
/** In the worker: `values` are told to the caller if this worker exits while they are being gathered. */
export function reportExit(values: readonly unknown[] | undefined): void {
  done = values;
  if (isWatching) return;
  isWatching = true;
  process.once('exit', () => { if (done !== undefined) post?.({ doneBeforeExit: done }, []); });
}

export const isLastWords = (body: unknown): body is LastWords => Array.isArray((body as Partial<LastWords>).doneBeforeExit);

/** On the calling side: parcels of one worker that have come and not been asked for. */
export class Parcels {
  readonly #values = new Map<string, unknown>();

  arrive(from: number, body: unknown): void {
    const { ticket, value } = body as Parcel;
    this.#values.set(`${from}:${ticket}`, value);
  }
  /** The result itself. @param receiveNow  takes what has arrived by port and has not been looked at */
  open(from: number, result: unknown, receiveNow: () => void): unknown {
    const ticket = typeof result === 'object' && result !== null ? (result as Partial<Ticket>).capriccioMoved : undefined;
    if (ticket === undefined) return result;
    const key = `${from}:${ticket}`;
    if (!this.#values.has(key)) receiveNow();
    const value = this.#values.get(key);
    return this.#values.delete(key) ? value : result;
  }
}
