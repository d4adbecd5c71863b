/**
 * Encoder: any value that structured clone takes, to bytes; what it cannot take it refuses by name and path.
 *
 * Reads a value in the order structured clone does and calls each getter once. What reads and writes is encode-plain.ts, and
 * encode-builtin.ts for all that is neither a plain object nor an array; here is what the caller sees. Next: decode.ts.
 */
import { CarriedNames } from './carried-shapes.ts';
import { PlainWriter } from './encode-plain.ts';
import { byPort, notCloneable } from './refusal.ts';
import { ShapeTrie, type ShapeNames } from './shapes.ts';
import type { SharedBuffers } from './shared-buffers.ts';

export interface EncoderOptions {
  /** Larger values travel by a port. Default 16 MiB. */
  readonly bytesMax?: number;
}

/** What `encode` answers when the value must travel by a MessagePort. */
export const BY_PORT = -1;

const BYTES_MAX = 16 * 1024 * 1024;

/** One encoder a participant: it owns the shapes that the participant's table of names knows. */
export class Encoder {
  /** The bytes of the last value, from 0. Private memory; the next `encode` may overwrite or replace it. */
  scratch: Buffer;
  /** Shared buffers that the last value refers to. */
  readonly met: SharedArrayBuffer[] = [];
  readonly #names: ShapeNames;
  readonly #buffers: SharedBuffers;
  readonly #options: EncoderOptions;
  readonly #writer: PlainWriter;
  #isBusy = false;
  #inner: Encoder | undefined;

  constructor(names: ShapeNames, buffers: SharedBuffers, options: EncoderOptions = {}) {
    this.#names = names;
    this.#buffers = buffers;
    this.#options = options;
    this.#writer = new PlainWriter(new ShapeTrie(names), buffers, this.met, options.bytesMax ?? BYTES_MAX, names instanceof CarriedNames ? names : undefined);
    this.scratch = this.#writer.bytes;
  }

  /**
   * Encodes `value` into `scratch`. Returns its length in bytes, or BY_PORT: it is larger than `bytesMax`, or holds something that only
   * structured clone itself can carry (Blob, KeyObject, WebAssembly.Module, Histogram, DOMException …).
   * @param label  what the value is to the caller, for the message: `argument 1`
   * Throws CAP_ERR_NOT_CLONEABLE where structured clone throws, with the path of the offender; `cause` is what a getter threw.
   * Cost: about 100 ns an object of five primitive fields, 65 an array, 10 a short string, 3 a number; 15 more an object once there are 64.
   */
  encode(value: unknown, label: string): number {
    if (this.#isBusy) return this.#encodeInside(value, label);
    this.#isBusy = true;
    const writer = this.#writer;
    try {
      const length = writer.run(value);
      this.scratch = writer.bytes;
      return length;
    } catch (thrown) {
      if (thrown === byPort) return BY_PORT;
      throw notCloneable(thrown, value, label);
    } finally {
      writer.reset();
      this.#isBusy = false;
    }
  }

  /** A getter of the value being encoded asks for another: that one gets its own scratch, and the names have one number for all. */
  #encodeInside(value: unknown, label: string): number {
    const inner = this.#inner ??= new Encoder(this.#names, this.#buffers, this.#options);
    const outer = this.met.slice();
    const length = inner.encode(value, label);
    this.scratch = inner.scratch;
    this.met.splice(0, this.met.length, ...outer, ...inner.met);   // the outer value is not finished: keep what it refers to
    return length;
  }
}
