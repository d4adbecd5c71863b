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

/** A class, as everything here with a property that is made when it is asked for: a getter of an object literal keeps the object alive after its time. */
export class CallGraph {
  readonly scopes: Scopes;
  readonly flow: Flow;
  readonly functions: readonly FunctionInfo[];
  readonly values: Values;
  /** What the program says of functions by `annotate`. */
  readonly marks: Marks;
  /** Number of the node for what is not in the file. */
  readonly outside: number;
  readonly edges: readonly (readonly number[])[];
  /** Of each node, its strongly connected component. */
  readonly component: readonly number[];
  /** Calls of what is annotated with what it takes of the stack: bytes. */
  readonly bounded: ReadonlyMap<CallSite, number>;
  /** Edges between functions of the file. */
  readonly inner: readonly (readonly number[])[];
  readonly #sizes: readonly number[];
  #weights: readonly number[] | undefined;

  /** @param code  what `program` was parsed from. Throws RangeError on a tree that nests deeper than the native stack. */
  constructor(program: Program, code: string, kind: SourceKind) {
    const tree = program as unknown as AnyNode;
    this.scopes = scopesOf(program, kind === 'module');
    this.flow = flowOf(tree, this.scopes);
    this.values = valuesOf(this.scopes);
    this.marks = marksOf(tree, code, this.scopes, this.values);
    this.bounded = boundedCalls(this.flow, this.scopes, this.marks);
    this.functions = this.scopes.functions;
    this.outside = this.functions.length;
    this.edges = this.#edgesOf();
    this.inner = this.edges.map((to) => (to.includes(this.outside) ? to.filter((node) => node !== this.outside) : to));
    this.component = components(this.edges);
    const sizes = new Array<number>(this.edges.length).fill(0);
    for (const one of this.component) sizes[one] = (sizes[one] as number) + 1;
    this.#sizes = sizes;
  }

  #edgesOf(): number[][] {
    const { bounded, flow, outside } = this;
    const edges: Set<number>[] = Array.from({ length: outside + 1 }, () => new Set<number>());
    for (const site of flow.sites) {
      if (site.caller === undefined) continue;
      const from = edges[site.caller.index] as Set<number>;
      for (const callee of site.callees) from.add(callee.index);
      if (leadsOutside(site) && !bounded.has(site)) from.add(outside);
    }
    for (const info of flow.escaping) (edges[outside] as Set<number>).add(info.index);
    return edges.map((set) => [...set]);
  }

  /** Bytes of each function's frame, and of what V8 puts between it and its callers; 0 for OUTSIDE. */
  get weights(): readonly number[] { return this.#weights ??= this.#weigh(); }
  #weigh(): number[] {
    const between = new Array<number>(this.outside).fill(0);
    for (const site of this.flow.sites) for (const { index } of site.callees) between[index] = Math.max(between[index] as number, betweenBytes(site));
    const called = new Array<number>(this.outside).fill(0);
    for (const [{ caller }, bytes] of this.bounded) if (caller !== undefined) called[caller.index] = Math.max(called[caller.index] as number, bytes);
    return [...frameBytes(this.scopes).map((bytes, index) => bytes + (between[index] as number) + (called[index] as number)), 0];
  }

  /** Whether a node can come back to itself. */
  isCyclic(node: number): boolean { return (this.#sizes[this.component[node] as number] as number) > 1 || (this.edges[node] as readonly number[]).includes(node); }
}

export const callGraphOf = (program: Program, code: string, kind: SourceKind): CallGraph => new CallGraph(program, code, kind);

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
