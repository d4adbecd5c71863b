/**
 * Failures: what a task threw, as a record of plain data that the codec carries, since structured clone makes of our errors and of most
 * users' errors a bare Error. A record has the class's name and its built-in base, name, message, stack, own properties, and causes, each
 * a record too. What cannot be cloned is left out. Next: rebuild-failure.ts, on the side that waits.
 *
 * Everything here reads what a user made, so every read may throw, answer something else than last time, or be huge: each is guarded,
 * made once, and bounded.
 */
import { types } from 'node:util';
import { CapriccioError, isCapriccioError } from '../errors.ts';
import { Decoder } from './decode.ts';
import { BY_PORT, Encoder } from './encode.ts';

/** One property of an error: data, or another failure, or a list of them. */
export interface FailureField {
  readonly key: string;
  readonly isEnumerable: boolean;
  readonly value?: unknown;
  readonly failure?: FailureRecord;
  readonly failures?: readonly FailureRecord[];
}

/** Plain data; may refer to itself, as causes may. */
export interface FailureRecord {
  /** `value`: what was thrown is no error, and is in `value`. */
  readonly kind: 'error' | 'value';
  readonly value?: unknown;
  /** `constructor.name`. */
  readonly className: string;
  /** The nearest class that every thread has: one of `builtinErrors`. */
  readonly baseName: string;
  readonly name: string;
  readonly message: string;
  /** `String(error)`; undefined where it is long. */
  readonly text?: string;
  readonly stack?: string;
  readonly fields: readonly FailureField[];
}

/** Characters of a message or a stack, properties of an error, bytes of one property, and errors reached from one failure. */
const TEXT_MAX = 65_536;
const FIELDS_MAX = 64;
const FIELD_BYTES_MAX = 262_144;
const ERRORS_MAX = 100;

/** Classes that are rebuilt as themselves, by name. */
export const builtinErrors: ReadonlyMap<string, { readonly prototype: object }> = new Map<string, { readonly prototype: object }>(
  [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError, AggregateError, SuppressedError, DOMException, CapriccioError]
    .map((errorClass) => [errorClass.name, errorClass]),
);

/** Own properties that are told apart from the others, or come without being enumerable. */
const ownNames: readonly string[] = ['cause', 'errors', 'error', 'suppressed', 'code'];
const handledNames: ReadonlySet<string> = new Set(['message', 'stack', ...ownNames]);

/** A description of what was thrown. Never throws; the record can be encoded, by port only where it is larger than the encoder's bound. */
export function describeFailure(thrown: unknown): FailureRecord {
  try {
    if (isError(thrown)) return new Description().of(thrown);
    return { ...plainError(''), kind: 'value', value: copyOf(thrown) };
  } catch {
    return plainError(`${nameOfKind(thrown)} was thrown, which cannot be cloned`);
  }
}

function plainError(message: string): FailureRecord {
  return { kind: 'error', className: 'Error', baseName: 'Error', name: 'Error', message, fields: [] };
}

function nameOfKind(thrown: unknown): string {
  if (typeof thrown === 'symbol') return `a symbol, ${String(thrown)},`;
  if (typeof thrown === 'function') return 'a function';
  return types.isProxy(thrown) ? 'a proxy' : `an object (${classNameOf(thrown as object, 'Object')})`;
}

/** Old classes make errors with Object.create and Error.call; V8 knows them as plain objects. */
function isError(thrown: unknown): thrown is Error {
  if (typeof thrown !== 'object' || thrown === null || types.isProxy(thrown)) return false;
  return types.isNativeError(thrown) || thrown instanceof Error;
}

/** One call of describeFailure: an error that is reached twice gets one record. */
class Description {
  readonly #records = new Map<object, FailureRecord>();

  of(error: Error): FailureRecord {
    const known = this.#records.get(error);
    if (known !== undefined) return known;
    const fields: FailureField[] = [];
    const record: FailureRecord = {
      kind: 'error',
      className: classNameOf(error, 'Error'),
      baseName: baseNameOf(error),
      name: readText(error, 'name') ?? 'Error',
      message: readText(error, 'message') ?? '',
      ...shortTextOf(error),
      ...stackOf(error),
      fields,
    };
    this.#records.set(error, record);
    for (const key of keysOf(error)) this.#addField(fields, error, key);
    return record;
  }

