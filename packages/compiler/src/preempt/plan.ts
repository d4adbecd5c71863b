/**
 * Where threads may be preempted: in which loops, and which synchronous functions get a twin for it, so that they run on frames of the heap when a
 * thread calls them. By mark (marks.ts), where the author answers for it, or by proof (proof.ts), where nobody can tell. Anywhere else code runs to completion.
 */
import { isFunction, type AnyNode } from '../parse.ts';
import type { CallGraph } from '../stacks/call-graph.ts';
import { forEachChild } from '../nodes.ts';
import type { Binding, FunctionInfo, References, Scopes } from '../stacks/scopes.ts';
import { LOOPS, formOf, type LoopPlan, type Rule } from './loops.ts';
import { unwrap, walk, type Marks, type Values } from './marks.ts';
import { Checker, Touches } from './checker.ts';
import { Proof } from './proof.ts';
import { PURE_METHODS } from './pure-builtins.ts';
import { surroundingsOf } from './segments.ts';

/** A synchronous function that has a twin. */
export interface PlainTwin {
  readonly info: FunctionInfo;
  readonly isMarked: boolean;
  /** Parameters that must be primitive where it was proved. */
  readonly needs: readonly string[];
  /** It calls itself, by way of others perhaps: it asks at its beginning too. */
  readonly isRecursive: boolean;
  /** Calls nested deeper than so many twins are made natively, until they prove long. */
  readonly nativeFrom: number;
  /** 'beside': a declaration, and its twin beside it. 'around': an expression, given to the runtime with its twin. */
  readonly place: 'beside' | 'around';
}

/** For people: `capriccio analyze` prints it. */
export interface PreemptionReport {
  readonly name: string;
  /** From 1. */
  readonly line: number;
  readonly what: 'loop' | 'function' | 'call';
  readonly by?: 'mark' | 'proof';
  /** Why a thread is not preempted there. */
  readonly reason?: string;
}

export interface PreemptionPlan {
  /** Loops of async functions and of functions with twins. */
  readonly loops: ReadonlyMap<AnyNode, LoopPlan>;
  readonly twins: ReadonlyMap<AnyNode, PlainTwin>;
  /** Calls of functions that may have twins, in code that may be preempted. */
  readonly calls: ReadonlyMap<AnyNode, Rule>;
  readonly reports: readonly PreemptionReport[];
}

/** Levels of a recursion that run on frames of the heap at first, when it is marked or proved. */
const RECURSION_LEVELS = 8;

/** @param lineOf  line in the source of an offset */
export function planPreemption(program: AnyNode, graph: CallGraph, lineOf: (offset: number) => number): PreemptionPlan {
  return new Planner(program, graph, lineOf).plan();
}

class Planner {
  readonly loops = new Map<AnyNode, LoopPlan>();
  readonly twins = new Map<AnyNode, PlainTwin>();
  readonly calls = new Map<AnyNode, Rule>();
  readonly reports: PreemptionReport[] = [];
  readonly #marks: Marks;
  readonly #program: AnyNode;
  readonly #graph: CallGraph;
  readonly #values: Values;
  readonly #lineOf: (offset: number) => number;
  #proof: Proof | undefined;

  constructor(program: AnyNode, graph: CallGraph, lineOf: (offset: number) => number) {
    this.#program = program;
    this.#graph = graph;
    this.#lineOf = lineOf;
    this.#values = graph.values;
    this.#marks = graph.marks;
  }

