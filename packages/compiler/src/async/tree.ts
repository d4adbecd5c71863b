/**
 * The syntax tree with what the printer asks of it: parents, children in the order of the text, the function around each node, and the facts about
 * each function that decide whether and how it is compiled. One walk, on a stack of its own.
 */
import { forEachChild } from '../nodes.ts';
import type { AnyNode } from '../parse.ts';

export interface Tree {
  readonly root: TreeNode;
  /** Functions in the order of the text. */
  readonly functions: readonly TreeNode[];
  /** Blocking points, parents first. */
  readonly points: readonly TreeNode[];
  /** What is rewritten where it stands in a compiled function: waits, loops, calls, and what arrow functions capture. */
  readonly changeable: readonly TreeNode[];
  readonly parentOf: (node: TreeNode) => TreeNode;
}

/** A node of the parser's tree, annotated in place: `owner` is undefined at top level and in what a class evaluates. */
export type TreeNode = AnyNode;

/** What a function's body, and the arrow functions in it, contain. */
export interface Facts {
  readonly inWith: boolean;
  usesThis: boolean;
  usesArguments: boolean;
  usesNewTarget: boolean;
  usesSuper: boolean;
  hasDirectEval: boolean;
  usesYieldAsName: boolean;
  hasAwaitUsing: boolean;
  /** Something is disposed of when a block of its own ends. */
  hasUsing: boolean;
  /** A named function expression whose name is read, or written, inside. */
  usesOwnName: boolean;
  writesOwnName: boolean;
  /** `await`s of its own. */
  awaits: number;
  /** An `await` of its own stands in a loop. */
  awaitsInLoop: boolean;
  /** The function expression with a name of its own that is the innermost around: itself, perhaps. */
  readonly named: TreeNode | undefined;
}

/** What a step of the walk knows of what is around. */
const IN_WITH = 1;
const IN_LOOP = 2;

export function annotate(program: AnyNode): Tree {
  const functions: TreeNode[] = [];
  const points: TreeNode[] = [];
  const changeable: TreeNode[] = [];
  program.up = program.owner = undefined;
  const stack: TreeNode[] = [program];
  const states: number[] = [0];
  let [around, owner, state] = [program, undefined as TreeNode | undefined, 0];
  let [isField, isRepeated] = [false, false];
  const push = (kid: TreeNode): void => {
    const isOutside = isField && kid !== around['key'];
    kid.up = around;
    kid.owner = isOutside ? undefined : owner;
    if (isRepeated || isOutside) kid.isRepeated = true;
    stack.push(kid);
    states.push(isOutside ? state & IN_WITH : state);
  };
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    state = states.pop() as number;
    around = node;
    owner = node.owner;
    isField = isRepeated = false;
    switch (node.type) {
      case 'Identifier': noteName(node, node['name'] as string, changeable); continue;
      case 'Literal': case 'TemplateElement': case 'PrivateIdentifier': case 'ImportSpecifier': case 'ExportSpecifier': continue;
      case 'ThisExpression': markLexically(node, 'usesThis'); changeable.push(node); continue;
      case 'Super': markLexically(node, 'usesSuper'); continue;
      case 'FunctionDeclaration': case 'FunctionExpression': case 'ArrowFunctionExpression':
        node.facts = newFacts((state & IN_WITH) !== 0, node.type === 'FunctionExpression' && node['id'] !== null ? node : owner?.facts?.named);
        functions.push(node);
        owner = node;
        state &= IN_WITH;
        break;
      case 'Property': if (node['shorthand'] === true) { isRepeated = node.isRepeated || ((state & IN_LOOP) !== 0 && owner === undefined); push(node['value'] as TreeNode); continue; } break;
      case 'CallExpression': changeable.push(node); if ((node['callee'] as TreeNode)['name'] === 'eval') markAll(node, 'hasDirectEval'); break;
      case 'AwaitExpression': noteAwait(node, (state & IN_LOOP) !== 0); changeable.push(node); points.push(node); break;
      case 'YieldExpression': points.push(node); break;
      case 'MetaProperty': if ((node['meta'] as TreeNode)['name'] === 'new') markLexically(node, 'usesNewTarget'); changeable.push(node); break;
      case 'VariableDeclaration': if (node['kind'] === 'using' && owner !== undefined) (owner.facts as Facts).hasUsing = true; if (node['kind'] === 'await using') { points.push(node); if (owner !== undefined) { (owner.facts as Facts).hasAwaitUsing = true; (owner.facts as Facts).awaits++; } } break;
      case 'PropertyDefinition': case 'StaticBlock': isField = true; break;
      case 'WithStatement': state |= IN_WITH; break;
      case 'ForOfStatement': if (node['await'] === true) { noteAwait(node, true); points.push(node); } changeable.push(node); state |= IN_LOOP; break;
      case 'ForStatement': case 'ForInStatement': case 'WhileStatement': case 'DoWhileStatement': changeable.push(node); state |= IN_LOOP; break;
      default:
    }
    isRepeated = node.facts === undefined && (node.isRepeated || ((state & IN_LOOP) !== 0 && owner === undefined));
    const first = stack.length;
    forEachChild(node, push);
    for (let low = first, high = stack.length - 1; low < high; low++, high--) {   // the first child is looked at first
      const [kid, mark] = [stack[low] as TreeNode, states[low] as number];
      stack[low] = stack[high] as TreeNode; states[low] = states[high] as number;
      stack[high] = kid; states[high] = mark;
    }
  }
  return { root: program, functions: functions.toSorted((a, b) => a.start - b.start), points, changeable, parentOf: (node) => node.up as TreeNode };
}

