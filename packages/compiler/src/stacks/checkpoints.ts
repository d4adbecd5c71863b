/**
 * Where checks stand, and which functions get twins. As in the paper: every cycle has a check that counts bytes, and so has every path of more than
 * `stackBound` bytes. Beyond it, every function of a cycle that is called by value has one that only reads, because its check is also how a twin finds its
 * frame (stack-runtime.ts, `call`); a declared function that is called by name needs none. Counting is a write to one word for all, and the next check
 * waits for it: in a parser whose every method counted, a quarter of its time. Reading is next to nothing.
 * Source: von Behren, Condit, Zhou, Necula and Brewer, Capriccio: Scalable Threads for Internet Services, SOSP 2003, section 3.
 */
import { isNode, type AnyNode } from '../parse.ts';
import { forEachChild } from '../nodes.ts';
import { leadsOutside, type CallGraph } from './call-graph.ts';
import { components, feedbackNodes, longestPaths } from './cycles.ts';
import type { CallSite } from './flow.ts';
import type { LinkedCall, LinkedFunction, Names, StackPlan } from './plan.ts';
import { namesOfPattern, type FunctionInfo, type Scopes } from './scopes.ts';

export const STACK_BOUND_BYTES = 16_384;
/** Twins hold their inner functions' twins: each level doubles the text. */
const NESTED_TWINS_MAX = 2;

export type Why = 'breaks a cycle' | 'called from outside' | 'calls what is outside' | 'called by value in its cycle' | 'more than stackBound bytes below';

export interface Placement {
  readonly plan: StackPlan;
  /** Of those with a check. */
  readonly why: ReadonlyMap<FunctionInfo, Why>;
  /** Those whose check counts bytes. */
  readonly counted: ReadonlySet<FunctionInfo>;
  /** Functions of cycles that stay native. */
  readonly left: ReadonlyMap<FunctionInfo, string>;
}

export interface PlaceOptions { readonly file: string; readonly lineOf: (offset: number) => number; readonly isScript: boolean; readonly stackBound: number; readonly everything?: boolean; readonly isAhead?: boolean; readonly refused: ReadonlyMap<FunctionInfo, string> }

export function placeCheckpoints(graph: CallGraph, { file, lineOf, isScript, stackBound, everything = false, isAhead = false, refused }: PlaceOptions): Placement {
  const { functions, scopes } = graph;
  const cyclic = everything ? functions : functions.filter(({ index }) => graph.isCyclic(index));
  const left = new Map<FunctionInfo, string>();
  if (cyclic.length === 0) return { plan: { isAhead, names: namesFor(scopes), functions: new Map(), calls: new Map() }, why: new Map(), counted: new Set(), left };
  const linkable = new Set<FunctionInfo>();
  const wrappers = everything ? new Set<FunctionInfo>() : wrappersOf(graph, cyclic);
  for (const info of cyclic) {
    const reason = refused.get(info) ?? whyNative(info, scopes) ?? (wrappers.has(info) ? 'it holds functions of cycles, and only code outside could call it again' : undefined) ?? (nestingOf(info, linkable) >= NESTED_TWINS_MAX ? `inside of ${NESTED_TWINS_MAX} others that have twins` : undefined);
    if (reason === undefined) linkable.add(info); else left.set(info, reason);
  }
  const names = namesFor(scopes);
  const siblings = siblingsOf(linkable, scopes, isScript, names);
  const why = new Map<FunctionInfo, Why>();
  for (const info of linkable) if (everything || graph.flow.escaping.has(info) && graph.component[info.index] === graph.component[graph.outside]) why.set(info, 'called from outside');
  const calls = linkedCalls(graph, linkable, siblings, why, everything);
  const counted = everything ? new Set([...linkable].filter(({ index }) => index % 2 === 0)) : countedOf(graph, cyclic, linkable, why, stackBound);
  const weights = weightsOf(graph, linkable, counted);
  const selfNamed = new Set([...linkable].filter((info) => info.form === 'expression' && usesOwnName(info, scopes)));
  const planned = new Map<AnyNode, LinkedFunction>();
  for (const info of linkable) {
    planned.set(info.node, {
      info, twin: siblings.get(info), weight: counted.has(info) ? weights.get(info) as number : why.has(info) ? 0 : undefined,
      isLowered: isLowered(info), selfName: selfNamed.has(info) ? String((info.node['id'] as AnyNode)['name']) : undefined,
      label: `${info.name} (${file}:${lineOf(info.node.start)})`,
    });
  }
  return { plan: { isAhead, names, functions: planned, calls }, why, counted, left };
}

/** Functions around the functions of cycles that are on none themselves, unless code outside calls them again: what bundlers put around modules. */
function wrappersOf(graph: CallGraph, cyclic: readonly FunctionInfo[]): Set<FunctionInfo> {
  const inner = graph.inner.map((to, from) => (from === graph.outside ? [] : to));
  const component = components(inner);
  const sizes = new Map<number, number>();
  for (const one of component) sizes.set(one, (sizes.get(one) ?? 0) + 1);
  const wrappers = new Set<FunctionInfo>();
  for (const info of cyclic) {
    for (let outer = info.parent; outer !== undefined; outer = outer.parent) if (sizes.get(component[outer.index] as number) === 1 && inner[outer.index]?.includes(outer.index) !== true) wrappers.add(outer);
  }
  return wrappers;
}

