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
  const member = new Set(nodes);
  const state = new Map<number, 'open' | 'done'>();
  const targets = new Set<number>();
  for (const root of nodes) {
    if (state.has(root) || cut.has(root)) continue;
    const path = [{ node: root, edge: 0 }];
    state.set(root, 'open');
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const to = edges[top.node]?.[top.edge++];
      if (to === undefined) { state.set(top.node, 'done'); path.pop(); continue; }
      if (!member.has(to) || cut.has(to)) continue;
      if (state.get(to) === 'open') targets.add(to);
      else if (!state.has(to)) { state.set(to, 'open'); path.push({ node: to, edge: 0 }); }
    }
  }
  return targets;
}

/** Bytes on the longest path from each node over edges that stay clear of `cut`, the node's own included. Infinity where a cycle is left. */
export function longestPaths(edges: Edges, weights: readonly number[], cut: ReadonlySet<number>): { bytes: number[]; next: (number | undefined)[] } {
  const bytes = new Array<number>(edges.length).fill(-1);
  const next = new Array<number | undefined>(edges.length).fill(undefined);
  const open = new Set<number>();
  for (let root = 0; root < edges.length; root++) {
    if (bytes[root] !== -1) continue;
    const path = [{ node: root, edge: 0 }];
    open.add(root);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const to = edges[top.node]?.[top.edge++];
      if (to !== undefined) {
        if (cut.has(to) || bytes[to] !== -1) continue;
        if (open.has(to)) { bytes[top.node] = Infinity; continue; }
        open.add(to); path.push({ node: to, edge: 0 });
        continue;
      }
      const { node } = top;
      let most = bytes[node] === Infinity ? Infinity : 0;
      for (const reached of edges[node] ?? []) if (!cut.has(reached) && (bytes[reached] ?? -1) > most) { most = bytes[reached] as number; next[node] = reached; }
      bytes[node] = most + (weights[node] as number);
      open.delete(node); path.pop();
    }
  }
  return { bytes, next };
}
