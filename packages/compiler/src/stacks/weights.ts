/**
 * How many bytes of native stack a call takes: the frame of V8's interpreter, the largest of the kinds of frames that a function has. Measured against V8
 * by test/unit/compiler/stack-weights.test.ts: the estimate is 0.9 to 1.5 of the frame.
 */
import { isFunction, isNode, type AnyNode } from '../parse.ts';
import { forEachChild } from './children.ts';
import { namesOfPattern } from './scopes.ts';

const WORD = 8;
/** Return address, frame pointer, context, function, bytecode array, offset, argument count, feedback vector; receiver. */
const FIXED_WORDS = 9;
/** What stands between caller and callee: the stub of `new`, the runtime's way to a getter, a built-in that calls back (those in C++ are large). */
const BETWEEN_BYTES = { new: 128, getter: 256, builtin: 192, sort: 400, native: 2_400 } as const;
const NATIVE = /^(?:replace|replaceAll|parse|stringify|split|match|matchAll|search|defineProperty|defineProperties|fromEntries|groupBy)$/;

/** Bytes of the frames that V8 puts between a call and its callee. */
export function betweenBytes({ form, isThroughBuiltin, property }: { readonly form: string; readonly isThroughBuiltin: boolean; readonly property: string | undefined }): number {
  if (form === 'new') return BETWEEN_BYTES.new;
  if (form === 'getter') return BETWEEN_BYTES.getter;
  if (!isThroughBuiltin) return 0;
  return property === undefined ? BETWEEN_BYTES.builtin : NATIVE.test(property) ? BETWEEN_BYTES.native : /sort/i.test(property) ? BETWEEN_BYTES.sort : BETWEEN_BYTES.builtin;
}

/** @param node  a function @returns bytes, a multiple of 8 */
export function frameBytes(node: AnyNode): number {
  const params = (node['params'] as AnyNode[]).length;
  return WORD * (FIXED_WORDS + params + locals(node) + temporaries(node['body'] as AnyNode));
}

function locals(node: AnyNode): number {
  let count = (node['params'] as AnyNode[]).filter((param) => param.type !== 'Identifier').flatMap(namesOfPattern).length;
  const pending = [node['body'] as AnyNode];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    if (at.type === 'VariableDeclarator') count += namesOfPattern(at['id'] as AnyNode).length;
    else if (at.type === 'FunctionDeclaration' || at.type === 'ClassDeclaration') count += 1;
    else if (at.type === 'ForOfStatement') count += 8;             // iterator, method, done, completion, what it awaits to be closed
    else if (at.type === 'ForInStatement') count += 5;
    else if (at.type === 'TryStatement') count += isNode(at['finalizer']) ? 5 : 2;
    else if (at.type === 'SwitchStatement') count += 1;
    if (isFunction(at)) continue;
    forEachChild(at, (inner) => { pending.push(inner); });
  }
  return count;
}

const LEAVES = new Set(['Identifier', 'Literal', 'ThisExpression', 'TemplateElement', 'PrivateIdentifier']);

/** Registers that the deepest expression holds at one time: operands that wait for others, arguments, receivers. */
function temporaries(root: AnyNode): number {
  let most = 0;
  const pending: { node: AnyNode; held: number }[] = [{ node: root, held: 0 }];
  for (let entry = pending.pop(); entry !== undefined; entry = pending.pop()) {
    const { node, held } = entry;
    if (node !== root && isFunction(node)) continue;
    let inside = held;
    if (node.type === 'CallExpression' || node.type === 'NewExpression') inside += 2 + (node['arguments'] as AnyNode[]).length;
    else if (node.type === 'BinaryExpression' || node.type === 'MemberExpression' || node.type === 'TemplateLiteral' || node.type === 'AssignmentExpression') inside += 1;
    else if (node.type === 'ObjectExpression' || node.type === 'ArrayExpression') inside += 2;
    if (inside > most) most = inside;
    const isStatement = node.type.endsWith('Statement') || node.type.endsWith('Declaration');
    const below = isStatement ? 0 : inside;
    forEachChild(node, (inner) => { if (!LEAVES.has(inner.type)) pending.push({ node: inner, held: below }); });
  }
  return most + 1;
}