/** Why a function cannot have a twin. */
function whyNative(info: FunctionInfo, scopes: Scopes): string | undefined {
  const { node } = info;
  if (node['async'] === true) return node['generator'] === true ? 'an async generator' : 'an async function: compiled as a thread instead';
  if (node['generator'] === true) return 'a generator: each of its levels is resumed by the one above';
  if (info.form === 'constructor' && info.isDerived) return 'the constructor of a derived class: it has no this before super()';
  if (info.callsSuper) return 'it calls super()';
  if (info.usesDynamicScope) return 'it uses eval or with';
  if (info.usesNewTarget) return 'it uses new.target';
  if (info.form === 'arrow' && info.usesArguments) return 'an arrow that uses the arguments of the function around it';
  if (info.usesCallee) return 'it uses arguments.callee';
  const own = info.form === 'expression' && isNode(node['id']) ? scopes.references.get(node['id']) : undefined;
  if (own !== undefined && own.writes > 0) return 'it assigns to its own name';
  if (scopes.names.has('yield')) return 'the file uses yield as a name';
  return isLowered(info) ? whyNotLowered(info) : undefined;
}

function some(root: AnyNode, test: (node: AnyNode) => boolean): boolean {
  const pending = [root];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (test(node)) return true;
    forEachChild(node, (inner) => { pending.push(inner); });
  }
  return false;
}

/** Whether binding the parameters may run code, so that it has to come after the check. */
function isLowered({ node }: FunctionInfo): boolean {
  return (node['params'] as AnyNode[]).some((param) => {
    if (param.type === 'Identifier') return false;
    if (param.type === 'RestElement') return (param['argument'] as AnyNode).type !== 'Identifier';
    return param.type !== 'AssignmentPattern' || (param['left'] as AnyNode).type !== 'Identifier' || !isInert(param['right'] as AnyNode);
  });
}

function isInert(node: AnyNode): boolean {
  if (node.type === 'Literal') return true;
  if (node.type === 'Identifier') return node['name'] === 'undefined';
  if (node.type === 'UnaryExpression') return /^(?:[-+!]|void)$/.test(String(node['operator'])) && (node['argument'] as AnyNode).type === 'Literal';
  return (node.type === 'ArrayExpression' && (node['elements'] as unknown[]).length === 0) || (node.type === 'ObjectExpression' && (node['properties'] as unknown[]).length === 0);
}

/** In the body, parameters share one scope with what the body declares: names must not meet. */
function whyNotLowered({ node, bodyNames }: FunctionInfo): string | undefined {
  const params = node['params'] as AnyNode[];
  if (params.flatMap(namesOfPattern).some((name) => bodyNames.has(String(name['name'])))) return 'its body declares a parameter again';
  if (params.some((param) => some(param, (at) => at.type === 'Identifier' && bodyNames.has(String(at['name']))))) return 'a default of a parameter uses a name that the body declares as well';
  return undefined;
}

function nestingOf(info: FunctionInfo, linkable: ReadonlySet<FunctionInfo>): number {
  let count = 0;
  for (let outer = info.parent; outer !== undefined; outer = outer.parent) if (linkable.has(outer)) count += 1;
  return count;
}

/** Declared functions whose twins can be declared beside them and called by name: nothing else ever has that name. */
function siblingsOf(linkable: ReadonlySet<FunctionInfo>, scopes: Scopes, isScript: boolean, { temporary }: Names): Map<FunctionInfo, string> {
  const siblings = new Map<FunctionInfo, string>();
  if (scopes.functions.some(({ usesDynamicScope }) => usesDynamicScope)) return siblings;
  for (const info of linkable) {
    const id = info.node['id'];
    if (info.form !== 'declaration' || info.isBare || !isNode(id) || (isScript && info.parent === undefined)) continue;
    const binding = scopes.references.get(id);
    if (binding?.kind === 'function' && binding.writes === 0 && binding.functions.length === 1) siblings.set(info, `${temporary}t${info.index}`);
  }
  return siblings;
}

