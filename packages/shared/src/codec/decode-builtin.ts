/** The decoder's slow path: the language's own classes. The counterpart of encode-builtin.ts. */
import {
  BOXED, BUFFER, DATE, ERROR, HAS_CAUSE, HAS_MESSAGE, HAS_STACK, LENGTH_TRACKING, MAP, REGEXP, RESIZABLE_BUFFER, SET, SHARED_BUFFER, VIEW,
  errorNames, viewNames,
} from './format.ts';
import type { DecodeSession } from './decode.ts';
import { MissingBufferError } from './shared-buffers.ts';

type ViewClass = new (buffer: ArrayBufferLike, offset: number, length?: number) => ArrayBufferView;
const viewClasses = viewNames.map((name) => (globalThis as unknown as Record<string, ViewClass | undefined>)[name]);
const errorClasses = errorNames.map((name) => (globalThis as unknown as Record<string, ErrorConstructor>)[name] as ErrorConstructor);

/** Reads what follows `tag`. `target`: the Map or Set that was put off, and is filled now. Throws for a tag that does not exist. */
export function readBuiltin(reader: DecodeSession, tag: number, target?: object): object {
  switch (tag) {
    case MAP: return readMap(reader, target ?? reader.numbered(new Map()));
    case SET: return readSet(reader, target ?? reader.numbered(new Set()));
    case DATE: return reader.numbered(new Date(reader.double()));
    case REGEXP: return readRegExp(reader);
    case ERROR: return readError(reader);
    case BOXED: return readBoxed(reader);
    case BUFFER: return reader.numbered(reader.copy(reader.word()));
    case RESIZABLE_BUFFER: return readResizable(reader);
    case SHARED_BUFFER: return readShared(reader);
    case VIEW: return readView(reader);
    default: throw reader.corrupt(`${tag} is no tag`);
  }
}

function readMap(reader: DecodeSession, map: object): object {
  if (!(map instanceof Map)) throw reader.corrupt('a Map is not expected');
  for (let count = reader.word(); count > 0; count--) map.set(reader.value(), reader.value());
  return map;
}

function readSet(reader: DecodeSession, set: object): object {
  if (!(set instanceof Set)) throw reader.corrupt('a Set is not expected');
  for (let count = reader.word(); count > 0; count--) set.add(reader.value());
  return set;
}

function readRegExp(reader: DecodeSession): RegExp {
  const source = reader.text();
  return reader.numbered(new RegExp(source, reader.text()));
}

function readBoxed(reader: DecodeSession): object {
  const value = reader.value();
  if (typeof value === 'object' || value === undefined) throw reader.corrupt('a primitive is expected');
  return reader.numbered(Object(value) as object);
}

function readError(reader: DecodeSession): Error {
  const ErrorClass = errorClasses[reader.byte()];
  if (ErrorClass === undefined) throw reader.corrupt('a class of errors is expected');
  const flags = reader.byte();
  const message = (flags & HAS_MESSAGE) === 0 ? undefined : reader.text();
  const stack = (flags & HAS_STACK) === 0 ? undefined : reader.text();
  const error = reader.numbered(withoutStack(ErrorClass, message));
  error.stack = stack as string;                         // a setter of V8: the property stays what it is on any error
  if ((flags & HAS_CAUSE) !== 0) Object.defineProperty(error, 'cause', { value: reader.value(), writable: true, enumerable: false, configurable: true });
  return error;
}

/** The stack of this thread would be collected and thrown away: 2 us. */
function withoutStack(ErrorClass: ErrorConstructor, message: string | undefined): Error {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return new ErrorClass(message);
  } finally {
    Error.stackTraceLimit = limit;
  }
}

function readResizable(reader: DecodeSession): ArrayBuffer {
  const length = reader.word();
  const maxByteLength = reader.double();
  if (!(maxByteLength >= length)) throw reader.corrupt(`a buffer of ${length} bytes is said to hold ${maxByteLength} at most`);
  const at = reader.take(length);
  const buffer = new ArrayBuffer(length, { maxByteLength });
  new Uint8Array(buffer).set(reader.bytes.subarray(at, at + length));
  return reader.numbered(buffer);
}

function readShared(reader: DecodeSession): SharedArrayBuffer {
  const number = reader.word();
  const buffer = reader.buffers.bufferOf(number);
  if (buffer === undefined) throw new MissingBufferError(number);
  return reader.numbered(buffer);
}

/** The view is numbered before its buffer, as the encoder met them, and made after it. */
function readView(reader: DecodeSession): object {
  const kind = reader.byte();
  const ViewClass = viewClasses[kind];
  if (ViewClass === undefined) throw reader.corrupt(`${kind} is no kind of view`);
  const offset = reader.double();
  const length = reader.double();
  const index = reader.isTracked ? reader.objects.push(undefined) - 1 : -1;
  const buffer = reader.value();
  if (!(buffer instanceof ArrayBuffer) && !(buffer instanceof SharedArrayBuffer)) throw reader.corrupt('a buffer is expected');
  const view = length === LENGTH_TRACKING ? new ViewClass(buffer, offset) : new ViewClass(buffer, offset, length);
  if (index >= 0) reader.objects[index] = view;
  return view;
}
