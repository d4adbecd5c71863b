/**
 * Loops in which a thread may be preempted, strip-mined: an outer loop asks, about every tenth of a quantum, whether others must have their turn; the
 * loop itself only counts, or not even that. A `yield` inside of the innermost loop would cost 2 to 9 ns a turn, since nothing then stays in registers.
 *
 *   for (I; T; U) B      {I;for(;;){let d=0;const e=k-c;for(;d++<e&&(T);U)B;c+=d;if(d<=e)break;CHECK}}
 *   for (let i = a; i < n; i++) B, where only U assigns to i, and nothing to n
 *                        {let i=a;for(;;){const d=i,e=(i and n are numbers, and n-i>k-c)?i+(k-c):n;for(;i<e;i++)B;if(typeof d!=="number")break;c+=i-d;if(e===n||i<e||!(i<n))break;CHECK}}
 *   for (let i = a; T; i += s) B, where only U assigns to i, nothing in it to s, and a is no object
 *                        {let i=a;for(;;){let d=0;const b=i,e=(i and s are numbers, and s>0)?i+s*(k>c?k-c:1):-Infinity,m=e>b?-1:k-c;for(;(i<e||d++<m)&&(T);i+=s)B;c+=m<0?(i-b)/s|0:d;if(i<e||d<=m)break;CHECK}}
 *                        where a and s are written out as numbers, {let i=a;for(;;){const b=i,e=i+s*(k>c?k-c:1);for(;i<e&&(T);i+=s)B;c+=(i-b)/s|0;if(i<e)break;CHECK}}
 *   while (T) B          as the first
 *   do B while (T)       for(;;){let d=0;const e=k>c?k-c:1;do{B}while((T)&&++d<e);c+=d;if(d<e)break;CHECK}
 *   for (L of E) B       {const i=strips(E);for(;;){let d=0;const e=k>c?k-c:1;for(L of i.values){B;if(++d>=e&&i.stops)break}c+=d;if(!i.stops||d<e)break;CHECK}}
 *                        where E is an array, map or set as the language makes them: any other is iterated over in one go. A body without loops,
 *                        calls of twins and functions stands there twice: for an array by index, since that is what V8 makes of `for … of` itself
 *   others               for (…) {if(++c>=k){CHECK}B}
 *   CHECK                c=0;if((k=look(k,point,may))<0){k=-k;yield SUSPENDED}
 *
 * `c` counts the turns of all loops of a function since the last look, `k` says after how many the next is due. Every condition is evaluated as often as
 * it was, a `break` leaves both loops, a `continue` and labels mean the inner one.
 */
import { isFunction, type AnyNode } from '../parse.ts';
import { forEachChild } from '../nodes.ts';
import type { Binding, Scopes } from '../stacks/scopes.ts';
import { unwrap, walk, type Values } from './marks.ts';

export const LOOPS: ReadonlySet<string> = new Set(['ForStatement', 'WhileStatement', 'DoWhileStatement', 'ForOfStatement', 'ForInStatement']);

/** How a loop is rewritten. */
type LoopForm = 'counted' | 'stepped' | 'bounded' | 'of' | 'inline';

/** A loop in which a thread may be preempted. */
export interface LoopPlan {
  readonly form: LoopForm;
  /** 'bounded': the variable, the operator and the bound. */
  readonly bound?: { readonly name: string; readonly operator: '<' | '<='; readonly limit: string };
  /** 'stepped': the variable, and what is added to it each turn: a number, or the name of a variable. */
  readonly step?: { readonly name: string; readonly by: string; /** Both, and so every value of the variable, are numbers. */ readonly isNumber: boolean };
  /** 'of': the body is so simple that it may stand there twice. */
  readonly isTwice?: boolean;
  readonly rule: Rule;
}

/** Who says that a thread may be preempted there, and on what condition. */
export interface Rule {
  /** Its author says so: it is as if `await yieldNow()` stood there, so a cancellation is thrown in as well. Otherwise it is proved, and nobody can tell. */
  readonly isMarked: boolean;
  /** Variables that must hold primitive values when it counts. */
  readonly needs: readonly string[];
}

/** Names in the generated text. */
export interface LoopNames {
  readonly count: string;
  readonly turns: string;
  readonly done: string;
  readonly end: string;
  readonly iterator: string;
  /** `look(k,point,may)`. */
  readonly look: string;
  readonly suspended: string;
  readonly strips: string;
}