  plan(): PreemptionPlan {
    const { functions } = this.#graph;
    const insides = insidesOf(this.#graph.scopes);
    const found = functions.map((info) => ({ info, inside: insides[info.index] as Inside }));
    const plain = found.filter(({ info }) => isPlain(info));
    const seen = new Set<FunctionInfo>();
    for (let count = -1; count < seen.size;) {                              // who calls one that has a twin needs one too
      count = seen.size;
      for (const { info, inside } of plain) if (!seen.has(info) && this.#hasWork(info, inside)) { seen.add(info); this.#planPlain(info); }
    }
    for (const { info, inside } of found) {
      if (isPlain(info)) this.#planTwin(info, inside);
      else if (info.node['generator'] !== true) this.#planAsync(info, inside);
    }
    this.#reportBlocking();
    return this;
  }

  /** Calls of functions that are said to block the core: no thread is preempted in them, and an activation takes over. */
  #reportBlocking(): void {
    for (const { node, caller } of this.#graph.flow.sites) {
      const callee = node['callee'] as AnyNode | undefined;
      const binding = callee === undefined ? undefined : this.#graph.scopes.references.get(unwrap(callee));
      if (binding !== undefined && this.#marks.blocking.has(binding)) this.reports.push({ name: caller?.name ?? '<top level>', line: this.#lineOf(node.start), what: 'call', reason: `${binding.name} may block the core` });
    }
  }

  /** Made when it is first needed: most files have nothing to prove. */
  get proof(): Proof { return this.#proof ??= new Proof(this.#graph.scopes, this.#values); }
  /** It may run long, by itself or by what it calls. */
  #hasWork(info: FunctionInfo, { loops, calls }: Inside): boolean {
    return loops.length > 0 || this.#isRecursive(info) || calls.some((call) => this.#calledTwin(call, this.#isMarked(info)) !== undefined);
  }
  #isMarked(info: FunctionInfo): boolean { return this.#marks.isModulePreemptible || this.#marks.preemptible.has(info); }
  #isRecursive({ index }: FunctionInfo): boolean { return this.#graph.isCyclic(index) && this.#graph.edges[index]?.some((to) => to !== this.#graph.outside && this.#graph.component[to] === this.#graph.component[index]) === true; }
  #report(info: FunctionInfo, node: AnyNode, what: 'loop' | 'function', rest: { by?: 'mark' | 'proof'; reason?: string }): void {
    this.reports.push({ name: info.name, line: this.#lineOf(node.start), what, ...rest });
  }

  /* ---- synchronous functions ---- */

  #planPlain(info: FunctionInfo): void {
    const isMarked = this.#isMarked(info);
    const isExplicit = this.#marks.preemptible.has(info);
    const place = placeOf(info, isExplicit, this.#values, this.#graph.scopes.references, this.#program);
    const obstacle = place === undefined ? 'it is no function of the top level with a name of its own' : this.#whyNoTwin(info);
    if (obstacle !== undefined) { this.#report(info, info.node, 'function', { reason: obstacle }); return; }
    const isRecursive = this.#isRecursive(info);
    const base = { info, isRecursive, nativeFrom: isRecursive ? RECURSION_LEVELS : isExplicit ? 1 : 0, place: place as PlainTwin['place'] };
    if (isMarked) { this.twins.set(info.node, { ...base, isMarked, needs: [] }); this.#report(info, info.node, 'function', { by: 'mark' }); return; }
    const sight = refutedBySight(info.node['body'] as AnyNode, info, this.#graph.scopes.references);
    if (sight !== undefined) { this.#report(info, info.node, 'function', { reason: sight }); return; }
    const { reason, needs } = this.proof.summaryOf(info);
    if (reason !== undefined) { this.#report(info, info.node, 'function', { reason }); return; }
    const params = info.node['params'] as AnyNode[];
    this.twins.set(info.node, { ...base, isMarked, needs: [...needs].map((k) => String(params[k]?.['name'])) });
    this.#report(info, info.node, 'function', { by: 'proof' });
  }

  #whyNoTwin(info: FunctionInfo): string | undefined {
    const { node } = info;
    if (info.usesDynamicScope) return 'it uses eval or with';
    if (info.usesNewTarget || info.usesSuper || info.usesCallee) return 'it uses new.target, super or arguments.callee';
    if (node.type === 'ArrowFunctionExpression' && (info.usesThis || info.usesArguments)) return 'an arrow that uses this or arguments of the function around it';
    if (node.type === 'FunctionExpression' && node['id'] !== null) return 'a function expression with a name of its own';
    return this.#graph.scopes.names.has('yield') ? 'the file uses yield as a name' : undefined;
  }

  /** What becomes of the inside of a function with a twin. */
  #planTwin(info: FunctionInfo, { loops, calls }: Inside): void {
    const twin = this.twins.get(info.node);
    if (twin === undefined) return;
    const rule: Rule = { isMarked: twin.isMarked, needs: twin.needs };
    this.#setLoops(loops, () => rule);
    for (const call of calls) if (this.#mayHaveTwin(call, twin.isMarked)) this.calls.set(call, rule);
  }

  /** A call of a name that stands for a function with a twin; in marked code, of an imported one also. */
  #mayHaveTwin(call: AnyNode, isMarked: boolean): boolean {
    return (isMarked && this.#calledName(call)?.kind === 'import') || this.#calledTwin(call, isMarked) !== undefined;
  }
  #calledName(call: AnyNode): Binding | undefined {
    const callee = unwrap(call['callee'] as AnyNode);
    const isSimple = callee.type === 'Identifier' && call['optional'] !== true && (call['arguments'] as AnyNode[]).every(({ type }) => type !== 'SpreadElement');
    return isSimple ? this.#graph.scopes.references.get(callee) : undefined;
  }
  #calledTwin(call: AnyNode, isMarked: boolean): PlainTwin | undefined {
    const binding = this.#calledName(call);
    const info = binding === undefined ? undefined : this.#values.functionOf(binding);
    const twin = info === undefined ? undefined : this.twins.get(info.node);
    return isMarked || twin?.isMarked === false ? twin : undefined;
  }

  #setLoops(loops: readonly Own[], ruleOf: (loop: AnyNode) => Rule | undefined): void {
    const rules = new Map<AnyNode, Rule | undefined>(loops.map(({ node }) => [node, ruleOf(node)]));
    for (const { node, outer } of loops) {
      const rule = rules.get(node);
      if (rule === undefined) continue;
      const form = formOf(node, outer !== undefined && rules.get(outer) !== undefined, this.#graph.scopes, this.#values, ({ isCaptured }) => isCaptured);
      if (form !== undefined) this.loops.set(node, { ...form, rule });
    }
  }

  /* ---- asynchronous functions ---- */

  #planAsync(info: FunctionInfo, { loops, calls, awaited }: Inside): void {
    if (this.#isMarked(info)) {
      const rule: Rule = { isMarked: true, needs: [] };
      this.#setLoops(loops, () => rule);
      for (const call of calls) if (!awaited.has(call) && this.#mayHaveTwin(call, true)) this.calls.set(call, rule);
      for (const { node } of loops) if (this.loops.has(node)) this.#report(info, node, 'loop', { by: 'mark' });
      return;
    }
    if (info.usesDynamicScope) { for (const { node } of loops) this.#report(info, node, 'loop', { reason: 'it uses eval or with' }); return; }
    const rules = new Map<AnyNode, Rule>();
    for (const { node } of loops) {
      const { rule, reason } = this.#ruleOf(node, info);
      if (rule !== undefined) rules.set(node, rule);
      this.#report(info, node, 'loop', rule === undefined ? { reason: reason as string } : { by: 'proof' });
    }
    this.#setLoops(loops, (loop) => rules.get(loop));
    for (const call of calls) {
      if (awaited.has(call) || !this.#mayHaveTwin(call, false)) continue;
      const { rule } = this.#ruleOf(statementAround(call), info);
      if (rule !== undefined) this.calls.set(call, rule);
    }
  }

  /** Whether a thread may be preempted in a statement of an async function. */
  #ruleOf(statement: AnyNode, info: FunctionInfo): { rule?: Rule; reason?: string } {
    const { references } = this.#graph.scopes;
    const sight = refutedBySight(statement, info, references);
    if (sight !== undefined) return { reason: sight };
    const { proof } = this;
    const isOwn = (id: AnyNode): boolean => { const binding = references.get(id); return id.type === 'Identifier' && binding !== undefined && binding.owner === info && !binding.isCaptured; };
    const body = info.node['body'] as AnyNode;
    if (body.type !== 'BlockStatement') return { reason: 'its body is an expression' };
    const surroundings = surroundingsOf(statement, body, isOwn);
    const visible = (binding: Binding): boolean => isVisible(binding, statement, info, references);
    const attempt = (nodes: readonly AnyNode[]): { rule?: Rule; reason?: string } => {
      const checker = new Checker(proof.types, info, visible);
      try {
        for (const node of [statement, ...nodes]) if (/(?:Statement|Declaration)$/.test(node.type)) checker.statement(node); else checker.any(node);
      } catch (error) {
        if (!(error instanceof Touches)) throw error;
        return { reason: error.message };
      }
      const needs = [...checker.needs].map(({ name }) => name);
      return needs.some((name) => declares(statement, name)) ? { reason: 'a name stands for two variables' } : { rule: { isMarked: false, needs } };
    };
    const later = attempt(surroundings.after);
    if (later.rule !== undefined || !surroundings.beginsWithAwait) return later;
    const earlier = attempt(surroundings.before);
    return earlier.rule === undefined ? later : earlier;
  }
}

/** What needs no proof to be refuted: nearly all of what programs do. @returns why */
function refutedBySight(root: AnyNode, info: FunctionInfo, references: References): string | undefined {
  const pending = [root];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (isFunction(node)) continue;
    if (NEVER.test(node.type)) return node.type === 'ThisExpression' ? 'it uses this' : `it holds a ${node.type}`;
    if (node.type === 'MemberExpression') {
      const object = unwrap(node['object'] as AnyNode);
      const binding = object.type === 'Identifier' ? references.get(object) : undefined;
      if (binding !== undefined && (binding.kind === 'param' || binding.kind === 'import' || binding.owner !== info) && !isMethodOfPrimitive(node)) return `it uses a property of ${binding.name}`;
    }
    forEachChild(node, (inner) => { pending.push(inner); });
  }
  return undefined;
}
const NEVER = /^(?:ThisExpression|Super|ClassExpression|ClassDeclaration|TaggedTemplateExpression|SpreadElement|ForInStatement|ChainExpression|YieldExpression|ImportExpression|MetaProperty|WithStatement)$/;
/** `text.charCodeAt`: text may be a parameter. */
const isMethodOfPrimitive = (member: AnyNode): boolean => member['computed'] !== true && PURE_METHODS.has((member['property'] as AnyNode)['name'] as string);

const isPlain = ({ node }: FunctionInfo): boolean => node['async'] !== true && node['generator'] !== true;

/** Where a function's twin can stand. */
function placeOf(info: FunctionInfo, isExplicit: boolean, values: Values, references: References, program: AnyNode): PlainTwin['place'] | undefined {
  const { node, form } = info;
  if (form === 'declaration') {
    const binding = node['id'] === null ? undefined : references.get(node['id'] as AnyNode);
    return info.parent === undefined && !info.isBare && binding !== undefined && values.functionOf(binding) === info && isAtTop(node, program) ? 'beside' : undefined;
  }
  return (form === 'arrow' || form === 'expression') && (isExplicit || isTopConstant(node, program)) ? 'around' : undefined;
}

/** A statement of the program itself, exported perhaps. */
const isAtTop = (node: AnyNode, program: AnyNode): boolean => (program['body'] as AnyNode[]).some((one) => one === node || one['declaration'] === node);

/** `const f = () => …` at the top level. */
const isTopConstant = (node: AnyNode, program: AnyNode): boolean => (program['body'] as AnyNode[]).some((one) => {
  const declaration = (one['declaration'] ?? one) as AnyNode | null;
  return declaration?.type === 'VariableDeclaration' && declaration['kind'] === 'const' && (declaration['declarations'] as AnyNode[]).some((declarator) => declarator['init'] === node);
});

interface Own { readonly node: AnyNode; /** The loop around it. */ readonly outer: AnyNode | undefined }
interface Inside { readonly loops: Own[]; /** Of what a name stands for. */ readonly calls: AnyNode[]; readonly awaited: Set<AnyNode> }

/** Loops and calls of each function's own body. */
function insidesOf({ functions, order }: Scopes): Inside[] {
  const insides = functions.map((): Inside => ({ loops: [], calls: [], awaited: new Set() }));
  for (const node of order.nodes) {
    const { type } = node;
    const isLoop = LOOPS.has(type) && node['await'] !== true;
    if (!isLoop && type !== 'AwaitExpression' && (type !== 'CallExpression' || unwrap(node['callee'] as AnyNode).binding === undefined)) continue;
    const place = placeIn(node);
    if (place === undefined) continue;
    const { loops, calls, awaited } = insides[place.index] as Inside;
    if (isLoop) loops.push({ node, outer: place.outer });
    else if (type === 'CallExpression') calls.push(node);
    else awaited.add(unwrap(node['argument'] as AnyNode));
  }
  for (const { loops } of insides) if (loops.length > 1) loops.sort((a, b) => a.node.start - b.node.start);
  return insides;
}

/** The function in whose body a node is, and the loop around it; undefined in parameters, in what a class evaluates, and at the top level. */
function placeIn(node: AnyNode): { index: number; outer: AnyNode | undefined } | undefined {
  let outer: AnyNode | undefined;
  for (let at = node, up = node.up; up !== undefined; at = up, up = up.up) {
    if (up.info !== undefined) return up['body'] === at ? { index: up.info.index, outer } : undefined;
    if (up.type === 'ClassBody') return undefined;
    if (outer === undefined && LOOPS.has(up.type) && up['await'] !== true) outer = up;
  }
  return undefined;
}

function statementAround(node: AnyNode): AnyNode {
  let at = node;
  while (!/(?:Statement|VariableDeclaration)$/.test(at.type)) at = at.up as AnyNode;
  return (at.up as AnyNode).type.startsWith('For') && at.type === 'VariableDeclaration' ? at.up as AnyNode : at;
}

/** The variable has its one value before the statement begins, and can be named there. */
function isVisible(binding: Binding, statement: AnyNode, info: FunctionInfo, references: References): boolean {
  if (binding.owner !== info || binding.writes > 0) return false;
  if (binding.kind === 'param') return true;
  if (binding.kind !== 'const' && binding.kind !== 'let') return false;
  for (let child = statement, parent = child.up; parent !== undefined && child !== info.node; child = parent, parent = parent.up) {
    if (parent.type !== 'BlockStatement') continue;
    for (const one of parent['body'] as AnyNode[]) {
      if (one.end > statement.start) break;
      if (one.type === 'VariableDeclaration' && (one['declarations'] as AnyNode[]).some((declarator) => references.get(declarator['id'] as AnyNode) === binding)) return true;
    }
  }
  return false;
}

/** The head of a loop, or a block in it, declares that name. */
function declares(statement: AnyNode, name: string): boolean {
  let does = false;
  walk(statement, (node) => { if (node.type === 'VariableDeclarator' && (node['id'] as AnyNode)['name'] === name) does = true; });
  return does;
}
