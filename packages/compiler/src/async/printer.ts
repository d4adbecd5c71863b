/**
 * The printer: what is not rewritten is copied, and every piece keeps its line. It goes down only to nodes with something to rewrite in them.
 * The rules are in print-*.ts.
 */
import type { AnyNode } from '../parse.ts';
import { capturedIn, range, type Context, type Register } from './context.ts';
import { isReference, nameOf } from './names.ts';
import type { Plan } from './plan.ts';
import { LOOPS } from '../preempt/loops.ts';
import type { Preemption } from '../preempt/preemption.ts';
import { printAwait, printForAwait, printLabelled, printStatement, printTailCall } from './print-await.ts';
import { brandsOf, printBlock, printClassBody } from './print-block.ts';
import { printLoop, printPlainCall } from './print-loop.ts';
import { printFunction, printMethod, printProperty } from './print-function.ts';
import { slice, standing, type Rope } from './rope.ts';
import { heat, type Tree, type TreeNode } from './tree.ts';

export interface Printed {
  /** The program from `start` on, without what the runtime's names need. */
  readonly body: Rope;
  /** Statements for the program's beginning. */
  readonly lead: string;
  /** Helpers of the runtime that are used. */
  readonly helpers: readonly string[];
}

export interface PrinterParts {
  readonly code: string;
  readonly tree: Tree;
  readonly plan: Plan;
  readonly prefix: string;
  readonly point: (node: AnyNode, callee: string) => string;
  readonly spot: (node: AnyNode, functionName: string, callee: string) => string;
  readonly preemption: Preemption;
}

/** Prints a program from an offset on, which lies behind its directives. */
export function printProgram(parts: PrinterParts, start: number): Printed {
  const { code, tree, plan, prefix } = parts;
  const helpers = new Set<string>();
  const registers = new Map<TreeNode, Set<Register>>();
  const twins = new Map<TreeNode, string>();
  const defaults = new Map<TreeNode, string>();
  let last = 0;
  const fresh = (hint: string): string => `${prefix}${hint}${++last}`;
  const context: Context = {
    ...parts, fresh,
    print: (node) => (node.isHot === true ? print(node) : slice(node.start, node.end)),
    helper: (name) => { helpers.add(name); return prefix + name; },
    compiledOwner: ({ owner }) => (owner !== undefined && plan.forms.has(owner) ? owner : undefined),
    need: (fn, register) => {
      let needed = registers.get(fn);
      if (needed === undefined) registers.set(fn, needed = new Set());
      needed.add(register);
      return prefix + register;
    },
    prologue: (fn) => {
      const needed = registers.get(fn);
      return needed === undefined ? '' : `let ${[...needed].map((register) => prefix + register + (register === 'c' ? '=0' : register === 'k' ? `=${context.helper('turns')}()` : '')).join()};`;
    },
    nameOf: (declaration) => {
      const id = declaration['id'] as { name: string } | null;
      if (id !== null) return id.name;
      let name = defaults.get(declaration);
      if (name === undefined) defaults.set(declaration, name = fresh('default'));
      return name;
    },
    twinOf: (fn) => {
      let twin = twins.get(fn);
      if (twin === undefined) twins.set(fn, twin = nameTwin(fn, fresh));
      return twin;
    },
  };
  const brands = brandsOf(context);
  heatAll(context, brands);

  function print(node: TreeNode): Rope {
    return endsByItself(node, code) ? [printNode(node), ';'] : printNode(node);
  }
  function printNode(node: TreeNode): Rope {
    const fn = context.compiledOwner(node);
    const loop = fn === undefined ? undefined : parts.preemption.loopAt(node);
    if (loop !== undefined) return printLoop(context, node, '', fn as TreeNode, loop);
    switch (node.type) {
      case 'ThisExpression': return capturedIn(context, node) === undefined ? slice(node.start, node.end) : standing(`${prefix}this`, node.start);
      case 'MetaProperty': return !isNewTarget(node) || capturedIn(context, node) === undefined ? slice(node.start, node.end) : standing(`${prefix}target`, node.start);
      case 'Identifier': return printName(context, node);
      case 'AwaitExpression': return fn === undefined ? copy(node) : printAwait(context, node, fn);
      case 'CallExpression': { if (fn !== undefined && plan.tails.get(fn)?.has(node) === true) return printTailCall(context, node, fn); const rule = fn === undefined ? undefined : parts.preemption.callAt(node); return rule === undefined ? copy(node) : printPlainCall(context, node, fn as TreeNode, rule); }
      case 'ExpressionStatement': return fn === undefined ? copy(node) : printStatement(context, node);
      case 'LabeledStatement': return printLabelled(context, node, fn);
      case 'ForOfStatement': return fn !== undefined && node['await'] === true ? printForAwait(context, node, '', fn) : copy(node);
      case 'BlockStatement': case 'StaticBlock': return printBlock(context, node, () => (brands.get(node) ?? '') + prologueOf(node));
      case 'ClassBody': return printClassBody(context, node);
      case 'MethodDefinition': return plan.forms.has(node['value'] as TreeNode) ? printMethod(context, node) : copy(node);
      case 'Property': return node['method'] === true && plan.forms.has(node['value'] as TreeNode) ? printProperty(context, node) : copy(node);
      case 'FunctionDeclaration': case 'FunctionExpression': case 'ArrowFunctionExpression': return plan.forms.has(node) ? printFunction(context, node) : copy(node);
      default: return copy(node);
    }
  }
  const copy = (node: TreeNode): Rope => range(context, node.start, node.end, node.kids);
  /** A block that is a compiled function's body. */
  const prologueOf = (block: TreeNode): string => {
    const fn = block.up as TreeNode;
    return plan.forms.has(fn) && fn['body'] === block ? context.prologue(fn) : '';
  };

  const body = range(context, start, code.length, tree.root.kids.filter((node) => node.start >= start));
  return { body, lead: brands.get(tree.root) ?? '', helpers: [...helpers] };
}

