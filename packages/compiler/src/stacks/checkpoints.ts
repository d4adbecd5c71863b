/**
 * Where checks stand, and which functions get twins. As in the paper: every cycle has a check, at the target of a back edge of a depth-first search, and so has
 * every path of more than `stackBound` bytes. Beyond it, every function of a cycle that is called by value has one, because its check is also how a
 * twin finds its frame (stack-runtime.ts, `call`); a declared function that is called by name needs none. So an inner function of a cycle, called by
 * name and not the target of a back edge, is as it was, but for a twin beside it.
 * Source: von Behren, Condit, Zhou, Necula and Brewer, Capriccio: Scalable Threads for Internet Services, SOSP 2003, section 3.
 */
import { isNode, type AnyNode } from '../parse.ts';
import { forEachChild } from '../nodes.ts';
import { leadsOutside, type CallGraph } from './call-graph.ts';
import { backTargets, components, longestPaths } from './cycles.ts';
import type { CallSite } from './flow.ts';
import type { LinkedCall, LinkedFunction, Names, StackPlan } from './plan.ts';
import { namesOfPattern, type FunctionInfo, type Scopes } from './scopes.ts';

export const STACK_BOUND_BYTES = 16_384;
/** Twins hold their inner functions' twins: each level doubles the text. */
const NESTED_TWINS_MAX = 2;

export type Why = 'target of a back edge' | 'called from outside' | 'called by value in its cycle' | 'more than stackBound bytes below';

export interface Placement {
  readonly plan: StackPlan;
  readonly why: ReadonlyMap<FunctionInfo, Why>;
  /** Functions of cycles that stay native. */
  readonly left: ReadonlyMap<FunctionInfo, string>;
}

export interface PlaceOptions { readonly file: string; readonly lineOf: (offset: number) => number; readonly isScript: boolean; readonly stackBound: number; readonly everything?: boolean; readonly isAhead?: boolean; readonly refused: ReadonlyMap<FunctionInfo, string> }

export function placeCheckpoints(graph: CallGraph, { file, lineOf, isScript, stackBound, everything = false, isAhead = false, refused }: PlaceOptions): Placement {
  const { functions, scopes } = graph;
  const cyclic = everything ? functions : functions.filter(({ index }) => graph.isCyclic(index));
  const left = new Map<FunctionInfo, string>();
  if (cyclic.length === 0) return { plan: { isAhead, names: namesFor(scopes), functions: new Map(), calls: new Map() }, why: new Map(), left };
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
  breakCycles(graph, cyclic, linkable, why);
  boundPaths(graph, linkable, why, stackBound);
  const weights = weightsOf(graph, linkable, why);
  const selfNamed = new Set([...linkable].filter((info) => info.form === 'expression' && usesOwnName(info, scopes)));
  const planned = new Map<AnyNode, LinkedFunction>();
  for (const info of linkable) {
    planned.set(info.node, {
      info, twin: siblings.get(info), weight: why.has(info) ? weights.get(info) as number : undefined,
      isLowered: isLowered(info), selfName: selfNamed.has(info) ? String((info.node['id'] as AnyNode)['name']) : undefined,
      label: `${info.name} (${file}:${lineOf(info.node.start)})`,
    });
  }
  return { plan: { isAhead, names, functions: planned, calls }, why, left };
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

function breakCycles(graph: CallGraph, cyclic: readonly FunctionInfo[], linkable: ReadonlySet<FunctionInfo>, why: Map<FunctionInfo, Why>): void {
  const nodes = cyclic.map(({ index }) => index);
  for (let round = 0; round < 8; round++) {
    const targets = backTargets(nodes, graph.inner, cutOf(why));
    let isDone = true;
    for (const target of targets) {
      const info = graph.functions[target] as FunctionInfo;
      // Where the target cannot have a check, whoever calls it has one.
      for (const chosen of linkable.has(info) ? [info] : cyclic.filter((one) => linkable.has(one) && graph.edges[one.index]?.includes(target))) if (!why.has(chosen)) { why.set(chosen, 'target of a back edge'); isDone = linkable.has(info) && isDone; }
    }
    if (isDone) return;
  }
}

/** Functions that have checks. */
function cutOf(why: ReadonlyMap<FunctionInfo, Why>): Set<number> {
  const cut = new Set<number>();
  for (const { index } of why.keys()) cut.add(index);
  return cut;
}

/** A function of a cycle from which more than `stackBound` bytes lead on without a check gets one. */
function boundPaths(graph: CallGraph, linkable: ReadonlySet<FunctionInfo>, why: Map<FunctionInfo, Why>, stackBound: number): void {
  for (;;) {
    const { bytes } = longestPaths(graph.inner, graph.weights, cutOf(why));
    const over = [...linkable].filter((info) => !why.has(info) && (bytes[info.index] as number) > stackBound).toSorted((a, b) => (bytes[a.index] as number) - (bytes[b.index] as number))[0];
    if (over === undefined) return;
    why.set(over, 'more than stackBound bytes below');
  }
}

/** What a check takes off: its function's frame, and those of the longest path from it to the next checks. */
function weightsOf(graph: CallGraph, linkable: ReadonlySet<FunctionInfo>, why: ReadonlyMap<FunctionInfo, Why>): Map<FunctionInfo, number> {
  const inner = graph.inner.map((to, from) => (to.every((node) => graph.component[node] === graph.component[from]) ? to : to.filter((node) => graph.component[node] === graph.component[from])));
  const { bytes } = longestPaths(inner, graph.weights, cutOf(why));
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