/** Calls that stay in their cycle. Those by value give their callees a check. */
function linkedCalls(graph: CallGraph, linkable: ReadonlySet<FunctionInfo>, siblings: ReadonlyMap<FunctionInfo, string>, why: Map<FunctionInfo, Why>, everything: boolean): Map<AnyNode, LinkedCall> {
  const calls = new Map<AnyNode, LinkedCall>();
  for (const site of graph.flow.sites) {
    const { caller } = site;
    if (caller === undefined || !linkable.has(caller)) continue;
    const inside = [...site.callees].filter((callee) => graph.component[callee.index] === graph.component[caller.index]);
    const isOutside = leadsOutside(site) && !graph.bounded.has(site) && graph.component[graph.outside] === graph.component[caller.index];
    if (inside.length === 0 && !isOutside && !everything) continue;
    const direct = directCallee(site, graph.scopes);
    if (direct !== undefined && siblings.has(direct)) { calls.set(site.node, { to: 'twin', callee: direct }); continue; }
    calls.set(site.node, { to: site.form === 'getter' ? 'getter' : 'value' });
    for (const callee of inside) if (linkable.has(callee) && !why.has(callee)) why.set(callee, 'called by value in its cycle');
  }
  return calls;
}

/** `f(…)` where f is the name of a declared function. */
function directCallee({ node, form }: CallSite, scopes: Scopes): FunctionInfo | undefined {
  const callee = node['callee'];
  if (form !== 'call' || !isNode(callee) || callee.type !== 'Identifier' || node['optional'] === true) return undefined;
  const binding = scopes.references.get(callee);
  return binding?.functions.length === 1 ? binding.functions[0] : undefined;
}

/**
 * Functions whose checks count. Those that are needed for nothing else say so in `why`. Cycles through what is outside go in by a function that is called
 * from there, and out by one that calls it: the fewer of the two count.
 */
function countedOf(graph: CallGraph, cyclic: readonly FunctionInfo[], linkable: ReadonlySet<FunctionInfo>, why: Map<FunctionInfo, Why>, stackBound: number): Set<FunctionInfo> {
  const counted = new Set<FunctionInfo>();
  const count = (info: FunctionInfo, reason: Why): void => { counted.add(info); if (!why.has(info) || reason !== 'called from outside') why.set(info, reason); };
  const around = cyclic.filter(({ index }) => graph.component[index] === graph.component[graph.outside]);
  const leaving = leavingOf(graph, around, linkable);
  const entered = around.filter((info) => linkable.has(info) && graph.flow.escaping.has(info));
  for (const info of leaving.size < entered.length ? leaving : entered) count(info, leaving.size < entered.length ? 'calls what is outside' : 'called from outside');

  const { inner } = graph;
  const indexes = (): Set<number> => new Set([...counted].map(({ index }) => index));
  for (const node of feedbackNodes(cyclic.map(({ index }) => index), inner, indexes(), (one) => linkable.has(graph.functions[one] as FunctionInfo))) count(graph.functions[node] as FunctionInfo, 'breaks a cycle');
  longestPaths(inner, graph.weights, indexes(), (node, bytes) => {
    const info = graph.functions[node];
    if (info === undefined || bytes <= stackBound || !linkable.has(info) || counted.has(info)) return false;
    count(info, 'more than stackBound bytes below');
    return true;
  });
  return counted;
}

/** Functions that call what is outside; in the place of one that cannot have a check, those that call it. */
function leavingOf(graph: CallGraph, around: readonly FunctionInfo[], linkable: ReadonlySet<FunctionInfo>): Set<FunctionInfo> {
  const callers = new Map<number, FunctionInfo[]>();
  const leaving = new Set<FunctionInfo>();
  for (const info of around) {
    for (const to of graph.edges[info.index] ?? []) {
      if (to === graph.outside) leaving.add(info);
      const known = callers.get(to);
      if (known === undefined) callers.set(to, [info]); else known.push(info);
    }
  }
  for (const info of leaving) if (!linkable.has(info)) for (const caller of callers.get(info.index) ?? []) leaving.add(caller);   // grows as it is gone through
  return new Set([...leaving].filter((info) => linkable.has(info)));
}

/** What a check takes off: its function's frame, and those of the longest path from it to the next checks that count. */
function weightsOf(graph: CallGraph, linkable: ReadonlySet<FunctionInfo>, counted: ReadonlySet<FunctionInfo>): Map<FunctionInfo, number> {
  const inner = graph.inner.map((to, from) => (to.every((node) => graph.component[node] === graph.component[from]) ? to : to.filter((node) => graph.component[node] === graph.component[from])));
  const { bytes } = longestPaths(inner, graph.weights, new Set([...counted].map(({ index }) => index)));
  const weights = new Map<FunctionInfo, number>();
  for (const info of linkable) {
    const path = bytes[info.index] as number;
    weights.set(info, Number.isFinite(path) ? path : 4 * (graph.weights[info.index] as number));
  }
  return weights;
}

function usesOwnName({ node }: FunctionInfo, scopes: Scopes): boolean {
  const id = node['id'];
  const own = isNode(id) ? scopes.references.get(id) : undefined;
  return some(node, (at) => at !== id && at.type === 'Identifier' && own !== undefined && scopes.references.get(at) === own);
}

/** Names that the file does not use. */
function namesFor(scopes: Scopes): Names {
  let prefix = '$k';
  while ([...scopes.names].some((name) => name.startsWith(prefix))) prefix += 'k';
  return { stack: `${prefix}S`, credit: `${prefix}C`, temporary: prefix };
}
