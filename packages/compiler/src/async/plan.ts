/**
 * Which async functions are compiled, in which form, and why the others are not. What is left native is an ordinary async function as before: always
 * correct, only without what compiling brings.
 */
import type { SourceKind } from '../parse.ts';
import { headOf, some, type Head } from './head.ts';
import { keyName, nameOf, outermost } from './names.ts';
import { isTail, tailCalls } from './tails.ts';
import type { Facts, Tree, TreeNode } from './tree.ts';

/**
 * declaration  `async function f() {}`: a wrapper of the same name, its twin beside it
 * wrapped      an expression, or a method of an object: the runtime makes the wrapper around the twin
 * method       a method of a class: the twin stands in its place until a static block wraps it
 * private      `async #m() {}`: a wrapper and a twin with a private name of its own
 */
type Form = 'declaration' | 'wrapped' | 'method' | 'private';

export interface Plan {
  readonly forms: ReadonlyMap<TreeNode, Form>;
  /** What of a compiled function runs without a frame. */
  readonly heads: ReadonlyMap<TreeNode, Head>;
  /** Calls of compiled functions whose callees take their frames' places (tails.ts), by function. */
  readonly tails: ReadonlyMap<TreeNode, ReadonlySet<TreeNode>>;
  /** Those whose body is there twice, for callers that are compiled (a twin) and for others (print-native.ts); the wrappers of the rest drive their twins. */
  readonly doubled: Set<TreeNode>;
  readonly left: ReadonlyMap<TreeNode, string>;
}

/** A closure that is made often pays for its twin each time (the first call of a new generator function costs 0.6 us): these stay native. */
const SMALL_LENGTH = 300;
const SMALL_AWAITS = 2;

/** @param small  compile small closures too @param asks  whether a thread may be preempted in a loop or call */
export function planFunctions(tree: Tree, kind: SourceKind, small: boolean, asks: (node: TreeNode) => boolean): Plan {
  const forms = new Map<TreeNode, Form>();
  const heads = new Map<TreeNode, Head>();
  const left = new Map<TreeNode, string>();
  const repeated = namesDeclaredTwice(tree);
  for (const fn of tree.functions) {
    if (fn['async'] !== true) continue;
    const reason = whyNative(fn, kind, repeated) ?? (small ? undefined : whyNotClosure(fn, fn.facts as Facts));
    if (reason !== undefined) { left.set(fn, reason); continue; }
    const form = formOf(fn);
    forms.set(fn, form);
    const head = headOf(fn, form, asks);
    if (head !== undefined) heads.set(fn, head);
  }
  const tails = tailCalls(tree, forms, asks);
  for (const [fn, head] of heads) if (typeof head === 'number') dropFromGuards(tails.get(fn), fn, head);
  return { forms, heads, tails, doubled: doubledOf(forms, heads, tails, asks), left };
}

/** More text than this is not doubled. */
const DOUBLED_LENGTH_MAX = 20_000;

/**
 * Not one with a compiled function in it, whose text would be there four times; nor one where a thread may be preempted, for which its frame is needed.
 * A static method's twin could not be taken off its class without making that slow.
 */
function doubledOf(forms: ReadonlyMap<TreeNode, Form>, heads: ReadonlyMap<TreeNode, Head>, tails: Plan['tails'], asks: (node: TreeNode) => boolean): Set<TreeNode> {
  const outer = new Set<TreeNode>();
  for (const fn of forms.keys()) for (let at = fn.owner; at !== undefined && !outer.has(at); at = at.owner) outer.add(at);
  const doubled = new Set<TreeNode>();
  for (const [fn, form] of forms) {
    if (outer.has(fn) || (heads.get(fn) === 'whole' && !tails.has(fn)) || fn.end - fn.start > DOUBLED_LENGTH_MAX || (form === 'method' && (fn.up as TreeNode)['static'] === true)) continue;
    if (!some(fn, asks)) doubled.add(fn);
  }
  return doubled;
}

/** Guards declare no registers: there only methods of names are called so. */
function dropFromGuards(tails: Set<TreeNode> | undefined, fn: TreeNode, guards: number): void {
  const { end } = ((fn['body'] as TreeNode)['body'] as TreeNode[])[guards - 1] as TreeNode;
  for (const call of tails ?? []) {
    const { type, object } = call['callee'] as { type: string; object?: { type: string } };
    if (call.end <= end && type !== 'Identifier' && object?.type !== 'Identifier' && object?.type !== 'ThisExpression') tails?.delete(call);
  }
}

function formOf(fn: TreeNode): Form {
  if (fn.type === 'FunctionDeclaration') return 'declaration';
  const up = fn.up as TreeNode;
  if (up.type !== 'MethodDefinition') return 'wrapped';
  return (up['key'] as TreeNode).type === 'PrivateIdentifier' ? 'private' : 'method';
}

function whyNative(fn: TreeNode, kind: SourceKind, repeated: ReadonlySet<TreeNode>): string | undefined {
  const facts = fn.facts as Facts;
  if (fn['generator'] === true) return 'async generator';
  if (facts.hasDirectEval) return 'direct eval';
  if (facts.inWith) return 'with';
  if (facts.hasAwaitUsing) return 'await using';
  if (facts.usesYieldAsName) return 'yield as a name';
  if (repeated.has(fn)) return 'its name is declared twice';
  const up = fn.up as TreeNode;
  if (up.type === 'MethodDefinition') return whyNotMethod(up);
  if (up.type === 'Property' && up['method'] === true) return whyNotProperty(up, facts);
  if (fn.type === 'ArrowFunctionExpression') return whyNotArrow(fn, facts, kind);
  if (facts.writesOwnName) return 'assigns its own name';
  return nameOf(fn) === undefined ? 'computed name' : undefined;
}

