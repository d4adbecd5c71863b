/**
 * The weighted call graph of one file: nodes are its functions, each with the bytes of its frame, and one node more, OUTSIDE, for all code that is not
 * in the file. Edges are calls. An unresolved call leads OUTSIDE, and from there an edge leads to every function that has been given away.
 * Next: checkpoints.ts places checks on it; application.ts joins the graphs of a program's files.
 */
import type { Program } from 'acorn';
import type { AnyNode, SourceKind } from '../parse.ts';
import { marksOf, unwrap, valuesOf, type Marks, type Values } from '../preempt/marks.ts';
import { components } from './cycles.ts';
import { flowOf, type CallSite, type Flow } from './flow.ts';
import { scopesOf, type FunctionInfo, type Scopes } from './scopes.ts';
import { betweenBytes, frameBytes } from './weights.ts';

export interface CallGraph {
  readonly scopes: Scopes;
  readonly flow: Flow;
  readonly functions: readonly FunctionInfo[];
  readonly values: Values;
  /** What the program says of functions by `annotate`. */
  readonly marks: Marks;
  /** Number of the node for what is not in the file. */
  readonly outside: number;
  readonly edges: readonly (readonly number[])[];
  /** Made when they are asked for. Bytes of each function's frame, and of what V8 puts between it and its callers; 0 for OUTSIDE. */
  readonly weights: readonly number[];
  /** Of each node, its strongly connected component. */
  readonly component: readonly number[];
  /** Calls of what is annotated with what it takes of the stack: bytes. */
  readonly bounded: ReadonlyMap<CallSite, number>;
  /** Whether a node can come back to itself. */
  readonly isCyclic: (node: number) => boolean;
}

/** @param code  what `program` was parsed from. Throws RangeError on a tree that nests deeper than the native stack. */
export function callGraphOf(program: Program, code: string, kind: SourceKind): CallGraph {
  const scopes = scopesOf(program, kind === 'module');
  const flow = flowOf(program as unknown as AnyNode, scopes);
  const values = valuesOf(program as unknown as AnyNode, scopes);
  const marks = marksOf(program as unknown as AnyNode, code, scopes, values);
  const bounded = boundedCalls(flow, scopes, marks);
  const { functions } = scopes;
  const outside = functions.length;
  const edges: Set<number>[] = Array.from({ length: outside + 1 }, () => new Set<number>());
  for (const site of flow.sites) {
    if (site.caller === undefined) continue;
    const from = edges[site.caller.index] as Set<number>;
    for (const callee of site.callees) from.add(callee.index);
    if (leadsOutside(site) && !bounded.has(site)) from.add(outside);
  }
  for (const info of flow.escaping) (edges[outside] as Set<number>).add(info.index);
  const lists = edges.map((set) => [...set]);
  const component = components(lists);
  const sizes = new Map<number, number>();
  for (const one of component) sizes.set(one, (sizes.get(one) ?? 0) + 1);
  const between = new Array<number>(outside).fill(0);
  for (const site of flow.sites) for (const { index } of site.callees) between[index] = Math.max(between[index] as number, betweenBytes(site));
  const called = new Array<number>(outside).fill(0);
  for (const [{ caller }, bytes] of bounded) if (caller !== undefined) called[caller.index] = Math.max(called[caller.index] as number, bytes);
  let weights: number[] | undefined;
  return {
    scopes, flow, values, marks, functions, outside, edges: lists, component, bounded,
    get weights() { return weights ??= [...functions.map(({ node, index }) => frameBytes(node) + (between[index] as number) + (called[index] as number)), 0]; },
    isCyclic: (node) => (sizes.get(component[node] as number) ?? 0) > 1 || (edges[node] as Set<number>).has(node),
  };
}

/** Calls of functions of elsewhere that are annotated with what they take of the native stack: they call back nothing, and their bytes are their callers'. */
function boundedCalls(flow: Flow, scopes: Scopes, { stackBounds }: Marks): Map<CallSite, number> {
  const bounds = new Map<CallSite, number>();
  if (stackBounds.size === 0) return bounds;
  for (const site of flow.sites) {
    const callee = site.node['callee'] as AnyNode | undefined;
    const binding = callee === undefined ? undefined : scopes.references.get(unwrap(callee));
    const bytes = binding === undefined ? undefined : stackBounds.get(binding);
    if (bytes !== undefined) bounds.set(site, bytes);
  }
  return bounds;
}

/** A package calls back only what it is given with the call, and that is known. */
export function leadsOutside({ isUnknown, imported }: CallSite): boolean {
  return isUnknown && (imported === undefined || /^[./]/.test(imported.from));
}
