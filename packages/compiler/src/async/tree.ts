/**
 * The syntax tree with what the printer asks of it: parents, children in the order of the text, the function around each node, and the facts about
 * each function that decide whether and how it is compiled. One walk, on a stack of its own.
 */
import { isFunction, isNode, type AnyNode } from '../parse.ts';

export interface Tree {
  readonly root: TreeNode;
  /** Functions in the order of the text. */
  readonly functions: readonly TreeNode[];
  readonly parentOf: (node: TreeNode) => TreeNode;
}

/** A node of the parser's tree, annotated in place. */
export type TreeNode = AnyNode & {
  /** Undefined of the root only. */
  up: TreeNode | undefined;
  /** In the order of the text. */
  kids: TreeNode[];
  /** The innermost function around it; of a function itself the one outside. Undefined at top level and in what a class evaluates. */
  owner: TreeNode | undefined;
  /** Inside of a class's fields or static blocks, or of a loop, outside of any function: evaluated many times, perhaps. Set only if so. */
  isRepeated?: true;
  /** Something in it is rewritten: the printer must go down. Set only if so. */
  isHot?: true;
  /** Of functions. */
  facts?: Facts;
};

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
  /** A named function expression whose name is read, or written, inside. */
  usesOwnName: boolean;
  writesOwnName: boolean;
  /** `await`s of its own. */
  awaits: number;
  /** An `await` of its own stands in a loop. */
  awaitsInLoop: boolean;
}

const LOOPS = new Set(['ForStatement', 'ForInStatement', 'ForOfStatement', 'WhileStatement', 'DoWhileStatement']);
const NONE: TreeNode[] = [];

interface Step { node: TreeNode; inWith: boolean; inLoop: boolean }

export function annotate(program: AnyNode): Tree {
  const functions: TreeNode[] = [];
  const root = program as TreeNode;
  root.up = root.owner = undefined;
  const stack: Step[] = [{ node: root, inWith: false, inLoop: false }];
  for (let step = stack.pop(); step !== undefined; step = stack.pop()) {
    const { node } = step;
    node.kids = kidsOf(node);
    let { inWith, inLoop } = step;
    let owner = node.owner;
    if (isFunction(node)) {
      node.facts = newFacts(inWith);
      functions.push(node);
      owner = node;
      inLoop = false;
    }
    note(node, inLoop);
    if (node.type === 'WithStatement') inWith = true;
    if (LOOPS.has(node.type)) inLoop = true;
    const isField = node.type === 'PropertyDefinition' || node.type === 'StaticBlock';
    for (let k = node.kids.length - 1; k >= 0; k--) {
      const kid = node.kids[k] as TreeNode;
      const isOutside = isField && kid !== node['key'];
      kid.up = node;                                                     // few properties: each node has room for three more in one piece
      kid.owner = isOutside ? undefined : owner;
      if (!isFunction(node) && (node.isRepeated === true || isOutside || (inLoop && owner === undefined))) kid.isRepeated = true;
      stack.push({ node: kid, inWith, inLoop: isOutside ? false : inLoop });
    }
  }
  return { root, functions, parentOf: (node) => node.up as TreeNode };
}

function kidsOf(node: TreeNode): TreeNode[] {
  const { type } = node;
  if (type === 'Property' && node['shorthand'] === true) return [node['value'] as TreeNode];
  if (type === 'ImportSpecifier' || type === 'ExportSpecifier') return [];
  let kids = NONE;
  for (const key in node) {
    const value = node[key];
    if (typeof value !== 'object' || value === null || key === 'up' || key === 'owner') continue;
    for (const one of Array.isArray(value) ? value as unknown[] : [value]) {
      if (!isNode(one)) continue;
      if (kids === NONE) kids = [];
      kids.push(one as TreeNode);
    }
  }
  return kids.every((kid, k) => k === 0 || (kids[k - 1] as TreeNode).start <= kid.start) ? kids : kids.toSorted((a, b) => a.start - b.start);
}

const newFacts = (inWith: boolean): Facts => ({
  inWith, usesThis: false, usesArguments: false, usesNewTarget: false, usesSuper: false, hasDirectEval: false, usesYieldAsName: false, hasAwaitUsing: false,
  usesOwnName: false, writesOwnName: false, awaits: 0, awaitsInLoop: false,
});

type Flag = 'usesThis' | 'usesArguments' | 'usesNewTarget' | 'usesSuper' | 'hasDirectEval' | 'usesYieldAsName' | 'hasAwaitUsing';

/** What the node says about the functions around it. */
function note(node: TreeNode, inLoop: boolean): void {
  switch (node.type) {
    case 'ThisExpression': markLexically(node, 'usesThis'); break;
    case 'Super': markLexically(node, 'usesSuper'); break;
    case 'MetaProperty': if ((node['meta'] as { name: string }).name === 'new') markLexically(node, 'usesNewTarget'); break;
    case 'CallExpression': if ((node['callee'] as { name?: string }).name === 'eval') markAll(node, 'hasDirectEval'); break;
    case 'VariableDeclaration': if (node['kind'] === 'await using' && node.owner !== undefined) { (node.owner.facts as Facts).hasAwaitUsing = true; (node.owner.facts as Facts).awaits++; } break;
    case 'AwaitExpression': noteAwait(node, inLoop); break;
    case 'ForOfStatement': if (node['await'] === true) noteAwait(node, true); break;
    case 'Identifier': noteName(node, node['name'] as string); break;
    default:
  }
}

function noteAwait({ owner }: TreeNode, inLoop: boolean): void {
  if (owner === undefined) return;
  const facts = owner.facts as Facts;
  facts.awaits++;
  if (inLoop) facts.awaitsInLoop = true;
}

function noteName(node: TreeNode, name: string): void {
  if (name === 'arguments') markLexically(node, 'usesArguments');
  if (name === 'yield' && node.owner !== undefined) (node.owner.facts as Facts).usesYieldAsName = true;
  const up = node.up as TreeNode;
  for (let fn = node.owner; fn !== undefined; fn = fn.owner) {
    const id = fn['id'] as TreeNode | null | undefined;
    if (fn.type !== 'FunctionExpression' || id === null || id === undefined || id === node || id['name'] !== name) continue;
    (fn.facts as Facts).usesOwnName = true;
    if ((up.type === 'AssignmentExpression' && up['left'] === node) || up.type === 'UpdateExpression' || isPattern(up)) (fn.facts as Facts).writesOwnName = true;
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
  for (let at: TreeNode | undefined = node; at !== undefined && at.isHot !== true; at = at.up) at.isHot = true;
}