const checkText = ({ count, turns, look, suspended }: LoopNames): string => `${count}=0;if((${turns}=${look})<0){${turns}=-${turns};yield ${suspended}}`;
export const inlineText = (names: LoopNames): string => `if(++${names.count}>=${names.turns}){${checkText(names)}}`;

/** What stands around a loop of each form: before its keyword, the condition's beginning, and what follows its body. */
export function textsOf({ form, bound, step }: LoopPlan, isDo: boolean, names: LoopNames): { readonly open: string; readonly condition: string; readonly close: string } {
  const { count: c, turns: k, done: d, end: e, iterator: i } = names;
  const check = checkText(names);
  const atLeastOne = `let ${d}=0;const ${e}=${k}>${c}?${k}-${c}:1;`;
  if (form === 'of') return { open: `for(;;){${atLeastOne}`, condition: `;if(++${d}>=${e}&&${i}.stops)break`, close: `${c}+=${d};if(!${i}.stops||${d}<${e})break;${check}}` };
  if (form === 'bounded') {
    const { name, operator, limit } = bound as NonNullable<LoopPlan['bound']>;
    return { open: `for(;;){const ${d}=${name},${e}=typeof ${name}==="number"&&typeof ${limit}==="number"&&${limit}-${name}>${k}-${c}?${name}+(${k}-${c}):${limit};`, condition: `${name}${operator}${e}`, close: `;if(typeof ${d}!=="number")break;${c}+=${name}-${d};if(${e}===${limit}||${name}${operator}${e}||!(${name}${operator}${limit}))break;${check}}` };
  }
  if (form === 'stepped') {
    const { name, by, isNumber } = step as NonNullable<LoopPlan['step']>;
    const [begun, most] = [`${e}b`, `${e}m`];
    if (isNumber) return { open: `for(;;){const ${begun}=${name},${e}=${name}+${by}*(${k}>${c}?${k}-${c}:1);`, condition: `${name}<${e}`, close: `;${c}+=(${name}-${begun})/${by}|0;if(${name}<${e})break;${check}}` };
    return {
      open: `for(;;){let ${d}=0;const ${begun}=${name},${e}=typeof ${name}==="number"&&typeof ${by}==="number"&&${by}>0?${name}+${by}*(${k}>${c}?${k}-${c}:1):-1/0,${most}=${e}>${begun}?-1:${k}-${c};`,
      condition: `(${name}<${e}||${d}++<${most})`, close: `;${c}+=${most}<0?(${name}-${begun})/${by}|0:${d};if(${name}<${e}||${d}<=${most})break;${check}}`,
    };
  }
  if (isDo) return { open: `for(;;){${atLeastOne}`, condition: `&&++${d}<${e}`, close: `;${c}+=${d};if(${d}<${e})break;${check}}` };
  return { open: `for(;;){let ${d}=0;const ${e}=${k}-${c};`, condition: `${d}++<${e}`, close: `;${c}+=${d};if(${d}<=${e})break;${check}}` };
}

/** Turns that a loop may make without being asked, inside of one that is. */
const SMALL_TURNS = 256;

/** How a loop can be rewritten; undefined: it need not be, being short. @param isInner  it stands in a loop that asks @param isCaptured  a closure shares the variable */
export function formOf(loop: AnyNode, isInner: boolean, scopes: Scopes, values: Values, isCaptured: (binding: Binding) => boolean): Omit<LoopPlan, 'rule'> | undefined {
  switch (loop.type) {
    case 'WhileStatement': return { form: 'counted' };
    case 'DoWhileStatement': return { form: 'counted' };
    case 'ForInStatement': return { form: 'inline' };
    case 'ForOfStatement': return { form: continues(loop) || mentions(loop['right'] as AnyNode, loop['left'] as AnyNode) ? 'inline' : 'of', isTwice: isSimple(loop['body'] as AnyNode) };
    default:
  }
  const bindings = bindingsOf(loop['init'] as AnyNode | null, scopes);
  const bound = boundOf(loop, scopes);
  if (isInner && bound !== undefined && limitOf(loop, scopes, values) <= SMALL_TURNS && isLeaf(loop['body'] as AnyNode)) return undefined;
  if (bindings.some(isCaptured)) return { form: 'inline' };               // each turn has a variable of its own
  if (bound !== undefined) return { form: 'bounded', bound };
  const step = loop.type === 'ForStatement' ? stepOf(loop, scopes, isCaptured) : undefined;
  return step === undefined ? { form: 'counted' } : { form: 'stepped', step };
}