function whyNotMethod(method: TreeNode): string | undefined {
  const key = method['key'] as TreeNode;
  if (key.type === 'PrivateIdentifier') return undefined;
  if (method['computed'] === true) return 'computed method name';
  const siblings = (method.up as TreeNode)['body'] as TreeNode[];
  const mayReplace = (other: TreeNode): boolean => {
    if (other === method || other['static'] !== method['static']) return false;
    const otherKey = other['key'] as TreeNode | undefined;
    if (other['computed'] === true) return other.type === 'MethodDefinition' && !isSymbol(otherKey as TreeNode);
    return other.type === 'MethodDefinition' && otherKey?.type !== 'PrivateIdentifier' && keyName(otherKey as TreeNode) === keyName(key);
  };
  return siblings.some(mayReplace) ? 'may be replaced in its class' : undefined;
}

/** `[Symbol.iterator]`: a computed key that names no string. */
const isSymbol = (key: TreeNode): boolean => key.type === 'MemberExpression' && key['computed'] !== true && (key['object'] as { name?: string }).name === 'Symbol';

function whyNotProperty(property: TreeNode, facts: Facts): string | undefined {
  if (property['computed'] === true) return 'computed method name';
  if (facts.usesSuper) return 'super in an object method';
  return keyName(property['key'] as TreeNode) === '__proto__' ? 'method __proto__' : undefined;
}

function whyNotArrow(fn: TreeNode, facts: Facts, kind: SourceKind): string | undefined {
  if (facts.usesSuper) return 'super in an arrow function';
  const host = lexicalHost(fn);
  if (facts.usesThis && host !== undefined && isDerivedConstructor(host)) return 'this of a constructor in an arrow function';
  if (host === undefined && fn.owner !== undefined && (facts.usesArguments || facts.usesNewTarget)) return 'arguments of nobody';
  if (host === undefined && (facts.usesNewTarget || (facts.usesArguments && kind !== 'commonjs'))) return 'arguments of nobody';
  return nameOf(fn) === undefined ? 'computed name' : undefined;
}

/** The function whose `this` and `arguments` an arrow function sees; undefined outside of any. */
function lexicalHost(fn: TreeNode): TreeNode | undefined {
  let host = fn.owner;
  while (host?.type === 'ArrowFunctionExpression') host = host.owner;
  return host;
}

function isDerivedConstructor(host: TreeNode): boolean {
  const up = host.up as TreeNode;
  if (up.type !== 'MethodDefinition' || up['kind'] !== 'constructor') return false;
  const superClass = ((up.up as TreeNode).up as TreeNode)['superClass'];
  return superClass !== null && superClass !== undefined;
}

/** Closures that are made in functions, in loops, or for each instance. */
function whyNotClosure(fn: TreeNode, { awaits, awaitsInLoop }: Facts): string | undefined {
  const up = fn.up as TreeNode;
  if (up.type === 'MethodDefinition') return undefined;
  if (fn.owner === undefined && fn.isRepeated !== true) return undefined;
  if (awaitsInLoop || awaits > SMALL_AWAITS || fn.end - fn.start >= SMALL_LENGTH || isSpawned(fn) || (awaits > 0 && isHandedOn(fn))) return undefined;
  return 'small closure';
}

/** Passed to something that is called `spawn`: it becomes a thread, which costs more than its twin. */
function isSpawned(fn: TreeNode): boolean {
  const node = outermost(fn);
  const up = node.up as TreeNode;
  if (up.type !== 'CallExpression' || up['callee'] === node) return false;
  const { name, property } = up['callee'] as { name?: string; property?: { name?: string } };
  return (name ?? property?.name) === 'spawn';
}

/** Methods that call what they are given natively, for each element or when a promise settles. */
const NATIVE_CALLERS = new Set(['catch', 'every', 'filter', 'finally', 'find', 'findIndex', 'flatMap', 'forEach', 'from', 'map', 'reduce', 'some', 'sort', 'then']);

/** An argument of a call that the function around waits for, or ends with (`return withFile(name, async (file) => …)`): that is likely to wait for it. */
function isHandedOn(fn: TreeNode): boolean {
  const node = outermost(fn);
  const call = node.up as TreeNode;
  if (call.type !== 'CallExpression' || call['callee'] === node || fn.owner?.['async'] !== true) return false;
  const { property } = call['callee'] as { property?: { name?: string } };
  if (property?.name !== undefined && NATIVE_CALLERS.has(property.name)) return false;
  return outermost(call).up?.type === 'AwaitExpression' || isTail(call, fn.owner);
}

/** A second declaration of a name in the same scope takes the first one's place. */
function namesDeclaredTwice({ functions }: Tree): Set<TreeNode> {
  const scopes = new Map<TreeNode, Map<string, TreeNode[]>>();
  for (const fn of functions) {
    if (fn.type !== 'FunctionDeclaration' || fn['id'] === null || fn['id'] === undefined) continue;
    const scope = scopeOf(fn);
    let names = scopes.get(scope);
    if (names === undefined) scopes.set(scope, names = new Map());
    const name = (fn['id'] as { name: string }).name;
    names.set(name, [...names.get(name) ?? [], fn]);
  }
  return new Set([...scopes.values()].flatMap((names) => [...names.values()].filter(({ length }) => length > 1).flat()));
}

/** The block in whose beginning a declaration is hoisted. */
export function scopeOf(declaration: TreeNode): TreeNode {
  const up = declaration.up as TreeNode;
  return up.type === 'SwitchCase' || up.type.startsWith('Export') ? up.up as TreeNode : up;
}
