/**
 * The encoder's slow path: the language's own classes, class instances, and whatever else has a prototype.
 *
 * To structured clone an object's prototype means nothing; its kind does: a Map whose prototype was replaced is a Map, an instance of a
 * class is a plain object, and what Node's own classes are is known to Node alone. So built-in kinds are told by util.types, and
 * a prototype met for the first time is judged by what structuredClone makes of that one instance; the verdict holds for all its
 * instances after. Rejected: v8.Serializer as the judge (to it a Blob, a URL and a KeyObject are plain objects).
 */
import { types } from 'node:util';
import workerThreads from 'node:worker_threads';   // no named import: a Node that has it not must still link this (scripts/bundle.ts)
import { Serializer } from 'node:v8';
import {
  BOXED, BUFFER, DATA_VIEW, DATE, ERROR, HAS_CAUSE, HAS_MESSAGE, HAS_STACK, LATER_MAP, LATER_SET, LENGTH_TRACKING, MAP, REGEXP,
  RESIZABLE_BUFFER, SET, SHARED_BUFFER, UINT8_ARRAY, VIEW, errorNames, viewNames,
} from './format.ts';
import { Refusal, byPort } from './refusal.ts';
import type { Writer } from './writer.ts';

const ORDINARY = 0;
const HOST = 1;
const REFUSED = 2;
type Verdict = typeof ORDINARY | typeof HOST | typeof REFUSED;

/** Of prototypes; for this thread. REFUSED is never kept: an instance may be refused for what is in it. */
const verdicts = new WeakMap<object, Verdict>();
const structuredCloneOfNode = structuredClone;
const sourceOf = getterOf(RegExp.prototype, 'source');
const flagsOf = getterOf(RegExp.prototype, 'flags');
const typedArrayPrototype = Object.getPrototypeOf(Uint8Array.prototype) as object;
const nameOfView = getterOf(typedArrayPrototype, Symbol.toStringTag);
/** DOMException is a native error to util.types and an object of its own to structured clone: Node marks its classes with this symbol. */
const cloneSymbol = Object.getOwnPropertySymbols(DOMException.prototype).find((symbol) => symbol.description === 'messaging_clone_symbol');

function getterOf(prototype: object, key: PropertyKey): (this: unknown) => unknown {
  return Object.getOwnPropertyDescriptor(prototype, key)?.get as (this: unknown) => unknown;
}

/** Writes an object that is neither an array, nor a proxy, nor has Object as its `constructor`. */
export function writeUnusual(writer: Writer, object: object): void {
  const prototype = Object.getPrototypeOf(object) as object | null;
  if (prototype !== null && verdicts.get(prototype) === ORDINARY) writer.ordinary(object);
  else if (writeBuiltin(writer, object)) return;
  else if (prototype === null) {
    rejectExotic(object);
    writer.ordinary(object);
  } else if (!types.isProxy(prototype) && prototype.constructor === Object) writer.ordinary(object);   // it has a key of that name itself
  else writeByVerdict(writer, object, prototype);
}

function writeByVerdict(writer: Writer, object: object, prototype: object): void {
  let verdict = verdicts.get(prototype) ?? judge(object);
  if (verdict === REFUSED) {
    // It, or something in it. While the value is written its class counts as ordinary, so that what is in it is found and named.
    writer.suspects.push(object);
    verdict = ORDINARY;
  }
  verdicts.set(prototype, verdict);
  if (verdict === HOST) throw byPort;
  writer.ordinary(object);
}

/** After a value: the classes of suspects are to be judged again. */
export function forgetSuspects(suspects: object[]): void {
  for (const suspect of suspects) verdicts.delete(Object.getPrototypeOf(suspect) as object);
  suspects.length = 0;
}

function judge(object: object): Verdict {
  try {
    const clone: object = structuredCloneOfNode(object);
    return Object.getPrototypeOf(clone) === Object.prototype ? ORDINARY : HOST;
  } catch (error) {
    // Deeper than structured clone goes: the depth says nothing of the class, and the codec goes on.
    return error instanceof RangeError && error.message === 'Maximum call stack size exceeded' ? ORDINARY : REFUSED;
  }
}

