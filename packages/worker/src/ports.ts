/**
 * What travels by MessagePort instead of shared memory: values that only structured clone carries, transfers, shared buffers, and the rare
 * words of control. Every worker has one port to main; worker to worker goes through main.
 */

export type PortMessage =
  /** Arguments of a slot that has been, or is about to be, placed on the receiver. */
  | { readonly kind: 'arguments'; readonly slot: number; readonly generation: number; readonly values: unknown[] }
  /** The result of one of the receiver's slots, posted before the slot came home. */
  | { readonly kind: 'result'; readonly slot: number; readonly generation: number; readonly value: unknown }
  /** A SharedArrayBuffer that values will name by number from now on. */
  | { readonly kind: 'buffer'; readonly number: number; readonly buffer: SharedArrayBuffer }
  /** Nobody names it any more. */
  | { readonly kind: 'drop'; readonly number: number }
  /** For a plug-in of the receiver. */
  | { readonly kind: 'service'; readonly service: string; readonly body: unknown };

/** How an isolate posts and receives. */
export interface Postman {
  /** Posts to a participant; through main when neither end is main. Throws DataCloneError for what cannot be cloned. */
  post(to: number, message: PortMessage, transfer?: readonly unknown[]): void;
  /** Posts to every other participant. */
  broadcast(message: PortMessage): void;
  /** Handles what has arrived, now, without a turn of the event loop. */
  receiveNow(): void;
}

/** Values by slot that have come by port before, or come after, the slot itself. */
export class Arrivals {
  readonly #values = new Map<number, { generation: number; value: unknown }>();
  readonly #waiting = new Map<number, { generation: number; take: (value: unknown) => void }>();

  /** A value has come: to whoever waits for it, or kept. */
  arrive(slot: number, generation: number, value: unknown): void {
    const waiting = this.#waiting.get(slot);
    if (waiting?.generation === generation) {
      this.#waiting.delete(slot);
      waiting.take(value);
    } else this.#values.set(slot, { generation, value });
  }

  /** Calls `take` with the value of a slot: at once when it is here, else when it comes. */
  claim(slot: number, generation: number, take: (value: unknown) => void): void {
    const here = this.#values.get(slot);
    if (here !== undefined) this.#values.delete(slot);                 // of this generation, or void
    if (here?.generation === generation) take(here.value);
    else this.#waiting.set(slot, { generation, take });
  }

  /** The slot has been given up. */
  drop(slot: number): void {
    this.#values.delete(slot);
    this.#waiting.delete(slot);
  }
}