  #addField(fields: FailureField[], error: Error, key: string): void {
    try {
      const isEnumerable = Object.prototype.propertyIsEnumerable.call(error, key);
      const value: unknown = (error as unknown as Record<string, unknown>)[key];
      if (isError(value)) {
        if (this.#records.has(value) || this.#records.size < ERRORS_MAX) fields.push({ key, isEnumerable, failure: this.of(value) });
      } else if (key === 'errors' && Array.isArray(value)) {
        fields.push({ key, isEnumerable, failures: this.#all(value) });
      } else {
        fields.push({ key, isEnumerable, value: copyOf(value) });
      }
    } catch { /* a getter that throws, or a value that cannot be cloned: left out */ }
  }

  #all(thrown: readonly unknown[]): FailureRecord[] {
    return thrown.slice(0, ERRORS_MAX).map((one) => (isError(one) && this.#records.size < ERRORS_MAX ? this.of(one) : describeFailure(isError(one) ? undefined : one)));
  }
}

function keysOf(error: Error): string[] {
  try {
    const own = ownNames.filter((key) => Object.hasOwn(error, key));
    return [...own, ...Object.keys(error).filter((key) => !handledNames.has(key)).slice(0, FIELDS_MAX)];
  } catch {
    return [];
  }
}

function readText(error: Error, key: 'name' | 'message' | 'stack'): string | undefined {
  try {
    const value: unknown = error[key];
    return value === undefined ? undefined : String(value).slice(0, TEXT_MAX);
  } catch {
    return undefined;
  }
}

function stackOf(error: Error): { stack?: string } {
  const stack = readText(error, 'stack');
  return stack === undefined ? {} : { stack };
}

function shortTextOf(error: Error): { text?: string } {
  try {
    const text = String(error);
    return text.length < TEXT_MAX ? { text } : {};
  } catch {
    return {};
  }
}

function classNameOf(object: object, otherwise: string): string {
  for (const prototype of prototypesOf(object)) {
    const name = ownClassName(prototype);
    if (name !== undefined) return name === '' ? otherwise : name.slice(0, 256);
  }
  return otherwise;
}

/** The name of the class whose prototype this is; '' for a nameless one. Reads data properties only, so it runs no code of the object. */
function ownClassName(prototype: object): string | undefined {
  const constructor: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
  if (typeof constructor !== 'function' || types.isProxy(constructor)) return undefined;
  const name: unknown = Object.getOwnPropertyDescriptor(constructor, 'name')?.value;
  return typeof name === 'string' ? name : '';
}

/** The first class of the chain that is known: by identity, else, for an error of another realm or of another copy of this package, by name. */
function baseNameOf(error: Error): string {
  const chain = prototypesOf(error);
  let found: string | undefined;
  for (const prototype of chain) for (const [name, errorClass] of builtinErrors) if (errorClass.prototype === prototype) found ??= name;
  if (found !== undefined && found !== 'Error') return found;
  for (const prototype of chain) {
    const name = ownClassName(prototype) ?? '';
    if (name === 'CapriccioError' ? readCode(error) : found === undefined && builtinErrors.has(name)) return name;
  }
  return 'Error';
}

/** True when the error has one of our codes. */
function readCode(error: Error): boolean {
  try {
    return isCapriccioError(error);
  } catch {
    return false;
  }
}

/** At most 100: a longer chain is no class hierarchy. */
function prototypesOf(object: object): object[] {
  const chain: object[] = [];
  for (let at: unknown = Object.getPrototypeOf(object); at !== null && !types.isProxy(at) && chain.length < 100; at = Object.getPrototypeOf(at)) chain.push(at as object);
  return chain;
}

const sharedBuffers: SharedArrayBuffer[] = [];
const buffers = { numberOf: (buffer: SharedArrayBuffer): number => sharedBuffers.push(buffer) - 1, bufferOf: (number: number): SharedArrayBuffer | undefined => sharedBuffers[number] };
let carrier: { readonly encoder: Encoder; readonly decoder: Decoder } | undefined;

/** A copy that holds no getter and no class instance, so that encoding it later cannot fail. Throws when there is none. */
function copyOf(value: unknown): unknown {
  if (typeof value !== 'object' && typeof value !== 'function' && typeof value !== 'symbol') return typeof value === 'string' ? value.slice(0, FIELD_BYTES_MAX) : value;
  carrier ??= {
    encoder: new Encoder({ intern: () => -1 }, buffers, { bytesMax: FIELD_BYTES_MAX }),
    decoder: new Decoder({ text: (number) => { throw new Error(`shape ${number} without a table`); } }, buffers),
  };
  try {
    const length = carrier.encoder.encode(value, 'what was thrown');
    if (length === BY_PORT) throw new Error('it travels by a port only');
    return carrier.decoder.decode(carrier.encoder.scratch, 0, length);
  } finally {
    sharedBuffers.length = 0;
  }
}
