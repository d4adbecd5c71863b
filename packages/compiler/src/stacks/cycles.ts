/** Cycles of a directed graph, and longest paths between. Nodes are numbers from 0. All of it on stacks of its own: graphs are deeper than JavaScript's. */

export type Edges = readonly (readonly number[])[];

/**
 * Strongly connected components.
 * @returns for each node the number of its component; a component's number is higher than those it leads to
 * Source: Tarjan, Depth-First Search and Linear Graph Algorithms, SIAM J. Comput. 1(2), 1972.
 */
export function components(edges: Edges): number[] {
  const index = new Array<number>(edges.length).fill(-1);
  const low = new Array<number>(edges.length).fill(0);
  const component = new Array<number>(edges.length).fill(-1);
  const open: number[] = [];
  let next = 0;
  let made = 0;
  for (let root = 0; root < edges.length; root++) {
    if (index[root] !== -1) continue;
    const path: { node: number; edge: number }[] = [{ node: root, edge: 0 }];
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const { node } = top;
      if (top.edge === 0) { index[node] = low[node] = next++; open.push(node); }
      const to = edges[node]?.[top.edge++];
      if (to !== undefined) {
        if (index[to] === -1) path.push({ node: to, edge: 0 });
        else if (component[to] === -1) low[node] = Math.min(low[node] as number, index[to] as number);
        continue;
      }
      if (low[node] === index[node]) {
        for (let member = open.pop(); member !== undefined; member = open.pop()) { component[member] = made; if (member === node) break; }
        made += 1;
      }
      path.pop();
      const below = path.at(-1);
      if (below !== undefined) low[below.node] = Math.min(low[below.node] as number, low[node] as number);
    }
  }
  return component;
}

/**
 * Nodes such that every cycle of `edges` has one, or goes through `cut` already, or through none that may be taken: few, and few of those that many
 * others call, which run more often. Of each component that has a cycle, again and again, the node is taken that has most of both, nodes before and
 * behind it in the component; what turns out not to have been needed is given back. The paper takes the targets of back edges, which are more, and
 * depend on where the search begins (von Behren et al., Capriccio, SOSP 2003, section 3.2).
 * Source: for the greedy choice, Demetrescu and Finocchi, Combinatorial algorithms for feedback problems in directed graphs, IPL 86(3), 2003.
 */
export function feedbackNodes(nodes: readonly number[], edges: Edges, cut: ReadonlySet<number>, may: (node: number) => boolean): Set<number> {
  const taken = new Map<number, number>();                               // with how many call it
  const pending: number[][] = [nodes.filter((node) => !cut.has(node))];
  for (let group = pending.pop(); group !== undefined; group = pending.pop()) {
    for (const part of cyclicParts(group, edges)) {
      const found = busiest(part, edges, may);
      if (found.length === 0) continue;
      for (const { node, callers } of found) taken.set(node, callers);
      if (part.length > found.length) pending.push(part.filter((one) => !taken.has(one)));
    }
  }
  const chosen = new Set(taken.keys());
  const members = new Set(nodes);
  for (const [node] of [...taken].toSorted(([, a], [, b]) => b - a)) {
    chosen.delete(node);
    if (comesBack(node, edges, (to) => members.has(to) && !cut.has(to) && !chosen.has(to))) chosen.add(node);
  }
  return chosen;
}

/** The strongly connected components of a part of a graph that have a cycle. */
function cyclicParts(group: readonly number[], edges: Edges): number[][] {
  const place = new Map(group.map((node, k) => [node, k]));
  const inner = group.map((node) => { const to: number[] = []; for (const one of edges[node] ?? []) { const at = place.get(one); if (at !== undefined) to.push(at); } return to; });
  const parts = new Map<number, number[]>();
  components(inner).forEach((part, k) => {
    const members = parts.get(part);
    if (members === undefined) parts.set(part, [k]); else members.push(k);
  });
  return [...parts.values()].filter((part) => part.length > 1 || inner[part[0] as number]?.includes(part[0] as number) === true).map((part) => part.map((k) => group[k] as number));
}

/** Of a component larger than this so many are taken at a time: one in so many. */
const LARGE = 256;

/** One node, or more of a large component. */
function busiest(part: readonly number[], edges: Edges, may: (node: number) => boolean): { node: number; callers: number }[] {
  const members = new Set(part);
  const callers = new Map<number, number>();
  const callees = new Map<number, number>();
  for (const node of part) {
    for (const to of edges[node] ?? []) if (members.has(to)) { callers.set(to, (callers.get(to) ?? 0) + 1); callees.set(node, (callees.get(node) ?? 0) + 1); }
  }
  const ranked = part.filter(may).map((node) => ({ node, callers: callers.get(node) ?? 0, least: Math.min(callers.get(node) ?? 0, callees.get(node) ?? 0) }));
  return ranked.toSorted((a, b) => b.least - a.least || a.callers - b.callers).slice(0, Math.ceil(part.length / LARGE));
}

/** Whether a walk from a node, over nodes that may be entered, leads to it again. */
function comesBack(start: number, edges: Edges, may: (node: number) => boolean): boolean {
  const seen = new Set<number>();
  const pending = [start];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    for (const to of edges[node] ?? []) {
      if (to === start) return true;
      if (seen.has(to) || !may(to)) continue;
      seen.add(to);
      pending.push(to);
    }
  }
  return false;
}

/**
 * Bytes on the longest path from each node over edges that stay clear of `cut`, the node's own included. Infinity where a cycle is left.
 * @param asCut  asked of each node from the callees up; one that is to be cut counts for none of its callers
 */
export function longestPaths(edges: Edges, weights: readonly number[], cut: ReadonlySet<number>, asCut: (node: number, bytes: number) => boolean = () => false): { bytes: number[]; next: (number | undefined)[] } {
  const bytes = new Array<number>(edges.length).fill(-1);
  const next = new Array<number | undefined>(edges.length).fill(undefined);
  const open = new Uint8Array(edges.length);
  const isCut = new Uint8Array(edges.length);
  for (const node of cut) isCut[node] = 1;
  const path: number[] = [];
  const edge: number[] = [];
  for (let root = 0; root < edges.length; root++) {
    if (bytes[root] !== -1) continue;
    path.push(root); edge.push(0);
    open[root] = 1;
    while (path.length > 0) {
      const top = path.length - 1;
      const node = path[top] as number;
      const below = edges[node] as readonly number[];
      const to = below[(edge[top] as number)++];
      if (to !== undefined) {
        if (isCut[to] === 1 || bytes[to] !== -1) continue;
        if (open[to] === 1) { bytes[node] = Infinity; continue; }
        open[to] = 1; path.push(to); edge.push(0);
        continue;
      }
      let most = bytes[node] === Infinity ? Infinity : 0;
      for (const reached of below) if (isCut[reached] === 0 && (bytes[reached] ?? -1) > most) { most = bytes[reached] as number; next[node] = reached; }
      bytes[node] = most + (weights[node] as number);
      if (isCut[node] === 0 && asCut(node, bytes[node] as number)) isCut[node] = 1;
      open[node] = 0; path.pop(); edge.pop();
    }
  }
  return { bytes, next };
}