function bindingsOf(init: AnyNode | null, scopes: Scopes): Binding[] {
  if (init?.type !== 'VariableDeclaration' || init['kind'] === 'var') return [];
  const found: Binding[] = [];
  walk(init, (node) => { const binding = node.type === 'Identifier' ? scopes.references.get(node) : undefined; if (binding !== undefined) found.push(binding); });
  return found;
}

/** `for (let i = …; i < n; i++)`. */
function boundOf(loop: AnyNode, scopes: Scopes): LoopPlan['bound'] {
  const init = loop['init'] as AnyNode | null;
  const test = loop['test'] === null ? undefined : unwrap(loop['test'] as AnyNode);
  const declarators = init?.type === 'VariableDeclaration' && init['kind'] === 'let' ? init['declarations'] as AnyNode[] : [];
  const operator = test?.type === 'BinaryExpression' ? String(test['operator']) : '';
  if (test === undefined || (operator !== '<' && operator !== '<=')) return undefined;
  const variable = unwrap(test['left'] as AnyNode);
  const binding = variable.type === 'Identifier' ? scopes.references.get(variable) : undefined;
  if (binding === undefined || binding.writes !== 1 || !declarators.some((one) => scopes.references.get(one['id'] as AnyNode) === binding) || !counts(loop['update'] as AnyNode | null, binding, scopes)) return undefined;
  const limit = unwrap(test['right'] as AnyNode);
  if (limit.type === 'Literal' && typeof limit['value'] === 'number') return { name: binding.name, operator, limit: limit['raw'] as string };
  const limitBinding = limit.type === 'Identifier' ? scopes.references.get(limit) : undefined;
  if (limitBinding === undefined || limitBinding.writes > 0 || !/^(?:const|let|param)$/.test(limitBinding.kind)) return undefined;
  return { name: binding.name, operator, limit: limitBinding.name };
}

/** `for (let i = …; …; i += s)`: comparing the variable with a number runs no code, for it never holds an object. */
function stepOf(loop: AnyNode, scopes: Scopes, isCaptured: (binding: Binding) => boolean): LoopPlan['step'] {
  const [init, update] = [loop['init'] as AnyNode | null, loop['update'] as AnyNode | null];
  if (init?.type !== 'VariableDeclaration' || init['kind'] !== 'let' || update === null || loop['test'] === null) return undefined;
  const target = unwrap((update['left'] ?? update['argument'] ?? update) as AnyNode);
  const binding = target.type === 'Identifier' ? scopes.references.get(target) : undefined;
  const declarator = (init['declarations'] as AnyNode[]).find((one) => scopes.references.get(one['id'] as AnyNode) === binding);
  if (binding === undefined || binding.writes !== 1 || !isPrimitive(declarator?.['init'] as AnyNode | null | undefined)) return undefined;
  if (counts(update, binding, scopes)) return { name: binding.name, by: update.type === 'UpdateExpression' ? '1' : String((update['right'] as AnyNode)['raw']), isNumber: unwrap(declarator?.['init'] as AnyNode).type === 'Literal' };
  const by = update.type === 'AssignmentExpression' && update['operator'] === '+=' ? unwrap(update['right'] as AnyNode) : undefined;
  const step = by?.type === 'Identifier' ? scopes.references.get(by) : undefined;
  if (step === undefined || step === binding || isCaptured(step) || writes(loop, step, scopes)) return undefined;
  // It is read before the loop's first turn: so it must have a value there, as a parameter has, or what the beginning is made of.
  const parts = declarator?.['init'] as AnyNode;
  if (step.kind !== 'param' && ![parts['left'], parts['right']].some((part) => part !== undefined && scopes.references.get(unwrap(part as AnyNode)) === step)) return undefined;
  return { name: binding.name, by: step.name, isNumber: false };
}

/** A number or what an operator makes of one: never an object. */
function isPrimitive(node: AnyNode | null | undefined): boolean {
  if (node === null || node === undefined) return false;
  const inner = unwrap(node);
  return (inner.type === 'Literal' && typeof inner['value'] === 'number') || (inner.type === 'BinaryExpression' && /^(?:[-+*/%&|^]|\*\*|<<|>>>?)$/.test(String(inner['operator']))) || (inner.type === 'UnaryExpression' && /^[-+~]$/.test(String(inner['operator'])));
}

/** Whether something in the loop assigns to a variable that no closure shares. */
function writes(loop: AnyNode, binding: Binding, scopes: Scopes): boolean {
  let does = false;
  walk(loop, (node) => {
    const target = (node.type === 'AssignmentExpression' || node.type === 'ForInStatement' || node.type === 'ForOfStatement' ? node['left'] : node.type === 'UpdateExpression' ? node['argument'] : undefined) as AnyNode | undefined;
    if (target !== undefined) walk(target, (one) => { if (one.type === 'Identifier' && scopes.references.get(one) === binding) does = true; });
  });
  return does;
}