/**
 * Throws a Refusal for objects that look plain and are not: `arguments`, module namespaces, and built-ins whose prototype was replaced.
 * Called only for what such objects look like: no key, keys like indices, or no prototype. A few of the language's own objects (Segments
 * of Intl) inherit Object as their constructor; they have no key.
 */
export function rejectExotic(object: object): void {
  if (types.isArgumentsObject(object) || types.isModuleNamespaceObject(object) || types.isPromise(object) || types.isWeakMap(object) ||
    types.isWeakSet(object) || types.isGeneratorObject(object) || types.isMapIterator(object) || types.isSetIterator(object) || types.isExternal(object)) {
    throw new Refusal(object);
  }
  const prototype = Object.getPrototypeOf(object) as object | null;
  if (prototype === null || prototype === Object.prototype || verdicts.get(prototype) === ORDINARY || Object.keys(object).length > 0) return;
  const verdict = judge(object);
  if (verdict === HOST) throw byPort;
  if (verdict === REFUSED) throw new Refusal(object);
}

function writeBuiltin(writer: Writer, object: object): boolean {
  if (ArrayBuffer.isView(object)) writeView(writer, object);
  else if (types.isAnyArrayBuffer(object)) writeBuffer(writer, object);
  else if (types.isMap(object)) writeCollection(writer, object, LATER_MAP);
  else if (types.isSet(object)) writeCollection(writer, object, LATER_SET);
  else if (types.isDate(object)) writeDate(writer, object);
  else if (types.isRegExp(object)) writeRegExp(writer, object);
  else if (types.isNativeError(object)) writeError(writer, object);
  else if (types.isBoxedPrimitive(object)) writeBoxed(writer, object);
  else return false;
  return true;
}

/** True when the object was met before and a reference is written. */
function isReferred(writer: Writer, object: object): boolean {
  const number = writer.objects.find(object);
  if (number < 0) return false;
  writer.reference(number);
  return true;
}

function writeCollection(writer: Writer, collection: object, kind: number): void {
  if (!isReferred(writer, collection)) writer.collection(collection, kind);
}

/** The entries as they are now: a getter among them may add or delete some, and structured clone does not see that either. */
export function writeEntries(writer: Writer, collection: object, isMap: boolean): void {
  const members: unknown[] = [];
  if (isMap) mapForEach.call(collection as Map<unknown, unknown>, (value, key) => { members.push(key, value); });
  else setForEach.call(collection as Set<unknown>, (member) => { members.push(member); });
  writer.tagged(isMap ? MAP : SET, isMap ? members.length / 2 : members.length);
  for (const member of members) writer.value(member);
}
const mapForEach = Map.prototype.forEach;
const setForEach = Set.prototype.forEach;

function writeDate(writer: Writer, date: Date): void {
  if (isReferred(writer, date)) return;
  writer.tag(DATE);
  writer.double(Date.prototype.getTime.call(date));
}

function writeRegExp(writer: Writer, regExp: RegExp): void {
  if (isReferred(writer, regExp)) return;
  writer.tag(REGEXP);
  writer.string(sourceOf.call(regExp) as string);
  writer.string(flagsOf.call(regExp) as string);
}

/** What structured clone keeps of an error: one of seven classes by its name, own message and cause if they are data, the stack. */
function writeError(writer: Writer, error: Error): void {
  if (cloneSymbol !== undefined && cloneSymbol in error) throw byPort;
  if (isReferred(writer, error)) return;
  const message = Object.getOwnPropertyDescriptor(error, 'message');
  const cause = Object.getOwnPropertyDescriptor(error, 'cause');
  const hasMessage = message !== undefined && 'value' in message;
  const hasCause = cause !== undefined && 'value' in cause;
  const name = toText(error.name);
  const text = hasMessage ? toText(message.value) : '';
  writer.tag(ERROR);
  writer.tag(Math.max(0, errorNames.indexOf(name)));
  const flagsAt = writer.at;
  writer.tag(0);
  if (hasMessage) writer.string(text);
  const stack: unknown = error.stack;
  if (typeof stack === 'string') writer.string(stack);
  writer.bytes[flagsAt] = (hasMessage ? HAS_MESSAGE : 0) | (typeof stack === 'string' ? HAS_STACK : 0) | (hasCause ? HAS_CAUSE : 0);
  if (hasCause) writer.value(cause.value);
}

