/**
 * What of a compiled function runs without a frame, as an ordinary function does: a frame costs ten times a call.
 *
 *   whole   it never waits: its twin is an ordinary function
 *   guards  of a declaration, or a method of a class that has a name: the statements at its beginning, up to the first that may wait or declares
 *           something, if one of them may end it. Most calls of many functions end there (`if (isCached(key)) return …`). The rest is a generator beside.
 *
 * Where a thread may be preempted, a frame is needed as for an `await`.
 */
import { forEachChild } from '../nodes.ts';
import { hasPlainParameters } from './names.ts';
import type { Facts, TreeNode } from './tree.ts';

/** The number of statements that are guards, at least one. */
export type Head = 'whole' | number;

/** Undefined: all of it runs in a frame. @param form  how it is compiled @param asks  whether a loop or call may be left */
export function headOf(fn: TreeNode, form: string, asks: (node: TreeNode) => boolean): Head | undefined {
  const facts = fn.facts as Facts;
  if (facts.awaits === 0 && !some(fn, asks)) return 'whole';
  if (form !== 'declaration' && (form !== 'method' || classNameOf(fn) === undefined)) return undefined;
  if (!hasPlainParameters(fn) || facts.usesArguments || facts.usesSuper || facts.usesNewTarget) return undefined;
  const guards = guardsOf((fn['body'] as TreeNode)['body'] as TreeNode[], asks);
  return guards > 0 ? guards : undefined;
}

/** The name by which a method reaches its class; undefined where there is none, or a parameter hides it. */
export function classNameOf(fn: TreeNode): string | undefined {
  const { name } = ((((fn.up as TreeNode).up as TreeNode).up as TreeNode)['id'] ?? {}) as { name?: string };
  return (fn['params'] as TreeNode[]).some((param) => param['name'] === name) ? undefined : name;
}

function guardsOf(statements: readonly TreeNode[], asks: (node: TreeNode) => boolean): number {
  let count = 0;
  let mayEnd = 0;
  for (; count < statements.length; count++) {
    const statement = statements[count] as TreeNode;
    if (statement['directive'] !== undefined || !isGuard(statement) || some(statement, asks)) break;
    if (statement.type !== 'ExpressionStatement') mayEnd = count + 1;
  }
  const declared = namesDeclaredIn(statements.slice(mayEnd));
  return statements.slice(0, mayEnd).some((guard) => some(guard, (node) => node.type === 'Identifier' && declared.has(node['name'] as string))) ? 0 : mayEnd;
}

const STATEMENTS = new Set(['IfStatement', 'ReturnStatement', 'ThrowStatement', 'ExpressionStatement']);
/** What waits, declares, makes a closure over parameters, or goes round. */
const UNFIT = /^(?:AwaitExpression|VariableDeclaration|Class.*|.*Function.*|For.*|WhileStatement|DoWhileStatement|LabeledStatement)$/;
const isGuard = (statement: TreeNode): boolean => STATEMENTS.has(statement.type) && !some(statement, ({ type }) => UNFIT.test(type));

/** Every name that the statements, but not functions in them, may declare for the whole function: some that they do not, perhaps. */
function namesDeclaredIn(statements: readonly TreeNode[]): Set<string> {
  const names = new Set<string>();
  const take = (node: TreeNode): false => {
    if (node.type === 'Identifier') names.add(node['name'] as string);
    return false;
  };
  for (const statement of statements) {
    some(statement, (node) => {
      if (node.type === 'VariableDeclarator') some(node['id'] as TreeNode, take);
      else if (node.type === 'FunctionDeclaration' || node.type === 'ClassDeclaration') some(node['id'] as TreeNode, take);
      return false;
    });
  }
  return names;
}

/** Whether a node or one below it is such a one. On a stack of its own. */
export function some(root: TreeNode, is: (node: TreeNode) => boolean): boolean {
  const stack = [root];
  const push = (node: TreeNode): void => { stack.push(node); };
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (is(node)) return true;
    forEachChild(node, push);
  }
  return false;
}