/** The number that the variable is compared with, or that a constant of that name stands for; Infinity where it is not written out. */
function limitOf(loop: AnyNode, scopes: Scopes, values: Values): number {
  const limit = unwrap(unwrap(loop['test'] as AnyNode)['right'] as AnyNode);
  const binding = scopes.references.get(limit);
  const value = (binding === undefined ? limit : values.initOf(binding))?.['value'];
  return typeof value === 'number' ? value : Infinity;
}

/** `i++`, `i += 2`: the one assignment to the variable. */
function counts(update: AnyNode | null, binding: Binding, scopes: Scopes): boolean {
  if (update === null) return false;
  const target = (node: unknown): boolean => scopes.references.get(node as AnyNode) === binding;
  if (update.type === 'UpdateExpression') return update['operator'] === '++' && target(update['argument']);
  const by = (update['right'] as AnyNode | undefined)?.['value'];
  return update.type === 'AssignmentExpression' && update['operator'] === '+=' && target(update['left']) && typeof by === 'number' && by > 0;
}

/**
 * What stands around the body of `for (L of E)` for an array: before the left side, and after the body. A strip ends with the array as it is when the strip
 * begins, so its turns ask for one bound, as the engine's own do; an array that has become shorter meanwhile gives undefined, and only then is it asked.
 */
export function listTexts({ count: c, turns: k, done: d, end: e, iterator: i, ...names }: LoopNames): { readonly open: string; readonly next: string; readonly condition: string; readonly close: string } {
  const [list, at, strip, value] = [`${i}a`, `${i}k`, `${i}s`, `${i}v`];
  return {
    open: `if(${i}.list!==void 0){const ${list}=${i}.list;let ${at}=0;for(;;){const ${d}=${at},${strip}=${at}+(${k}>${c}?${k}-${c}:1),${e}=${strip}<${list}.length?${strip}:${list}.length;`,
    condition: `for(;${at}<${e};${at}++){const ${value}=${list}[${at}];if(${value}===void 0&&${at}>=${list}.length)break;`, next: value,
    close: `}${c}+=${at}-${d};if(${at}<${e}||${at}>=${list}.length)break;if(${c}>=${k}){${checkText({ count: c, turns: k, done: d, end: e, iterator: i, ...names })}}}}else `,
  };
}

/** Nothing in it is rewritten, or makes functions. */
function isSimple(body: AnyNode): boolean {
  let is = body.end - body.start < TWICE_MAX;
  walk(body, (node) => { if (LOOPS.has(node.type) || isFunction(node) || /^(?:Class|Await|Yield|TaggedTemplate|Try)/.test(node.type) || node.type === 'ThisExpression' || node.type === 'MetaProperty' || node.type === 'CallExpression' && (unwrap(node['callee'] as AnyNode)).type === 'Identifier' || (node.type === 'Identifier' && node['name'] === 'arguments')) is = false; });
  return is;
}
const TWICE_MAX = 400;

/** No loop, no call, no wait. */
function isLeaf(body: AnyNode): boolean {
  let is = true;
  walk(body, ({ type }) => { if (LOOPS.has(type) || /^(?:Call|New|Await|TaggedTemplate|Yield)/.test(type)) is = false; });
  return is;
}

/** A `continue` of the loop itself: its turn would not be counted. */
function continues(loop: AnyNode): boolean {
  const pending: { node: AnyNode; isNested: boolean }[] = [{ node: loop['body'] as AnyNode, isNested: false }];
  for (let entry = pending.pop(); entry !== undefined; entry = pending.pop()) {
    const { node } = entry;
    if (isFunction(node)) continue;
    if (node.type === 'ContinueStatement' && (node['label'] !== null || !entry.isNested)) return true;
    const isNested = entry.isNested || LOOPS.has(node.type);
    forEachChild(node, (inner) => { pending.push({ node: inner, isNested }); });
  }
  return false;
}

/** `for (const x of x)`: the names of the head are not yet there. */
function mentions(expression: AnyNode, head: AnyNode): boolean {
  const names = new Set<unknown>();
  walk(head, (node) => { if (node.type === 'Identifier') names.add(node['name']); });
  let does = false;
  walk(expression, (node) => { if (node.type === 'Identifier' && names.has(node['name'])) does = true; });
  return does;
}