/** As the language converts to a string, so that a symbol throws. */
function toText(value: unknown): string { return `${value as string}`; }

function writeBoxed(writer: Writer, boxed: object): void {
  if (types.isSymbolObject(boxed)) throw new Refusal(boxed);
  if (isReferred(writer, boxed)) return;
  writer.tag(BOXED);
  if (types.isNumberObject(boxed)) writer.number(Number.prototype.valueOf.call(boxed));
  else if (types.isStringObject(boxed)) writer.string(String.prototype.valueOf.call(boxed));
  else if (types.isBooleanObject(boxed)) writer.value(Boolean.prototype.valueOf.call(boxed));
  else writer.bigint(BigInt.prototype.valueOf.call(boxed));
}

function writeBuffer(writer: Writer, buffer: ArrayBuffer | SharedArrayBuffer): void {
  if (isReferred(writer, buffer)) return;
  if (types.isSharedArrayBuffer(buffer)) {
    writer.tagged(SHARED_BUFFER, writer.sharedBuffer(buffer));
    return;
  }
  if (buffer.detached) throw new Refusal(buffer);
  writeBytes(writer, new Uint8Array(buffer), buffer.resizable ? buffer.maxByteLength : -1);
}

function writeBytes(writer: Writer, bytes: Uint8Array, bytesMost: number): void {
  const length = bytes.length;
  writer.reserve(length + 13);
  writer.tagged(bytesMost < 0 ? BUFFER : RESIZABLE_BUFFER, length);
  if (bytesMost >= 0) writer.double(bytesMost);
  writer.bytes.set(bytes, writer.at);
  writer.at += length;
}

/**
 * A view comes with its whole buffer, as in structured clone, so that views of one buffer share it again. One exception: a Buffer that
 * lies in Node's pool comes alone. The pool is 64 KiB of other people's data, which structured clone copies for three bytes.
 */
function writeView(writer: Writer, view: ArrayBufferView): void {
  if (isReferred(writer, view)) return;
  const buffer = view.buffer;
  const kind = Math.max(DATA_VIEW, viewNames.indexOf(nameOfView.call(view) as string));
  if (kind === UINT8_ARRAY && Object.getPrototypeOf(view) === Buffer.prototype && workerThreads.isMarkedAsUntransferable(buffer)) {
    writeViewHeader(writer, kind, 0, view.byteLength);
    writer.objects.find({});                            // the decoder numbers the buffer: keep in step
    writeBytes(writer, view as Uint8Array, -1);
    return;
  }
  const isResizable = types.isSharedArrayBuffer(buffer) ? buffer.growable : (buffer as ArrayBuffer).resizable;
  if (!types.isSharedArrayBuffer(buffer) && (buffer as ArrayBuffer).detached) throw new Refusal(view);
  const length = isResizable && isTracking(view) ? LENGTH_TRACKING : kind === DATA_VIEW ? view.byteLength : (view as Uint8Array).length;
  writeViewHeader(writer, kind, view.byteOffset, length);
  writeBuffer(writer, buffer);
}

function writeViewHeader(writer: Writer, kind: number, offset: number, length: number): void {
  writer.tag(VIEW);
  writer.tag(kind);
  writer.double(offset);
  writer.double(length);
}

class ViewSerializer extends Serializer {
  _getSharedArrayBufferId(): number { return 0; }
}

/**
 * True when the view follows the length of its resizable buffer, which no property tells: V8's serialiser writes it as the lowest bit of
 * the last byte. It also refuses a view that ends beyond its buffer.
 */
function isTracking(view: ArrayBufferView): boolean {
  const serializer = new ViewSerializer();
  try {
    serializer.writeValue(view);
  } catch {
    throw new Refusal(view);
  }
  return ((serializer.releaseBuffer().at(-1) as number) & 1) === 1;
}
