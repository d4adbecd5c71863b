/**
 * Compiled functions: what callers hold of one, and its twin, which has the body as frames. Where the body is not doubled (plan.ts) callers hold a wrapper,
 * a native async function that drives the twin:
 *
 *   async function f(a, b = 2) {…}   async function f($0){DRIVE(f_twin.apply(this,arguments))} function* f_twin(a, b = 2) {…}
 *                                    and brand(f, f_twin) at the beginning of its block
 *   async (x) => {…}                 wrap(function*(x) {…}, name, length), what it takes from its surroundings captured
 *   { async m(x) {…} }               m:wrap(function*(x) {…}, "m", 1)
 *   class { async m(x) {…} }         *m(x) {…}, wrapped by a static block (print-block.ts)
 *   class { async #m(x) {…} }        async #m($0){DRIVE(this.#m_twin(…))} *#m_twin(x) {…}
 *
 * Where it is, they hold a native form (print-native.ts), with the twin beside it:
 *   async function f(a, b = 2) {NATIVE} function* f_twin(a, b = 2) {…}      brand(async (x) => {NATIVE}, function*(x) {…}, name)
 *   m:brand({ async m(x) {NATIVE} }.m, function*(x) {…})                    async #m(x) {NATIVE} *#m_twin(x) {…}
 *   async m(x) {NATIVE} *m_twin(x) {…}, and a static block takes the twin off the class
 *
 * Where a head needs no frame (head.ts), the twin is an ordinary function, and what follows its guards is a generator beside it:
 *   function f_twin(a) {if (!a) return 0; return began(f_rest.call(this,a))} function* f_rest(a) {…}
 * A twin of any kind that ends with a call gives its callee's frame likewise (tails.ts).
 */
import { capturedIn, range, skipBlanks, type Context } from './context.ts';
import { hasPlainParameters, keyName, lengthOf, nameOf } from './names.ts';
import { memberText, printNative } from './print-native.ts';
import { slice, standing, type Rope } from './rope.ts';
import type { Facts, TreeNode } from './tree.ts';

export function printFunction(context: Context, fn: TreeNode): Rope {
  return context.plan.forms.get(fn) === 'declaration' ? printDeclaration(context, fn) : printWrapped(context, fn);
}

/** What a wrapper does: a native driver of the twin's frames, but for a twin that needs none. @param call  the text that calls the twin */
function drive(context: Context, fn: TreeNode, call: string): string {
  const head = context.plan.heads.get(fn);
  if (head === 'whole' && !context.plan.tails.has(fn)) return `return ${call}`;
  const [t, v, e, x] = ['t', 'v', 'e', 'x'].map((name) => context.prefix + name) as [string, string, string, string];
  return `for(let ${t}=${context.helper(head === undefined ? 'startActivation' : 'startHead')}(${call});;){if(${t}.isDone)return ${t}.value;let ${v},${e}=false;try{${v}=await ${t}.value}catch(${x}){${e}=true;${v}=${x}}${t}.resume(${v},${e})}`;
}

/** The native form, if it has one: it stands before the twin. Asked once for each function. */
function nativeOf(context: Context, fn: TreeNode, name?: string, method?: TreeNode): Rope | undefined {
  if (!context.plan.doubled.has(fn)) return undefined;
  const native = printNative(context, fn, name, method);
  if (native === undefined) context.plan.doubled.delete(fn);
  return native;
}

/** A twin that begins without a frame is no generator function. */
const starOf = ({ plan }: Context, fn: TreeNode): string => (plan.heads.has(fn) ? '' : '*');
const keywordOf = (context: Context, fn: TreeNode): string => `function${starOf(context, fn) || ' '}`;
const parametersOf = (fn: TreeNode): string[] => Array.from({ length: lengthOf(fn) }, (_, k) => `$${k}`);
const passesByName = (fn: TreeNode): boolean => hasPlainParameters(fn) && !(fn.facts as Facts).usesArguments;

function printDeclaration(context: Context, fn: TreeNode): Rope {
  const { code } = context;
  const id = fn['id'] as TreeNode | null;
  const twin = context.twinOf(fn);
  const params = parametersOf(fn);
  const keyword = code.indexOf('function', skipBlanks(code, fn.start + 'async'.length));
  const strict = (((fn['body'] as TreeNode)['body']) as TreeNode[]).some((statement) => statement['directive'] === 'use strict') ? '"use strict";' : '';
  const frame = passesByName(fn) ? `${twin}.call(${['this', ...params].join()})` : `${twin}.apply(this,arguments)`;
  const native = nativeOf(context, fn, context.nameOf(fn));
  return [
    native === undefined ? standing(`async function ${context.nameOf(fn)}(${params.join()}){${strict}${drive(context, fn, frame)}} `, fn.start) : [native, ' '],
    slice(fn.start + 'async'.length, keyword), `${keywordOf(context, fn)} `, id === null ? '' : slice(keyword + 'function'.length, id.start), standing(twin, id?.start ?? fn.start), printTail(context, fn),
  ];
}

