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
 * Targets of the back edges that a depth-first search meets: with a checkpoint at each, no cycle is left without one. Nodes in `cut` have one already.
 * Source: von Behren et al., Capriccio, SOSP 2003, section 3.2.
 */
export function backTargets(nodes: readonly number[], edges: Edges, cut: ReadonlySet<number>): Set<number> {
  const state = new Uint8Array(edges.length);                            // of members alone: others are never gone to
  for (const node of nodes) state[node] = NEW;
  for (const node of cut) state[node] = 0;
  const targets = new Set<number>();
  const path: number[] = [];
  const next: number[] = [];
  for (const root of nodes) {
    if (state[root] !== NEW) continue;
    path.push(root); next.push(0);
    state[root] = OPEN;
    while (path.length > 0) {
      const top = path.length - 1;
      const node = path[top] as number;
      const to = edges[node]?.[(next[top] as number)++];
      if (to === undefined) { state[node] = DONE; path.pop(); next.pop(); continue; }
      if (state[to] === OPEN) targets.add(to);
      else if (state[to] === NEW) { state[to] = OPEN; path.push(to); next.push(0); }
    }
  }
  return targets;
}
const [NEW, OPEN, DONE] = [1, 2, 3] as const;

/** Bytes on the longest path from each node over edges that stay clear of `cut`, the node's own included. Infinity where a cycle is left. */
export function longestPaths(edges: Edges, weights: readonly number[], cut: ReadonlySet<number>): { bytes: number[]; next: (number | undefined)[] } {
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
      open[node] = 0; path.pop(); edge.pop();
    }
  }
  return { bytes, next };
}
