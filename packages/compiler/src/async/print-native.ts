/**
 * What callers hold of a compiled function: a native async function with the body as its author wrote it, printed on one line beside the twin. It waits
 * natively, at the engine's price; only awaited calls ask the runtime first, which runs a callee's twin at once where that is likely to end without
 * waiting:
 *
 *   await g(x)   ((r = native1(s, point, g, x)) === NOW ? take() : back((s = 1, await r)))
 *
 * `s` says whether the function has waited before: then nothing goes on below it on the stack. Next: native-form.ts in packages/worker.
 */
import { isNode, type AnyNode } from '../parse.ts';
import { Printer, Unprintable } from '../stacks/printer.ts';
import { capturedIn, type Context } from './context.ts';
import { some } from './head.ts';
import { isReference, keyName } from './names.ts';
import { CALL_ARITY_MAX, METHOD_ARITY_MAX, isAwaitedCall, privateMethod, shown } from './print-await.ts';
import { standingFor, type Rope } from './rope.ts';
import type { TreeNode } from './tree.ts';

/** The function as a declaration or an expression, or with a key a method. Undefined: it cannot be put on one line. @param name  of a declaration */
export function printNative(context: Context, fn: TreeNode, name?: string, method?: TreeNode): Rope | undefined {
  const printer = new NativePrinter(context, fn);
  try {
    printer.print(name, method);
  } catch (error) {
    if (error instanceof Unprintable) return undefined;
    throw error;
  }
  return standingFor(printer);
}

class NativePrinter extends Printer {
  readonly #context: Context;
  readonly #fn: TreeNode;
  /** One of its awaits is of a call. */
  readonly #asks: boolean;
  #needsObject = false;

  constructor(context: Context, fn: TreeNode) {
    super();
    this.#context = context;
    this.#fn = fn;
    this.#asks = some(fn, (node) => node.type === 'AwaitExpression' && node.owner === fn && isAwaitedCall(node['argument'] as TreeNode));
  }

  print(name: string | undefined, method: TreeNode | undefined): void {
    const fn = this.#fn;
    const isArrow = fn.type === 'ArrowFunctionExpression';
    this.place(method?.start ?? fn.start);
    this.put('async ');
    if (method === undefined) {
      const own = name ?? (isNode(fn['id'] ?? null) ? (fn['id'] as TreeNode)['name'] as string : '');
      if (!isArrow) this.put(`function ${own}`);
    } else this.key(method);
    this.parameters(fn);
    if (isArrow) this.put('=>');
    this.put('{');
    const body = fn['body'] as TreeNode;
    if (body.type === 'BlockStatement') for (const statement of body['body'] as TreeNode[]) this.statement(statement);
    else { this.put('return '); this.expression(body); this.put(';'); }
    const { prefix } = this.#context;
    if (this.#asks) this.put(`var ${prefix}r,${prefix}s${this.#needsObject ? `,${prefix}o` : ''};`);
    this.put('}');
  }

  override expression(node: AnyNode): void {
    const own = node as TreeNode;
    if (node.type === 'AwaitExpression' && own.owner === this.#fn) this.#await(own);
    else if (node.type === 'ThisExpression' && this.#isCaptured(own)) this.put(`${this.#context.prefix}this`);
    else if (node.type === 'MetaProperty' && (node['meta'] as { name: string }).name === 'new' && this.#isCaptured(own)) this.put(`${this.#context.prefix}target`);
    else if (node.type === 'Identifier' && node['name'] === 'arguments' && isReference(own) && this.#isCaptured(own)) this.put(`${this.#context.prefix}args`);
    else super.expression(node);
  }
  override property(node: AnyNode): void {
    if (node['shorthand'] === true && (node['value'] as TreeNode)['name'] === 'arguments') this.put('arguments:');
    super.property(node);
  }
  /** By the twin of an arrow function around the function, which is one too. */
  #isCaptured(node: TreeNode): boolean {
    let at = node;
    while (at.owner !== this.#fn) {
      if (at.owner?.type !== 'ArrowFunctionExpression') return false;
      at = at.owner;
    }
    return this.#fn.type === 'ArrowFunctionExpression' && capturedIn(this.#context, this.#fn) !== undefined;
  }

  #await(node: TreeNode): void {
    const awaited = node['argument'] as TreeNode;
    const { prefix } = this.#context;
    const helper = (name: string): string => this.#context.helper(name);
    this.place(node.start);
    if (!isAwaitedCall(awaited)) {
      if (this.#asks) this.put(`${helper('back')}((${prefix}s=1,await `); else this.put('await ');
      this.operand(awaited);
      if (this.#asks) this.put('))');
      return;
    }
    this.put(`((${prefix}r=`);
    this.#call(node, awaited);
    this.place(node.start);
    this.put(`)===${helper('NOW')}?${helper('take')}():${helper('back')}((${prefix}s=1,await ${prefix}r)))`);
  }

  #call(node: TreeNode, call: TreeNode): void {
    const context = this.#context;
    const callee = call['callee'] as TreeNode;
    const args = call['arguments'] as TreeNode[];
    const begin = (kind: 'Call' | 'Method', most: number): string => `${context.helper(`native${kind}${args.length > most || args.some(({ type }) => type === 'SpreadElement') ? 'Many' : args.length}`)}(${context.prefix}s,${context.point(node, shown(context, callee))},`;
    const inner = callee.type === 'ParenthesizedExpression' && (callee['expression'] as TreeNode).type === 'MemberExpression' ? callee['expression'] as TreeNode : callee;
    if (inner.type !== 'MemberExpression') {
      this.place(callee.start);
      this.put(begin('Call', CALL_ARITY_MAX));
      this.operand(callee);
      return this.#rest(args);
    }
    const object = inner['object'] as TreeNode;
    const method = privateMethod(context, inner);
    this.place((inner['property'] as TreeNode).start);
    if (method !== undefined) {
      this.put(`${context.helper(context.plan.heads.has(method) ? 'nativeHead' : 'nativeFrame')}(${context.prefix}s,`);
      this.object(object);
      this.put(`.${context.twinOf(method)}(`);
      this.arguments(call);
      this.put('))');
      return;
    }
    this.put(begin('Method', METHOD_ARITY_MAX));
    if (object.type === 'Super') this.put('this,super');
    else if (object.type === 'Identifier' || object.type === 'ThisExpression') { this.expression(object); this.put(','); this.expression(object); }
    else {
      this.#needsObject = true;
      this.put(`(${context.prefix}o=`); this.argument(object); this.put(`),${context.prefix}o`);
    }
    this.member(inner);
    this.#rest(args);
  }
  #rest(args: readonly TreeNode[]): void {
    for (const one of args) { this.put(','); this.argument(one); }
    this.put(')');
  }
}

/** How the method of an object literal is taken out of it. */
export const memberText = (key: TreeNode): string => (key.type === 'Identifier' ? `.${keyName(key)}` : `[${JSON.stringify(keyName(key))}]`);