function printWrapped(context: Context, fn: TreeNode): Rope {
  const name = nameOf(fn) ?? '';
  const native = nativeOf(context, fn);
  const wrap: Rope = native === undefined ? `${context.helper('wrap')}(` : [`${context.helper('brand')}(`, native, ','];
  const end = native === undefined ? `,${JSON.stringify(name)},${lengthOf(fn)})` : name === '' || fn['id'] !== null ? ')' : `,${JSON.stringify(name)})`;
  const twin = context.twinOf(fn);
  if (fn.type === 'ArrowFunctionExpression') {
    const [names, values] = captures(context, fn);
    const [before, after] = names.length === 0 ? ['', ''] : [`((${names.join()})=>`, `)(${values.join()})`];
    return [wrap, standing(`${before}${keywordOf(context, fn)}${twin}`, fn.start), printTail(context, fn), after, end];
  }
  const id = fn['id'] as TreeNode | null;
  const keyword = context.code.indexOf('function', skipBlanks(context.code, fn.start + 'async'.length));
  const gap = id === null ? '' : slice(keyword + 'function'.length, id.start);
  if (id !== null && (fn.facts as Facts).usesOwnName) {
    return [`(()=>{const ${id['name'] as string}=`, wrap, standing(`${keywordOf(context, fn)}${twin}`, fn.start), gap, printTail(context, fn), end, `;return ${id['name'] as string}})()`];
  }
  return [wrap, standing(`${keywordOf(context, fn)}${twin}`, fn.start), gap, printTail(context, fn), end];
}

/** What an arrow function takes from around it: parameters of a function that is called at once. */
function captures(context: Context, fn: TreeNode): [names: string[], values: string[]] {
  const facts = fn.facts as Facts;
  const isInCompiled = capturedIn(context, fn) !== undefined;
  const names: string[] = [];
  const values: string[] = [];
  for (const [isUsed, name, text] of [[facts.usesThis, 'this', 'this'], [facts.usesArguments, 'args', 'arguments'], [facts.usesNewTarget, 'target', 'new.target']] as const) {
    if (!isUsed) continue;
    names.push(context.prefix + name);
    values.push(isInCompiled ? context.prefix + name : text);
  }
  return [names, values];
}

/** The parameters and the body, in text that was not `async`'s: `(params) {body}`. */
function printTail(context: Context, fn: TreeNode): Rope {
  const { code } = context;
  const body = fn['body'] as TreeNode;
  const params = fn['params'] as TreeNode[];
  if (fn.type === 'ArrowFunctionExpression') return printArrowTail(context, fn);
  const up = fn.up as TreeNode;
  const isMethod = up.type === 'MethodDefinition' || (up.type === 'Property' && up['method'] === true);
  const id = fn['id'] as TreeNode | null;
  const from = isMethod ? fn.start : id?.end ?? skipBlanks(code, code.indexOf('function', skipBlanks(code, fn.start + 'async'.length)) + 'function'.length);
  return [range(context, from, body.start, params), context.print(body)];
}

function printArrowTail(context: Context, fn: TreeNode): Rope {
  const { code } = context;
  const body = fn['body'] as TreeNode;
  const params = fn['params'] as TreeNode[];
  const start = fn.start + 'async'.length;
  const first = skipBlanks(code, start);
  let head: Rope;
  let end: number;
  if (code[first] === '(') {
    end = skipBlanks(code, params.at(-1)?.end ?? first + 1);
    if (code[end] === ',') end = skipBlanks(code, end + 1);
    end++;                                                               // the closing parenthesis
    head = range(context, start, end, params);
  } else {
    const [param] = params as [TreeNode];
    end = param.end;
    head = [slice(start, param.start), '(', slice(param.start, end), ')'];
  }
  const arrow = skipBlanks(code, end);
  const gap = slice(arrow + '=>'.length, body.start);
  if (body.type === 'BlockStatement') return [head, slice(end, arrow), gap, context.print(body)];
  const printed = context.print(body);
  return [head, slice(end, arrow), '{', context.prologue(fn), 'return (', gap, printed, ')}'];
}

/** A method of an object literal. */
export function printProperty(context: Context, property: TreeNode): Rope {
  const fn = property['value'] as TreeNode;
  const key = property['key'] as TreeNode;
  const native = nativeOf(context, fn, undefined, property);
  const [before, after]: [Rope, string] = native === undefined ? [`${context.helper('wrap')}(`, `,${JSON.stringify(keyName(key))},${lengthOf(fn)})`] : [[`${context.helper('brand')}({`, native, `}${memberText(key)},`], ')'];
  return [slice(property.start + 'async'.length, key.end), ':', before, standing(`${keywordOf(context, fn)}${context.twinOf(fn)}`, fn.start), printTail(context, fn), after];
}

/** A method of a class: in place as a generator, or, if its name is private, beside a wrapper. */
export function printMethod(context: Context, method: TreeNode): Rope {
  const { code } = context;
  const fn = method['value'] as TreeNode;
  const key = method['key'] as TreeNode;
  const head = /^(static(?:\s|\/\*[^]*?\*\/|\/\/[^\n]*\n)+)?async/.exec(code.slice(method.start, key.start)) as RegExpExecArray;
  const isStatic = head[1] ?? '';
  const afterAsync = method.start + head[0].length;
  const native = nativeOf(context, fn, undefined, method);
  if (context.plan.forms.get(fn) === 'method' && native !== undefined) return [';', native, starOf(context, fn), slice(afterAsync, key.start), standing(context.twinOf(fn), key.start), printTail(context, fn)];
  if (context.plan.forms.get(fn) === 'method') return [slice(method.start, method.start + isStatic.length), isStatic === '' ? ';' : '', starOf(context, fn), slice(afterAsync, key.end), printTail(context, fn)];   // a field before it may have no semicolon: `a = 1\n *m() {}` is a product
  const twin = context.twinOf(fn);
  const params = parametersOf(fn);
  const frame = `this.${twin}(${passesByName(fn) ? params.join() : '...arguments'})`;
  const statically = isStatic === '' ? '' : 'static ';
  return [
    native === undefined ? standing(`${statically}async #${key['name'] as string}(${params.join()}){${drive(context, fn, frame)}} `, method.start) : [statically, native, ' '], `${statically}${starOf(context, fn)}`,
    slice(afterAsync, key.start), standing(twin, key.start), printTail(context, fn),
  ];
}
