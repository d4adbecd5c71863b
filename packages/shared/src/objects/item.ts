/**
 * What a channel carries: a value as eight bytes beside its tag (inline.ts), or as bytes of the codec that need no table of names, for who sent it
 * may be gone when it is read, and its names with it.
 */
import { BY_PORT, CarriedNames, CarriedShapes, Decoder, Encoder } from '../codec/index.ts';
import { CapriccioError } from '../errors.ts';
import { readInline, writeInline } from '../inline.ts';
import type { Memory } from '../memory.ts';

/** The tag of a value that lies in bytes; those of inline.ts are below. */
export const IN_BYTES = 16;

export interface Item { readonly tag: number; readonly low: number; readonly high: number; readonly bytes: Buffer | undefined; readonly length: number }

const buffer = new ArrayBuffer(8);
/** Eight private bytes that look like an arena. */
const scratch = { words: new Int32Array(buffer), floats: new Float64Array(buffer), bytes: Buffer.from(buffer) } as unknown as Memory;

const refuseBuffer = (): never => { throw new CapriccioError('CAP_ERR_NOT_CLONEABLE', 'a SharedArrayBuffer cannot be sent through a shared channel: nobody would keep it while it is there; pass it as an argument of a call'); };
const noBuffers = { numberOf: refuseBuffer, bufferOf: () => undefined };
let codec: { readonly encoder: Encoder; readonly decoder: Decoder } | undefined;
const codecOfThisThread = (): { readonly encoder: Encoder; readonly decoder: Decoder } => codec ??= {
  encoder: new Encoder(new CarriedNames(), noBuffers),
  decoder: new Decoder(new CarriedShapes(), noBuffers),
};

/**
 * A value in the form in which it travels. The bytes are void after the next call, unless `keep`.
 * Throws CAP_ERR_NOT_CLONEABLE for what structured clone refuses, and for what only a port could carry.
 */
export function packItem(value: unknown, keep: boolean): Item {
  const tag = writeInline(scratch, 0, value);
  if (tag >= 0) return { tag, low: scratch.words[0] as number, high: scratch.words[1] as number, bytes: undefined, length: 0 };
  const { encoder } = codecOfThisThread();
  const length = encoder.encode(value, 'the value');
  if (length === BY_PORT) throw new CapriccioError('CAP_ERR_NOT_CLONEABLE', 'the value holds something that only a MessagePort can carry, or more than 16 MiB: it cannot be sent through a shared channel; send the data it is made of');
  const bytes = keep ? Buffer.from(encoder.scratch.subarray(0, length)) : encoder.scratch;
  return { tag: IN_BYTES, low: 0, high: 0, bytes, length };
}
/** The same whose bytes stay. */
export function keepItem(item: Item): Item {
  return item.bytes === undefined ? item : { ...item, bytes: Buffer.from(item.bytes.subarray(0, item.length)) };
}

export function unpackItem({ tag, low, high, bytes, length }: Item): unknown {
  if (tag === IN_BYTES) return codecOfThisThread().decoder.decode(bytes as Buffer, 0, length);
  scratch.words[0] = low;
  scratch.words[1] = high;
  return readInline(scratch, 0, tag);
}