const newFacts = (inWith: boolean, named: TreeNode | undefined): Facts => ({
  inWith, named, usesThis: false, usesArguments: false, usesNewTarget: false, usesSuper: false, hasDirectEval: false, usesYieldAsName: false, hasAwaitUsing: false, hasUsing: false,
  usesOwnName: false, writesOwnName: false, awaits: 0, awaitsInLoop: false,
});

type Flag = 'usesThis' | 'usesArguments' | 'usesNewTarget' | 'usesSuper' | 'hasDirectEval' | 'usesYieldAsName' | 'hasAwaitUsing';

function noteAwait({ owner }: TreeNode, inLoop: boolean): void {
  if (owner === undefined) return;
  const facts = owner.facts as Facts;
  facts.awaits++;
  if (inLoop) facts.awaitsInLoop = true;
}

function noteName(node: TreeNode, name: string, changeable: TreeNode[]): void {
  if (name === 'arguments') { markLexically(node, 'usesArguments'); changeable.push(node); }
  const facts = node.owner?.facts;
  if (facts === undefined) return;
  if (name === 'yield') facts.usesYieldAsName = true;
  for (let fn = facts.named; fn !== undefined; fn = fn.owner?.facts?.named) {
    const id = fn['id'] as TreeNode;
    if (id === node || id['name'] !== name) continue;
    const own = fn.facts as Facts;
    const up = node.up as TreeNode;
    own.usesOwnName = true;
    if ((up.type === 'AssignmentExpression' && up['left'] === node) || up.type === 'UpdateExpression' || isPattern(up)) own.writesOwnName = true;
  }
}

/** Where a name may be assigned by destructuring or by a loop: taken for a write. */
const isPattern = ({ type }: TreeNode): boolean => type === 'ArrayPattern' || type === 'AssignmentPattern' || type === 'RestElement' || type === 'ForInStatement' || type === 'ForOfStatement' || type === 'Property';

function markAll(node: TreeNode, flag: Flag): void {
  for (let fn = node.owner; fn !== undefined; fn = fn.owner) (fn.facts as Facts)[flag] = true;
}

/** Up to the first function that has its own. */
function markLexically(node: TreeNode, flag: Flag): void {
  for (let fn = node.owner; fn !== undefined; fn = fn.owner) {
    (fn.facts as Facts)[flag] = true;
    if (fn.type !== 'ArrowFunctionExpression') break;
  }
}

/** The printer must go down to this node. */
export function heat(node: TreeNode): void {
  for (let at: TreeNode | undefined = node; at !== undefined && !at.isHot; at = at.up) at.isHot = true;
}
