/**
 * Refusals: what cannot be cloned, where it is, and what to do about it. The encoder keeps no path while it writes (that would cost
 * every value for the sake of the few that are refused); the path is looked for afterwards, by identity.
 */
import { types } from 'node:util';
import { CapriccioError } from '../errors.ts';

/** Thrown inside the encoder: `offender` is what structured clone refuses. */
export class Refusal extends Error {
  readonly offender: unknown;

  constructor(offender: unknown, why?: string) {
    super(why ?? '');
    this.offender = offender;
  }
}

/** Thrown inside the encoder when the value must go by a port: one object, for it says nothing else. */
export const byPort: Error = new Error('this value travels by a port');

/** Objects looked at for the path of an offender. */
const SEARCH_MAX = 100_000;

/**
 * What the caller of `encode` gets. `thrown` is a Refusal, or what a getter inside the value threw, or, from whoever posts a value that
 * travels by a port, the DataCloneError of `postMessage`.
 */
export function notCloneable(thrown: unknown, value: unknown, label: string): CapriccioError {
  if (thrown instanceof CapriccioError && thrown.code === 'CAP_ERR_NOT_CLONEABLE') return thrown;
  if (thrown instanceof DOMException && thrown.name === 'DataCloneError') {
    return new CapriccioError('CAP_ERR_NOT_CLONEABLE', `${label} cannot be cloned: ${thrown.message}`, { cause: thrown });
  }
  if (!(thrown instanceof Refusal)) {
    return new CapriccioError('CAP_ERR_NOT_CLONEABLE', `${label} could not be read: ${messageOf(thrown)}; see \`cause\``, { cause: thrown });
  }
  const path = findPath(value, thrown.offender);
  const where = path === undefined ? `${label} leads, through a getter, to something that` : label + path;
  const { what, remedy } = describe(thrown.offender);
  return new CapriccioError('CAP_ERR_NOT_CLONEABLE', `${where} is ${thrown.message === '' ? what : thrown.message} and cannot be cloned; ${remedy}`);
}

function messageOf(thrown: unknown): string {
  try {
    return types.isNativeError(thrown) ? `its getter threw ${String(thrown.message)}` : 'its getter threw';
  } catch {
    return 'its getter threw';
  }
}

function describe(offender: unknown): { what: string; remedy: string } {
  const data = 'pass the data it is made of instead';
  if (typeof offender === 'function') return { what: 'a function', remedy: 'pass data, or export the function from a module and call it there' };
  if (typeof offender === 'symbol') return { what: 'a symbol', remedy: 'pass a string instead' };
  if (types.isProxy(offender)) return { what: 'a proxy', remedy: 'pass what it stands for, or a copy: { ...value }' };
  if (types.isPromise(offender)) return { what: 'a promise', remedy: 'await it first' };
  if (types.isAnyArrayBuffer(offender) || ArrayBuffer.isView(offender)) return { what: 'detached, or a view beyond the end of its buffer,', remedy: 'pass it before it is transferred or shrunk' };
  if (types.isGeneratorObject(offender)) return { what: 'a generator', remedy: 'collect what it yields first' };
  return { what: kindOf(offender), remedy: `${data}, or list it in \`transfer\` if it is transferable` };
}

/** Never runs code of the object: reads data properties only. */
function kindOf(object: unknown): string {
  if (types.isModuleNamespaceObject(object)) return 'a module';
  try {
    for (let at: unknown = object; at !== null && !types.isProxy(at); at = Object.getPrototypeOf(at)) {
      const constructor: unknown = Object.getOwnPropertyDescriptor(at, 'constructor')?.value;
      if (typeof constructor !== 'function') continue;
      const name: unknown = Object.getOwnPropertyDescriptor(constructor, 'name')?.value;
      if (typeof name === 'string' && name !== '' && name !== 'Object') return `an instance of ${name}`;
    }
  } catch { /* an exotic object that does not answer: it has no name to give */ }
  return 'an object of a kind that has no clone';
}

interface Step { readonly object: object; readonly path: string }

/** The path from `root` to `offender`, such as `.user.callbacks[2]`; undefined when only a getter leads there. Runs no code of the value. */
function findPath(root: unknown, offender: unknown): string | undefined {
  if (root === offender) return '';
  if (typeof root !== 'object' || root === null) return undefined;
  const met = new Set<object>([root]);
  const queue: Step[] = [{ object: root, path: '' }];
  for (let next = 0; next < queue.length && next < SEARCH_MAX; next++) {
    const { object, path } = queue[next] as Step;
    for (const [step, child] of childrenOf(object)) {
      if (child === offender) return path + step;
      if (typeof child !== 'object' || child === null || met.has(child)) continue;
      met.add(child);
      queue.push({ object: child, path: path + step });
    }
  }
  return undefined;
}

function childrenOf(object: object): [string, unknown][] {
  if (types.isProxy(object) || ArrayBuffer.isView(object)) return [];
  const children: [string, unknown][] = [];
  for (const [key, { value, enumerable }] of Object.entries(Object.getOwnPropertyDescriptors(object))) {
    if (enumerable === true || key === 'cause') children.push([/^\d+$/.test(key) ? `[${key}]` : (/^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`), value]);
  }
  if (types.isMap(object)) {
    let entry = 0;
    Map.prototype.forEach.call(object, (value, key) => {
      children.push([typeof key === 'string' ? `.get(${JSON.stringify(key)})` : ` (value of entry ${entry})`, value], [` (key of entry ${entry++})`, key]);
    });
  }
  if (types.isSet(object)) {
    let entry = 0;
    Set.prototype.forEach.call(object, (member) => { children.push([` (member ${entry++})`, member]); });
  }
  return children;
}
