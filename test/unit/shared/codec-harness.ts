/** A codec over a real table of names, and a comparer that knows every difference structured clone can make. */
import { types } from 'node:util';
import { BY_PORT, CarriedNames, CarriedShapes, Decoder, Encoder, NameReader, NameWriter, allocateMemory, layOut, mapMemory, type SharedBuffers } from '@capriccio/shared';

export interface Codec {
  readonly encoder: Encoder;
  readonly decoder: Decoder;
  readonly names: NameWriter;
  readonly buffers: SharedArrayBuffer[];
  /** Through shared memory and back; BY_PORT as `encode` says it. */
  roundTrip(value: unknown): unknown;
}

/** @param options.carries  values bring their shapes along, as items of channels do */
export function makeCodec(options: { namesBytes?: number; bytesMax?: number; carries?: boolean } = {}): Codec {
  const layout = layOut({ participantCount: 2, slotCount: 16, ringCount: 1, payloadBytes: 65_536, namesBytes: options.namesBytes ?? 65_536 });
  const memory = mapMemory(allocateMemory(layout), layout);
  const buffers: SharedArrayBuffer[] = [];
  const registry: SharedBuffers = {
    numberOf(buffer) {
      const known = buffers.indexOf(buffer);
      return known >= 0 ? known : buffers.push(buffer) - 1;
    },
    bufferOf: (number) => buffers[number],
  };
  const names = new NameWriter(memory, 0);
  const encoder = new Encoder(options.carries === true ? new CarriedNames() : names, registry, options.bytesMax === undefined ? {} : { bytesMax: options.bytesMax });
  const decoder = new Decoder(options.carries === true ? new CarriedShapes() : new NameReader(memory, 0), registry);
  return {
    encoder, decoder, names, buffers,
    roundTrip(value) {
      const length = encoder.encode(value, 'value');
      if (length === BY_PORT) return BY_PORT;
      const block = Buffer.from(new SharedArrayBuffer(length + 64));
      const at = 7;                                      // blocks are aligned, the codec does not need it
      encoder.scratch.copy(block, at, 0, length);
      return decoder.decode(block, at, length);
    },
  };
}

/** Where `a` and `b` differ, in kind, prototype, contents, key order, holes, attributes, or in which objects are the same object; undefined if nowhere. */
export function difference(a: unknown, b: unknown): string | undefined {
  return compare(a, b, '', new Map(), new Map());
}

type Pairs = Map<unknown, unknown>;

function compare(a: unknown, b: unknown, path: string, there: Pairs, back: Pairs): string | undefined {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) {
    return Object.is(a, b) ? undefined : `${path}: ${show(a)} and ${show(b)}`;
  }
  if (there.has(a) || back.has(b)) return there.get(a) === b && back.get(b) === a ? undefined : `${path}: another object than before`;
  there.set(a, b);
  back.set(b, a);
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return `${path}: prototypes differ, ${show(a)} and ${show(b)}`;
  for (const [step, one, other] of parts(a, b)) {
    const found = compare(one, other, path + step, there, back);
    if (found !== undefined) return found;
  }
  return undefined;
}

function show(value: unknown): string {
  return typeof value === 'bigint' ? `${value}n` : Object.is(value, -0) ? '-0' : typeof value === 'object' ? Object.prototype.toString.call(value) : JSON.stringify(value) ?? String(value);
}

function parts(a: object, b: object): [string, unknown, unknown][] {
  const kinds = [types.isMap, types.isSet, types.isDate, types.isRegExp, types.isNativeError, types.isBoxedPrimitive, types.isArrayBuffer, types.isSharedArrayBuffer, types.isTypedArray, types.isDataView, Array.isArray];
  const list: [string, unknown, unknown][] = kinds.map((is) => [` is ${is.name}`, is(a), is(b)]);
  if (types.isMap(a) && types.isMap(b)) list.push(...zip(' map ', [...a].flat(), [...b].flat()));
  else if (types.isSet(a) && types.isSet(b)) list.push(...zip(' set ', [...a], [...b]));
  else if (types.isDate(a) && types.isDate(b)) list.push([' time', a.getTime(), b.getTime()]);
  else if (types.isRegExp(a) && types.isRegExp(b)) list.push([' source', a.source, b.source], [' flags', a.flags, b.flags], [' lastIndex', a.lastIndex, b.lastIndex]);
  else if (types.isBoxedPrimitive(a) && types.isBoxedPrimitive(b)) list.push([' boxed', a.valueOf(), b.valueOf()]);
  else if (types.isSharedArrayBuffer(a) && types.isSharedArrayBuffer(b)) list.push([' bytes', a.byteLength, b.byteLength], [' growable', a.growable, b.growable]);
  else if (types.isArrayBuffer(a) && types.isArrayBuffer(b)) {
    list.push([' resizable', a.resizable, b.resizable], [' most', a.maxByteLength, b.maxByteLength], [' content', Buffer.from(a).toString('hex'), Buffer.from(b).toString('hex')]);
  } else if (ArrayBuffer.isView(a) && ArrayBuffer.isView(b)) {
    list.push([' offset', a.byteOffset, b.byteOffset], [' bytes', a.byteLength, b.byteLength], [' buffer', a.buffer, b.buffer]);
    if (!types.isSharedArrayBuffer(a.buffer) && a.buffer.resizable && b.buffer instanceof ArrayBuffer) list.push([' tracks', follows(a), follows(b)]);
    return list;
  } else if (types.isNativeError(a) && types.isNativeError(b)) list.push([' stack', a.stack, b.stack]);
  list.push([' own keys', JSON.stringify(Reflect.ownKeys(a).map(String)), JSON.stringify(Reflect.ownKeys(b).map(String))]);
  for (const key of Reflect.ownKeys(a)) {
    if (key === 'stack') continue;
    const [one, other] = [Object.getOwnPropertyDescriptor(a, key), Object.getOwnPropertyDescriptor(b, key)];
    list.push([`.${String(key)} attributes`, attributes(one), attributes(other)], [`.${String(key)}`, one?.value, other?.value]);
  }
  return list;
}

/** Whether a view follows its buffer: asked by shrinking the buffer to where the view begins, so ask last. */
function follows(view: ArrayBufferView): boolean {
  const buffer = view.buffer as ArrayBuffer;
  const { byteLength } = buffer;
  if (view.byteLength === 0) return false;
  try {
    buffer.resize(view.byteOffset);
    if (view instanceof DataView) return view.byteLength === 0;
    (view as Uint8Array).values();                       // throws when the view ends beyond its buffer
    return true;
  } catch {
    return false;
  } finally {
    buffer.resize(byteLength);
  }
}

function attributes(descriptor: PropertyDescriptor | undefined): string {
  return descriptor === undefined ? 'none' : `${'value' in descriptor} ${descriptor.writable} ${descriptor.enumerable} ${descriptor.configurable}`;
}

function zip(step: string, a: unknown[], b: unknown[]): [string, unknown, unknown][] {
  return [[`${step}size`, a.length, b.length], ...a.map((one, k): [string, unknown, unknown] => [step + k, one, b[k]])];
}
