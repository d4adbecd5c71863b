/**
 * `await` in a compiled function.
 *
 *   await g(x)      ((r = call1(point, g, x)) === SUSPENDED ? yield SUSPENDED : r)
 *   await o.m(x)    the same with method1(point, o, o.m, x); an object that is no name is kept in a register first
 *   await this.#m(x)  the twin itself, when the class has compiled it: enter(point, this.#twin(x))
 *   await e         value(point, e)
 *   return f(x)     return tail1(place, f, x), which is no wait (tails.ts)
 */
import { lineEnds, range, skipBlanks, type Context } from './context.ts';
import { nameOf } from './names.ts';
import { slice, standing, type Rope } from './rope.ts';
import { printLoop } from './print-loop.ts';
import type { TreeNode } from './tree.ts';

const SHOWN_MAX = 60;
export const CALL_ARITY_MAX = 3;
export const METHOD_ARITY_MAX = 2;

export function printAwait(context: Context, node: TreeNode, fn: TreeNode): Rope {
  const awaited = node['argument'] as TreeNode;
  const gap = slice(node.start + 'await'.length, awaited.start);
  const run = isAwaitedCall(awaited) ? printCall(context, node, awaited, gap, fn) : printValue(context, node, awaited, gap);
  return suspending(context, fn, run);
}

/** What is awaited is a call, which the runtime can make. */
export const isAwaitedCall = (awaited: TreeNode): boolean => awaited.type === 'CallExpression' && awaited['optional'] !== true && (awaited['callee'] as TreeNode).type !== 'Super';

/** The value of what runs, or the frame gives up until it is there. */
function suspending(context: Context, fn: TreeNode, run: Rope): Rope {
  const r = context.need(fn, 'r');
  const suspended = context.helper('SUSPENDED');
  return [`((${r}=`, run, `)===${suspended}?yield ${suspended}:${r})`];
}

function printValue(context: Context, node: TreeNode, awaited: TreeNode, gap: Rope): Rope {
  const helper = context.helper(awaited.type === 'Literal' || (awaited.type === 'Identifier' && awaited['name'] === 'undefined') ? 'pause' : 'value');
  return [standing(`${helper}(${context.point(node, '')},(`, node.start), gap, context.print(awaited), '))'];
}

function printCall(context: Context, node: TreeNode, call: TreeNode, gap: Rope, fn: TreeNode): Rope {
  const callee = call['callee'] as TreeNode;
  const args = call['arguments'] as TreeNode[];
  const paren = skipBlanks(context.code, callee.end);
  const point = context.point(node, shown(context, callee));
  const rest: Rope = [slice(callee.end, paren), args.length > 0 ? ',' : '', range(context, paren + 1, call.end - 1, args), ')'];
  const inner = callee.type === 'ParenthesizedExpression' && (callee['expression'] as TreeNode).type === 'MemberExpression' ? callee['expression'] as TreeNode : callee;
  if (inner.type === 'MemberExpression') {
    const method = privateMethod(context, inner);
    if (method !== undefined) return printPrivate(context, inner, gap, point, method, [slice(callee.end, paren), '(', range(context, paren + 1, call.end - 1, args), '))']);
    return printMethod(context, inner, gap, point, helperFor(context, 'method', args, METHOD_ARITY_MAX), rest, fn);
  }
  const printed = context.print(callee);
  return [standing(`${helperFor(context, 'call', args, CALL_ARITY_MAX)}(${point},`, callee.start), gap, printed, rest];
}

/** `return f(x)`: `return tail1(place, f, x)`, which gives the callee's frame if it has one. */
export function printTailCall(context: Context, call: TreeNode, fn: TreeNode): Rope {
  const callee = call['callee'] as TreeNode;
  const args = call['arguments'] as TreeNode[];
  const paren = skipBlanks(context.code, callee.end);
  const inner = callee.type === 'ParenthesizedExpression' && (callee['expression'] as TreeNode).type === 'MemberExpression' ? callee['expression'] as TreeNode : callee;
  const passed = range(context, paren + 1, call.end - 1, args);
  const method = inner.type === 'MemberExpression' ? privateMethod(context, inner) : undefined;
  if (method !== undefined) {
    const property = inner['property'] as TreeNode;
    const [open, close] = context.plan.heads.has(method) ? ['', ''] : [`${context.helper('began')}(`, ')'];
    return [open, context.print(inner['object'] as TreeNode), slice((inner['object'] as TreeNode).end, property.start), context.twinOf(method), slice(callee.end, paren), '(', passed, ')', close];
  }
  const place = context.spot(call, nameOf(fn) ?? '', shown(context, callee));
  const rest: Rope = [slice(callee.end, paren), args.length > 0 ? ',' : '', passed, ')'];
  if (inner.type === 'MemberExpression') return printMethod(context, inner, '', place, helperFor(context, 'tailMethod', args, METHOD_ARITY_MAX), rest, fn);
  return [standing(`${helperFor(context, 'tail', args, CALL_ARITY_MAX)}(${place},`, callee.start), context.print(callee), rest];
}

function helperFor(context: Context, kind: 'call' | 'method' | 'tail' | 'tailMethod', args: readonly TreeNode[], most: number): string {
  const isMany = args.length > most || args.some(({ type }) => type === 'SpreadElement');
  return context.helper(`${kind}${isMany ? 'Many' : args.length}`);
}

