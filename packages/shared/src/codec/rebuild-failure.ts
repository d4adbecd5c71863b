/**
 * The side that waits: an error from a FailureRecord, of the class it had where every thread has that class, else of a class of the same
 * name that extends the nearest such one. `instanceof` of a user's own class does not hold (the class lives in another module
 * graph, and its constructor may do anything); name, code, properties and text do.
 *
 * The stack is that of the thread that failed, then a line that says where the call came from, then the caller's frames. The line begins
 * with `    at `, as frames do, and has no position: parsers that know frames without one keep it, the others skip it.
 */
import { builtinErrors, type FailureField, type FailureRecord } from './failure.ts';

/** Where the call came from. */
export interface FailureCaller {
  /** The stack of an error made at the call. */
  readonly stack?: string;
  /** Named in the line between the stacks: `main`, `worker 3`. */
  readonly where?: string;
}

type ErrorClass = new (...input: unknown[]) => Error;

/** Classes made for names; beyond, a class is made for one error. */
const CLASSES_MAX = 256;
const classes = new Map<string, ErrorClass>();

/** What was thrown. Never throws. The caller's frames are added to the outermost error only. */
export function rebuildFailure(record: FailureRecord, caller?: FailureCaller): unknown {
  try {
    const thrown = rebuild(record, new Map());
    if (record.kind === 'error' && caller !== undefined) setHidden(thrown as object, 'stack', joinStacks(record, caller));
    return thrown;
  } catch (error) {
    return new Error(`the failure of a task could not be rebuilt: ${String(record?.message)}`, { cause: error });
  }
}

function rebuild(record: FailureRecord, rebuilt: Map<FailureRecord, object>): unknown {
  if (record.kind === 'value') return record.value;
  const known = rebuilt.get(record);
  if (known !== undefined) return known;
  const error = construct(record);
  rebuilt.set(record, error);
  for (const field of record.fields) setField(error, field, rebuilt);
  if (error.name !== record.name) setHidden(error, 'name', record.name);
  if (error.message !== record.message) setHidden(error, 'message', record.message);
  if (record.text !== undefined && String(error) !== record.text) {
    const { text } = record;
    setHidden(error, 'toString', () => text);
  }
  setHidden(error, 'stack', record.stack ?? record.text ?? `${record.name}: ${record.message}`);
  return error;
}

function setField(error: Error, { key, isEnumerable, value, failure, failures }: FailureField, rebuilt: Map<FailureRecord, object>): void {
  const content = failure === undefined ? failures?.map((one) => rebuild(one, rebuilt)) ?? value : rebuild(failure, rebuilt);
  if (key === 'code' && Object.is((error as { code?: unknown }).code, content)) return;   // the class has set it, or answers it
  Object.defineProperty(error, key, { value: content, writable: true, enumerable: isEnumerable, configurable: true });
}

function setHidden(error: object, key: string, value: unknown): void {
  Object.defineProperty(error, key, { value, writable: true, enumerable: false, configurable: true });
}

/** The stack of this thread would be collected to be replaced. */
function construct(record: FailureRecord): Error {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    const base = builtinErrors.get(record.baseName) as unknown as ErrorClass | undefined ?? Error as ErrorClass;
    return Reflect.construct(base, inputOf(record), classOf(record.className, base)) as Error;
  } finally {
    Error.stackTraceLimit = limit;
  }
}

/** What the constructor of the base takes. */
function inputOf({ baseName, message, name, fields }: FailureRecord): unknown[] {
  const text = message === '' ? undefined : message;
  switch (baseName) {
    case 'AggregateError': return [[], text];
    case 'SuppressedError': return [undefined, undefined, text];
    case 'DOMException': return [message, { name }];
    case 'CapriccioError': return [fields.find(({ key }) => key === 'code')?.value, message];
    default: return [text];
  }
}

function classOf(name: string, base: ErrorClass): ErrorClass {
  if (name === base.name) return base;
  const key = `${base.name} ${name}`;
  const known = classes.get(key);
  if (known !== undefined) return known;
  const made = { [name]: class extends base {} }[name] as ErrorClass;
  if (classes.size < CLASSES_MAX) classes.set(key, made);
  return made;
}

function joinStacks(record: FailureRecord, { stack, where }: FailureCaller): string {
  const remote = record.stack ?? record.text ?? `${record.name}: ${record.message}`;
  const from = stack === undefined ? -1 : stack.search(/^ {4}at /m);
  const frames = stack === undefined || from < 0 ? '' : `\n${stack.slice(from)}`;
  return `${remote}\n    at --- in ${where ?? 'another thread'}, called by ---${frames}`;
}
