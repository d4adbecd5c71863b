/**
 * Calls whose result a compiled function returns as it is (`return f(x)`, also in a branch of `?:` or behind `&&`, and as the body of an arrow function).
 * Nothing of the function is left to do, so a callee that is compiled takes the place of its frame: a proper tail call, on a stack that does not grow.
 *
 * Not where something happens after the return: in a `try` (its `catch` does not see what a returned promise rejects with, and `finally` runs before it),
 * in a `for … of`, which closes its iterator, and beside `using`. Which names cannot be compiled functions is guessed, for speed: either way is right.
 *
 * Source: proper tail calls (ECMA-262, 15.10); that an async function's `return f()` keeps no frame is so natively too.
 */
import type { Facts, Tree, TreeNode } from './tree.ts';

/** Objects of the language and of Node, whose methods have no twins. */
const GLOBALS = new Set(['Array', 'Atomics', 'BigInt', 'Buffer', 'Date', 'JSON', 'Math', 'Number', 'Object', 'Promise', 'Reflect', 'Response', 'String', 'Symbol', 'console', 'process']);
const TRANSPARENT = new Set(['BlockStatement', 'IfStatement', 'SwitchStatement', 'SwitchCase', 'LabeledStatement', 'ForStatement', 'ForInStatement', 'WhileStatement', 'DoWhileStatement']);

/** By function. @param compiled  functions that are @param asks  calls that may be left by preemption */
export function tailCalls({ functions, changeable }: Tree, compiled: { has: (fn: TreeNode) => boolean }, asks: (node: TreeNode) => boolean): Map<TreeNode, Set<TreeNode>> {
  const found = new Map<TreeNode, Set<TreeNode>>();
  let plain: Set<string> | undefined;
  for (const node of changeable) {
    const fn = node.owner;
    if (node.type !== 'CallExpression' || fn === undefined || !compiled.has(fn) || !isTail(node, fn) || asks(node)) continue;
    plain ??= plainNames(functions);
    if (!mayHaveTwin(node['callee'] as TreeNode, plain)) continue;
    const own = found.get(fn);
    if (own === undefined) found.set(fn, new Set([node])); else own.add(node);
  }
  return found;
}

/** Functions of the file that are not async, by names that no async one has. */
function plainNames(functions: readonly TreeNode[]): Set<string> {
  const names = new Set<string>();
  const isNamed = (fn: TreeNode): boolean => fn.type === 'FunctionDeclaration' && fn['id'] !== null && fn['id'] !== undefined;
  const nameOf = (fn: TreeNode): string => (fn['id'] as { name: string }).name;
  for (const fn of functions) if (isNamed(fn) && fn['async'] !== true) names.add(nameOf(fn));
  for (const fn of functions) if (isNamed(fn) && fn['async'] === true) names.delete(nameOf(fn));
  return names;
}

function mayHaveTwin(callee: TreeNode, plain: ReadonlySet<string>): boolean {
  if (callee.type === 'Identifier') return !plain.has(callee['name'] as string) && !GLOBALS.has(callee['name'] as string);
  return callee.type !== 'MemberExpression' || !GLOBALS.has(String((callee['object'] as { name?: string }).name));
}

/** What the function returns is what the call returns, and nothing is left to do. */
export function isTail(call: TreeNode, fn: TreeNode): boolean {
  if (call['optional'] === true || (call['callee'] as TreeNode).type === 'Super') return false;
  let at = call;
  for (let up = at.up as TreeNode; ; at = up, up = at.up as TreeNode) {
    if (up === fn) return fn.type === 'ArrowFunctionExpression' && fn['body'] === at;
    if (up.type === 'ReturnStatement') return isLast(up, fn);
    const isValue = up.type === 'ParenthesizedExpression' || (up.type === 'ConditionalExpression' && up['test'] !== at) || (up.type === 'LogicalExpression' && up['right'] === at) || (up.type === 'SequenceExpression' && (up['expressions'] as TreeNode[]).at(-1) === at);
    if (!isValue) return false;
  }
}

function isLast(statement: TreeNode, fn: TreeNode): boolean {
  for (let at = statement.up as TreeNode; at !== fn; at = at.up as TreeNode) {
    if (at.type === 'CatchClause') {
      if (at.up?.['finalizer'] !== null && at.up?.['finalizer'] !== undefined) return false;
      at = at.up as TreeNode;                                            // a `catch` is not inside of what it catches
    } else if (!TRANSPARENT.has(at.type)) return false;
  }
  return (fn.facts as Facts).hasUsing !== true;
}