function printMethod(context: Context, member: TreeNode, gap: Rope, point: string, helper: string, rest: Rope, fn: TreeNode): Rope {
  const object = member['object'] as TreeNode;
  const property = member['property'] as TreeNode;
  const begin = standing(`${helper}(${point},`, property.start);
  if (object.type === 'Super') return [begin, 'this,', gap, context.print(member), rest];
  if (object.type === 'Identifier' || object.type === 'ThisExpression') return [begin, context.print(object), ',', gap, context.print(member), rest];
  const o = context.need(fn, 'o');
  return [begin, gap, `(${o}=`, context.print(object), `),${o}`, range(context, object.end, member.end, member['computed'] === true ? [property] : []), rest];
}

function printPrivate(context: Context, member: TreeNode, gap: Rope, point: string, method: TreeNode, rest: Rope): Rope {
  const object = member['object'] as TreeNode;
  const property = member['property'] as TreeNode;
  return [standing(`${context.helper(context.plan.heads.has(method) ? 'enterHead' : 'enter')}(${point},`, property.start), gap, context.print(object), slice(object.end, property.start), context.twinOf(method), rest];
}

/** The private method that is named, if its class compiles it. */
export function privateMethod({ plan }: Context, member: TreeNode): TreeNode | undefined {
  const property = member['property'] as TreeNode;
  if (property.type !== 'PrivateIdentifier' || member['optional'] === true) return undefined;
  for (let at = member.up; at !== undefined; at = at.up) {
    if (at.type !== 'ClassBody') continue;
    const declared = (at['body'] as TreeNode[]).find((one) => (one['key'] as TreeNode | undefined)?.type === 'PrivateIdentifier' && (one['key'] as TreeNode)['name'] === property['name']);
    if (declared === undefined) continue;
    const method = declared['value'] as TreeNode | null;
    return declared.type === 'MethodDefinition' && method !== null && plan.forms.has(method) ? method : undefined;
  }
  return undefined;
}

/** The callee as the engine's messages name it. */
export function shown({ code }: Context, callee: TreeNode): string {
  const { start, end } = callee;
  if (end - start >= SHOWN_MAX) return '(intermediate value)';
  const text = code.slice(start, end).replaceAll(/\s+/g, ' ').replaceAll(/\[(["'])([\w$]+)\1\]/g, '.$2');
  return (callee['expression'] as TreeNode | undefined)?.type === 'SequenceExpression' ? text.replaceAll(/ ?, ?/g, ' , ') : text;
}

/**
 * A statement that began with `await` begins with a parenthesis now, and would go on from the line above: it gets a semicolon, or, where one
 * statement must stay one, braces.
 */
export function printStatement(context: Context, node: TreeNode): Rope {
  const text = range(context, node.start, node.end, node.kids);
  if (!/^await\b/.test(context.code.slice(node.start, node.start + 6))) return text;
  return IN_LISTS.has((node.up as TreeNode).type) ? [';', text] : ['{', text, '}'];
}
const IN_LISTS = new Set(['Program', 'BlockStatement', 'StaticBlock', 'SwitchCase']);

/**
 * `for await (L of E) S`, as a loop over what the runtime takes from the iterator:
 *   {const i=loopOver(E);try{label:while(i.take(await i.next())){L=i.value;S}}catch(e){i.threw=true;throw e}finally{if(i.isOpen())…}}
 */
export function printForAwait(context: Context, node: TreeNode, labels: string, fn: TreeNode): Rope {
  const i = context.fresh('i');
  const e = context.fresh('e');
  const left = node['left'] as TreeNode;
  const right = node['right'] as TreeNode;
  const body = node['body'] as TreeNode;
  const point = context.point(node, '');
  const awaited = (what: string): Rope => suspending(context, fn, standing(`${context.helper('value')}(${point},${what})`, node.start));
  const assignment: Rope = left.type === 'ObjectPattern' ? ['(', context.print(left), `=${i}.value)`] : [context.print(left), `=${i}.value`];
  const paren = skipBlanks(context.code, right.end);
  const close: Rope = [`if(${i}.isOpen()){if(${i}.threw){try{`, awaited(`${i}.closing`), `}catch{}}else ${i}.closed(`, awaited(`${i}.closing`), ')}'];
  return [
    `{const ${i}=${context.helper('loopOver')}(`, lineEnds(context, node.start, left.start), lineEnds(context, left.end, right.start), context.print(right),
    `);try{${labels}while(${i}.take(`, awaited(`${i}.next()`), ')){', assignment, ';', slice(paren + 1, body.start), context.print(body),
    `}}catch(${e}){${i}.threw=true;throw ${e}}finally{`, close, '}}',
  ];
}

/** Labels stay with the loop that a `for await`, or one that asks, becomes. */
export function printLabelled(context: Context, node: TreeNode, fn: TreeNode | undefined): Rope {
  let labels = '';
  let at = node;
  while (at.type === 'LabeledStatement') {
    labels += `${(at['label'] as { name: string }).name}:`;
    at = at['body'] as TreeNode;
  }
  const loop = fn === undefined ? undefined : context.preemption.loopAt(at);
  if (loop !== undefined) return [lineEnds(context, node.start, at.start), printLoop(context, at, labels, fn as TreeNode, loop)];
  if (fn === undefined || at.type !== 'ForOfStatement' || at['await'] !== true) return range(context, node.start, node.end, node.kids);
  return [lineEnds(context, node.start, at.start), printForAwait(context, at, labels, fn)];
}
