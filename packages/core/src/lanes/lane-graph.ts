/** Lanes as `pool.graph()` shows them. */
import { LONG_MS } from '@capriccio/worker';
import type { GraphData } from '../graph.ts';
import { shortNameOf } from '../serve/short-requests.ts';
import type { RootLaneStats } from './back-lanes.ts';

/** The blocking graph with the lanes of its roots: workers decide those, and not the conductor, whose report the rest is. */
export function withLanes(graph: GraphData, roots: readonly RootLaneStats[]): GraphData {
  if (roots.length === 0) return graph;
  const names = new Set(graph.roots.map(({ name }) => name));
  const laneOf = new Map(roots.map(({ name, ...lane }) => [name, lane]));
  return {
    ...graph,
    roots: graph.roots.map((root) => { const lane = laneOf.get(root.name); return lane === undefined ? root : { ...root, lane }; }),
    decisions: [...graph.decisions, ...roots.flatMap((root) => { const why = explainLane(root, names.has(shortNameOf(root.name))); return why === undefined ? [] : [{ what: 'lane' as const, about: root.name, why }]; })],
  };
}

/** @returns undefined: it is in front, as everything is that nobody has judged otherwise */
function explainLane({ lane, by, long, keptBy }: RootLaneStats, hasShort: boolean): string | undefined {
  if (by === 'pinned') return 'takes long, and stays in front: its requests cannot be moved';
  if (by === 'hand') return `on ${lane} lanes: somebody has said so`;
  if (lane === 'front') return undefined;
  const where = `goes to back lanes: it takes long (${long} of its last eight segments took more than ${LONG_MS} ms)${hasShort ? '; requests whose URL took little lately stay in front' : ''}`;
  return keptBy.length === 0 ? where : `${where}; in front on ${keptBy.length === 1 ? 'worker' : 'workers'} ${keptBy.toSorted((a, b) => a - b).join(', ')}, where hardly a request is short and lanes would protect nobody`;
}
