/**
 * How many bytes of native stack a call takes: the frame of V8's interpreter, the largest of the kinds of frames that a function has. Measured against V8
 * by test/unit/compiler/stack-weights.test.ts: the estimate is 0.9 to 1.5 of the frame.
 */
import { isFunction, isNode, type AnyNode } from '../parse.ts';
import { forEachChild } from '../nodes.ts';
import { namesOfPattern, type Scopes } from './scopes.ts';

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

/** What an expression of this kind holds while what is in it is evaluated: operands that wait for others, receivers. */
const HOLDS: ReadonlyMap<string, number> = new Map([['CallExpression', 2], ['NewExpression', 2], ['BinaryExpression', 1], ['MemberExpression', 1], ['TemplateLiteral', 1], ['AssignmentExpression', 1], ['ObjectExpression', 2], ['ArrayExpression', 2]]);
/** Registers that a statement of this kind takes: of `for … of` iterator, method, done, completion, what it awaits to be closed. */
const TAKES: ReadonlyMap<string, number> = new Map([['FunctionDeclaration', 1], ['ClassDeclaration', 1], ['ForOfStatement', 8], ['ForInStatement', 5], ['SwitchStatement', 1]]);

/** Of each function the bytes of its frame, a multiple of 8. One walk. */
export function frameBytes({ functions, order }: Scopes): number[] {
  const locals = functions.map(({ node }) => (node['params'] as AnyNode[]).reduce((count, param) => (param.type === 'Identifier' ? count : count + namesOfPattern(param).length), 0));
  const temporaries = new Array<number>(functions.length).fill(0);
  // What is around the node: the function whose body it is in, or none, and what the expressions in it find held.
  const around: AnyNode[] = [];
  const bodyOf: number[] = [];
  const held: number[] = [];
  for (const node of order.nodes) {
    const { up, type } = node;
    while (around.length > 0 && around[around.length - 1] !== up) { around.pop(); bodyOf.pop(); held.pop(); }
    let fn = bodyOf[bodyOf.length - 1] ?? -1;
    let inside = held[held.length - 1] ?? 0;
    if (up?.info !== undefined) { fn = up['body'] === node ? up.info.index : -1; inside = 0; }
    if (fn >= 0) {
      if (type === 'VariableDeclarator') locals[fn] = (locals[fn] as number) + ((node['id'] as AnyNode).type === 'Identifier' ? 1 : namesOfPattern(node['id'] as AnyNode).length);
      else if (type === 'TryStatement') locals[fn] = (locals[fn] as number) + (isNode(node['finalizer']) ? 5 : 2);
      else locals[fn] = (locals[fn] as number) + (TAKES.get(type) ?? 0);
      if (node.info === undefined) {
        const holds = HOLDS.get(type);
        if (holds !== undefined) {
          inside += holds + (type === 'CallExpression' || type === 'NewExpression' ? (node['arguments'] as AnyNode[]).length : 0);
          if (inside > (temporaries[fn] as number)) temporaries[fn] = inside;
        } else if (isStatement(type)) inside = 0;
      } else if (up?.info !== undefined) temporaries[fn] = temporariesIn(node);   // a function that is all that an arrow gives
    }
    around.push(node); bodyOf.push(fn); held.push(inside);
  }
  return functions.map(({ node }, k) => WORD * (FIXED_WORDS + (node['params'] as AnyNode[]).length + (locals[k] as number) + (temporaries[k] as number) + 1));
}

const isStatement = (type: string): boolean => type.endsWith('Statement') || type.endsWith('Declaration');

/** Registers that the deepest expression below a node holds at one time. */
function temporariesIn(root: AnyNode): number {
  let most = 0;
  const pending: { node: AnyNode; held: number }[] = [{ node: root, held: 0 }];
  for (let entry = pending.pop(); entry !== undefined; entry = pending.pop()) {
    const { node, held } = entry;
    if (node !== root && isFunction(node)) continue;
    const inside = held + (HOLDS.get(node.type) ?? 0) + (node.type === 'CallExpression' || node.type === 'NewExpression' ? (node['arguments'] as AnyNode[]).length : 0);
    if (inside > most) most = inside;
    const below = isStatement(node.type) ? 0 : inside;
    forEachChild(node, (inner) => { pending.push({ node: inner, held: below }); });
  }
  return most;
}
