/** The blocking graph as users see it: plain data, that goes through JSON, and as a drawing. */
import type { Decision, Plan, Snapshot, Sums } from './conductor/snapshot.ts';
import type { RootLaneStats } from './lanes/back-lanes.ts';

/** Mean and standard deviation of what was sampled; `count` of how many. */
export interface Figures { readonly count: number; readonly mean: number; readonly sd: number }

export interface GraphNode {
  readonly id: number;
  /** Compiled code: `file:line function`. Other code: the kind of wait and its root, with the place of the first one seen. */
  readonly name: string;
  /** Expected time from here to the next node, ms. */
  readonly weightMs: number;
  readonly tickets: number;
  /** How many may be there at a time, where more would not come back any faster: all cores together. */
  readonly window?: number;
  /** Where threads wait for what is outside: those that are there, and those that wait before it. */
  readonly inUse?: number;
  readonly waiting?: number;
}
export interface GraphEdge {
  readonly from: number;
  readonly to: number;
  /** Exact. */
  readonly count: number;
  readonly timeMs: Figures;
  /** Change on the way: heap and external memory in bytes, descriptors. */
  readonly heap: Figures;
  readonly external: Figures;
  readonly descriptors: Figures;
}
export interface GraphRoot {
  readonly name: string;
  readonly start: number;
  readonly tickets: number;
  readonly queued: number;
  readonly started: number;
  readonly live: number;
  readonly ownMs: Figures;
  readonly usedMs: number;
  /** What is taken up from its queues, a second. */
  readonly drainPerS: number;
  /** Of those that are, or have been, judged to be long, or that somebody has put into a lane: as `pool.stats().lanes.roots` has it. */
  readonly lane?: Omit<RootLaneStats, 'name'>;
}
/** `heap` (the fullest worker's) and `external` in bytes, `descriptors`, `processors` (cores kept busy), `libuv threads` (that read files, look up names, compute zlib and crypto). */
export interface GraphResource { readonly name: string; readonly used: number; /** Not there: none is known. */ readonly limit?: number; readonly isNearLimit: boolean }
/** A decision in force: a node or root that is held back, preferred, or moved to other lanes, and why. */
export interface GraphDecision { readonly what: Decision['what'] | 'lane'; readonly about: string; readonly why: string }

export interface GraphData {
  /** When the conductor looked, with cores: 0 when it was asked for, ms of `performance.timeOrigin + performance.now()`; 0 when it has not yet. */
  readonly atMs: number;
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  readonly roots: readonly GraphRoot[];
  readonly resources: readonly GraphResource[];
  readonly decisions: readonly GraphDecision[];
  /** What found no row of its own, for the tables are bounded. */
  readonly pooled: { readonly nodes: number; readonly edges: number; readonly roots: number };
}

export const emptyGraph: GraphData = { atMs: 0, nodes: [], edges: [], roots: [], resources: [], decisions: [], pooled: { nodes: 0, edges: 0, roots: 0 } };

/** `pool.graph()`. */
export class BlockingGraph implements GraphData {
  readonly atMs: number;
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  readonly roots: readonly GraphRoot[];
  readonly resources: readonly GraphResource[];
  readonly decisions: readonly GraphDecision[];
  readonly pooled: GraphData['pooled'];

  /** @internal */
  constructor({ atMs, nodes, edges, roots, resources, decisions, pooled }: GraphData) {
    this.atMs = atMs;
    this.nodes = nodes;
    this.edges = edges;
    this.roots = roots;
    this.resources = resources;
    this.decisions = decisions;
    this.pooled = pooled;
  }

  /** The graph in the language of Graphviz: `dot -Tsvg`. */
  toDOT(): string {
    const quote = (text: string): string => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', ' ')}"`;
    const busiest = Math.max(1, ...this.edges.map(({ count }) => count));
    const held = new Set(this.decisions.map(({ about }) => about));
    return [
      'digraph capriccio {', '  rankdir=LR; node [shape=box, fontname="monospace"];',
      ...this.nodes.map(({ id, name, weightMs }) => `  n${id} [label=${quote(`${name}\n${weightMs.toFixed(3)} ms`).replaceAll(' \\n', '\\n')}${held.has(name) ? ', color=red' : ''}];`),
      ...this.edges.map(({ from, to, count, timeMs }) => `  n${from} -> n${to} [label="${count}${timeMs.count > 0 ? `, ${timeMs.mean.toFixed(3)} ms` : ''}", penwidth=${(1 + 4 * count / busiest).toFixed(2)}];`),
      '}', '',
    ].join('\n');
  }
}

const figures = ({ count, sum, squares }: Sums = { count: 0, sum: 0, squares: 0 }): Figures => {
  const mean = count > 0 ? sum / count : 0;
  return { count, mean, sd: count > 0 ? Math.sqrt(Math.max(0, squares / count - mean * mean)) : 0 };
};
const NEAR = 0.8;

/** What a look of the conductor has found and decided. `beside`: what the process uses, and no decision looks at. */
export function describeGraph(snapshot: Snapshot & Pick<GraphData, 'pooled'>, plan: Plan, names: readonly string[], beside: readonly GraphResource[] = []): GraphData {
  const seen = new Set(snapshot.edges.flatMap(({ from, to }) => [from, to]));
  const weights = weightsOf(snapshot);
  return {
    atMs: performance.timeOrigin + performance.now(),
    nodes: snapshot.nodes.filter(({ node }) => seen.has(node)).map(({ node, isDownstream, inUse, waiting }) => {
      const planned = plan.nodes.get(node);
      const window = planned?.window;
      return { id: node, name: names[node] as string, weightMs: weights.get(node) ?? 0, tickets: planned?.tickets ?? 1, ...window === undefined ? {} : { window }, ...isDownstream ? { inUse, waiting } : {} };
    }),
    edges: snapshot.edges.map(({ from, to, count, timeMs, growth }) => ({ from, to, count, timeMs: figures(timeMs), heap: figures(growth.heap), external: figures(growth.external), descriptors: figures(growth.descriptors) })),
    roots: snapshot.roots.map(({ name, start, queued, started, live, ownMs, usedMs, tickets }) => {
      const planned = plan.roots.get(name);
      return { name, start, tickets: planned?.tickets ?? tickets, queued, started, live, ownMs: figures(ownMs), usedMs: usedMs.reduce((sum, ms) => sum + ms, 0), drainPerS: (planned?.drainPerMs ?? 0) * 1000 };
    }),
    resources: [...snapshot.resources.map(({ resource, used, limit }) => ({ name: resource, used, ...Number.isFinite(limit) ? { limit } : {}, isNearLimit: used >= NEAR * limit })), ...beside],
    decisions: plan.decisions.map(({ what, about, why }) => ({ what, about: typeof about === 'number' ? names[about] as string : about, why })),
    pooled: snapshot.pooled,
  };
}

/** Expected time over the edges out of each node, ms. Source: the node weights of Capriccio (SOSP 2003, section 4.1). */
function weightsOf({ edges }: Snapshot): ReadonlyMap<number, number> {
  const sums = new Map<number, { ms: number; passages: number }>();
  for (const { from, count, timeMs } of edges) {
    if (timeMs.count === 0) continue;
    const sum = sums.get(from) ?? { ms: 0, passages: 0 };
    sums.set(from, { ms: sum.ms + count * timeMs.sum / timeMs.count, passages: sum.passages + count });
  }
  return new Map([...sums].map(([node, { ms, passages }]) => [node, passages > 0 ? ms / passages : 0]));
}