const STATEMENTS = new Set(['ExpressionStatement', 'VariableDeclaration', 'PropertyDefinition', 'ReturnStatement', 'ThrowStatement', 'ExportDefaultDeclaration']);

/**
 * A statement without a semicolon that ends with the block of an arrow function, or an exported function: nothing can go on from there, so whatever the
 * next line begins with is another statement. What is printed in place of the function is a call, which a next line could go on from.
 */
function endsByItself(node: TreeNode, code: string): boolean {
  if (code[node.end - 1] !== '}' || !STATEMENTS.has(node.type) || isHeadOfLoop(node)) return false;
  for (let last: TreeNode | undefined = node.kids.at(-1); last !== undefined && last.end === node.end; last = last.kids.at(-1)) {
    if (last.type === 'FunctionDeclaration') return node.type === 'ExportDefaultDeclaration';
    if (last.type === 'ArrowFunctionExpression' && (last['body'] as TreeNode).type === 'BlockStatement') return true;
  }
  return false;
}
/** `for (const f = async () => {} of …)` has no statement in its head. */
function isHeadOfLoop(node: TreeNode): boolean {
  const up = node.up as TreeNode | undefined;
  return up !== undefined && up.type.startsWith('For') && (up['init'] === node || up['left'] === node);
}

/** Stack traces show it as the function's name (prefix and number are taken off). */
function nameTwin(fn: TreeNode, fresh: (hint: string) => string): string {
  const up = fn.up as TreeNode;
  if (up.type === 'MethodDefinition' && (up['key'] as TreeNode).type === 'PrivateIdentifier') return `#${fresh((up['key'] as TreeNode)['name'] as string)}`;
  const name = nameOf(fn) ?? '';
  return fresh(/^[\p{ID_Continue}$]*$/u.test(name) ? name : '');
}

const isNewTarget = (node: TreeNode): boolean => (node['meta'] as { name: string }).name === 'new';

/** `arguments` of an arrow function's surroundings. */
function printName(context: Context, node: TreeNode): Rope {
  if (node['name'] !== 'arguments' || !isReference(node) || capturedIn(context, node) === undefined) return slice(node.start, node.end);
  const up = node.up as TreeNode;
  return [up.type === 'Property' && up['shorthand'] === true ? 'arguments:' : '', standing(`${context.prefix}args`, node.start)];
}

/** Marks what is rewritten: compiled functions, their awaits, what arrow functions capture, and blocks that begin with a brand. */
function heatAll(context: Context, brands: ReadonlyMap<TreeNode, string>): void {
  const { plan: { forms, tails }, preemption, tree } = context;
  for (const fn of forms.keys()) heat(fn['body'] as TreeNode);
  const isInCompiled = (node: TreeNode): boolean => {
    for (let at = node.up; at !== undefined; at = at.up) if (at.facts !== undefined && forms.has(at)) return true;
    return false;
  };
  for (const node of tree.changeable) {
    const isRewritten = node.type === 'CallExpression' ? preemption.callAt(node) !== undefined || (node.owner !== undefined && tails.get(node.owner)?.has(node) === true) : !LOOPS.has(node.type) || node.type === 'ForOfStatement' || preemption.loopAt(node) !== undefined;
    if (isRewritten && isInCompiled(node)) heat(node);
  }
  for (const block of brands.keys()) heat(block);
}
