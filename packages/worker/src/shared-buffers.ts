/**
 * SharedArrayBuffers by number. Bytes in the arena cannot hold a reference, so a shared buffer is sent once to every isolate by port, and values
 * name it. The isolate that numbered it tells the others to drop theirs when nobody there refers to it any more.
 */
import type { SharedBuffers } from '@capriccio/shared';

/** Numbers of one isolate: its serial in front, so that no two isolates give the same one. Thirty-two bits in all. */
const NUMBERS_PER_ISOLATE = 2 ** 16;

export class SharedBufferTable implements SharedBuffers {
  readonly #byNumber = new Map<number, SharedArrayBuffer | WeakRef<SharedArrayBuffer>>();
  readonly #numbers = new WeakMap<SharedArrayBuffer, number>();
  readonly #waiting = new Map<number, (() => void)[]>();
  readonly #announce: (number: number, buffer: SharedArrayBuffer) => void;
  readonly #collected: FinalizationRegistry<number>;
  #next: number;

  /**
   * @param serial    of this isolate, never given again in this process
   * @param announce  tells every other isolate of a new buffer, before any value that names it is published
   * @param drop      tells them that it is gone
   */
  constructor(serial: number, announce: (number: number, buffer: SharedArrayBuffer) => void, drop: (number: number) => void) {
    this.#next = (serial % 2 ** 16) * NUMBERS_PER_ISOLATE;
    this.#announce = announce;
    this.#collected = new FinalizationRegistry((number) => { this.#byNumber.delete(number); drop(number); });
  }

  numberOf(buffer: SharedArrayBuffer): number {
    const known = this.#numbers.get(buffer);
    if (known !== undefined) return known;
    const number = this.#next++;
    this.#numbers.set(buffer, number);
    this.#byNumber.set(number, new WeakRef(buffer));
    this.#collected.register(buffer, number);
    this.#announce(number, buffer);
    return number;
  }

  bufferOf(number: number): SharedArrayBuffer | undefined {
    const found = this.#byNumber.get(number);
    return found instanceof WeakRef ? found.deref() : found;
  }

  /** Another isolate has numbered a buffer. */
  learn(number: number, buffer: SharedArrayBuffer): void {
    if (this.#byNumber.has(number)) return;
    this.#byNumber.set(number, buffer);
    this.#numbers.set(buffer, number);
    const waiting = this.#waiting.get(number);
    this.#waiting.delete(number);
    for (const resume of waiting ?? []) resume();
  }
  /** The isolate that numbered it refers to it no more. */
  forget(number: number): void { this.#byNumber.delete(number); }
  /** Calls `resume` when the buffer of a number has come. */
  whenKnown(number: number, resume: () => void): void {
    const waiting = this.#waiting.get(number);
    if (waiting === undefined) this.#waiting.set(number, [resume]);
    else waiting.push(resume);
  }
  /** All that a new isolate must know. */
  entries(): [number, SharedArrayBuffer][] {
    const known: [number, SharedArrayBuffer][] = [];
    for (const number of this.#byNumber.keys()) {
      const buffer = this.bufferOf(number);
      if (buffer !== undefined) known.push([number, buffer]);
    }
    return known;
  }
}
