/** The language's own functions that touch nothing but what they are given, when that is primitive or a fresh object. */
import type { AnyNode } from '../parse.ts';
import type { Scopes } from '../stacks/scopes.ts';
import { unwrap } from './marks.ts';

const numbersOf = (object: object): string[] => Object.entries(Object.getOwnPropertyDescriptors(object)).filter(([, { value }]) => typeof value === 'number').map(([name]) => name);
const functionsOf = (object: object): string[] => Object.entries(Object.getOwnPropertyDescriptors(object)).filter(([, { value }]) => typeof value === 'function').map(([name]) => name);
const CONSTANTS: ReadonlyMap<string, ReadonlySet<string>> = new Map([['Math', new Set(numbersOf(Math))], ['Number', new Set(numbersOf(Number))]]);
const FUNCTIONS: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['Math', new Set(functionsOf(Math))], ['Number', new Set(functionsOf(Number))], ['String', new Set(['fromCharCode', 'fromCodePoint'])], ['Date', new Set(['now', 'UTC'])], ['performance', new Set(['now'])],
]);

/** Functions of global objects that take and give primitive values. */
export const isPureFunction = (object: string, name: string): boolean => FUNCTIONS.get(object)?.has(name) === true;

/** `Math.PI`. */
export function isConstant(member: AnyNode, scopes: Scopes): boolean {
  const object = unwrap(member['object'] as AnyNode);
  return member['computed'] !== true && object.type === 'Identifier' && !scopes.references.has(object) && CONSTANTS.get(object['name'] as string)?.has((member['property'] as AnyNode)['name'] as string) === true;
}
export const PURE_GLOBALS: ReadonlySet<string> = new Set(['Number', 'String', 'Boolean', 'BigInt', 'parseInt', 'parseFloat', 'isNaN', 'isFinite', 'encodeURIComponent', 'decodeURIComponent']);

/** Of primitive values: they give primitive values. */
export const PURE_METHODS: ReadonlySet<string> = new Set([
  'charCodeAt', 'codePointAt', 'charAt', 'at', 'slice', 'substring', 'indexOf', 'lastIndexOf', 'includes', 'startsWith', 'endsWith', 'trim', 'trimStart', 'trimEnd', 'padStart', 'padEnd',
  'repeat', 'concat', 'toLowerCase', 'toUpperCase', 'toString', 'toFixed', 'toPrecision', 'valueOf', 'localeCompare',
]);

/** Of fresh arrays, typed arrays, maps and sets: what they give. */
export const FRESH_METHODS: ReadonlyMap<string, 'primitive' | 'element' | 'object'> = new Map([
  ...['push', 'unshift', 'has', 'add', 'set', 'delete', 'clear', 'indexOf', 'includes', 'join', 'fill', 'sort', 'reverse'].map((name) => [name, name === 'add' || name === 'set' || name === 'fill' || name === 'sort' || name === 'reverse' ? 'object' : 'primitive'] as const),
  ...['pop', 'shift', 'get', 'at'].map((name) => [name, 'element'] as const),
]);

const COLLECTIONS = new Set(['Array', 'Map', 'Set', 'Int8Array', 'Uint8Array', 'Uint8ClampedArray', 'Int16Array', 'Uint16Array', 'Int32Array', 'Uint32Array', 'Float32Array', 'Float64Array', 'BigInt64Array', 'BigUint64Array']);

/** `[…]`, `{…}`, `new Map()`, `new Float64Array(n)`: an object that nobody else has. */
export function isFreshExpression(expression: AnyNode, scopes: Scopes): boolean {
  const node = unwrap(expression);
  if (node.type === 'ArrayExpression') return (node['elements'] as (AnyNode | null)[]).every((one) => one !== null && one.type !== 'SpreadElement');
  if (node.type === 'ObjectExpression') return (node['properties'] as AnyNode[]).every((one) => one.type === 'Property' && one['kind'] === 'init' && one['method'] !== true && one['computed'] !== true && (one['key'] as AnyNode)['name'] !== '__proto__' && (one['key'] as AnyNode)['value'] !== '__proto__');
  if (node.type !== 'NewExpression') return false;
  const callee = node['callee'] as AnyNode;
  const args = node['arguments'] as AnyNode[];
  if (callee.type !== 'Identifier' || scopes.references.has(callee) || !COLLECTIONS.has(callee['name'] as string)) return false;
  return args.length === 0 || (args.length === 1 && (callee['name'] as string).endsWith('Array') && args[0]?.type !== 'SpreadElement');
}
