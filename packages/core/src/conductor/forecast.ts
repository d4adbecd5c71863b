/**
 * What a thread will do, from what threads have done: the blocking graph as a Markov chain. Each edge has a share of its node's passages and moments of
 * what it takes; from these follow, for any node, what is taken from there to the end, and how often a node is met on the way. A root begins at a node of its
 * own, so the same holds for threads that have not begun. Pure.
 *
 * Source: the node and edge weights of Capriccio (von Behren et al., SOSP 2003, section 4), with variance, since a limit is kept by more than a mean.
 */
import { NOTHING, blend, momentsOf, type Moments } from '@capriccio/worker';
import { RESOURCES, since, type EdgeReading, type Resource, type Sums } from './snapshot.ts';

/** Weight of one passage in an edge's moments: looks back over some fifty, for what is rare and large must not be forgotten in between. */
const WEIGHT = 0.02;
/** Weight of a period in the share of an edge. */
const SHARE_WEIGHT = 0.2;
/** Sweeps over the graph: a chain of so many edges is followed to its end, a circle for so many turns. */
const SWEEPS = 24;

interface EdgeState {
  readonly from: number;
  readonly to: number;
  /** Passages a period, smoothed: against those of the other edges of its node they are its share. */
  readonly passages: number;
  readonly timeMs: Moments;
  readonly growth: Readonly<Partial<Record<Resource, Moments>>>;
  /** What was read last: the next reading's difference is to this. */
  readonly read: EdgeReading;
}

/** Edges by 'from>to'. */
export type Edges = ReadonlyMap<string, EdgeState>;

const keyOf = ({ from, to }: { from: number; to: number }): string => `${from}>${to}`;
const freshOf = (now: Sums | undefined, before: Sums | undefined): { count: number; moments: Moments } => {
  if (now === undefined) return { count: 0, moments: NOTHING };
  const { count, sum, squares } = since(now, before);
  return { count, moments: momentsOf(count, sum, squares) };
};

/** Takes a reading in. Edges that are no longer read are forgotten. */
export function observe(edges: Edges, readings: readonly EdgeReading[]): Edges {
  return new Map(readings.map((read) => {
    const key = keyOf(read);
    const old = edges.get(key);
    const count = old === undefined || read.count < old.read.count ? read.count : read.count - old.read.count;
    const time = freshOf(read.timeMs, old?.read.timeMs);
    const growth: Partial<Record<Resource, Moments>> = {};
    for (const resource of RESOURCES) {
      const fresh = freshOf(read.growth[resource], old?.read.growth[resource]);
      const before = old?.growth[resource] ?? (fresh.count > 0 ? fresh.moments : undefined);
      if (before !== undefined) growth[resource] = blend(before, fresh.moments, fresh.count, WEIGHT);
    }
    const passages = old === undefined ? count : old.passages + (count - old.passages) * SHARE_WEIGHT;
    return [key, { from: read.from, to: read.to, passages, timeMs: blend(old?.timeMs ?? time.moments, time.moments, time.count, WEIGHT), growth, read }];
  }));
}

interface Passage { readonly edge: EdgeState; readonly share: number }
/** Ways out of each node, with their shares. */
export type Ways = ReadonlyMap<number, readonly Passage[]>;

export function waysOut(edges: Edges): Ways {
  const byNode = new Map<number, EdgeState[]>();
  for (const edge of edges.values()) byNode.set(edge.from, [...byNode.get(edge.from) ?? [], edge]);
  return new Map([...byNode].map(([node, out]) => {
    const sum = out.reduce((total, { passages }) => total + passages, 0);
    return [node, sum > 0 ? out.map((edge) => ({ edge, share: edge.passages / sum })) : []];
  }));
}

/** What the next edge from each node takes. Who gives back takes nothing: there is no telling when. */
export function nextGrowth(ways: Ways, resource: Resource): ReadonlyMap<number, Moments> {
  return new Map([...ways].map(([node, out]) => [node, mix(out.map(({ edge, share }) => ({ share, moments: taken(edge.growth[resource]) })))]));
}

/** What is taken from each node to the end of a thread. */
export function growthToEnd(ways: Ways, resource: Resource): ReadonlyMap<number, Moments> {
  let known: ReadonlyMap<number, Moments> = new Map();
  if (![...ways.values()].flat().some(({ edge }) => (edge.growth[resource]?.mean ?? 0) > 0)) return known;
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const before = known;
    known = new Map([...ways].map(([node, out]) => [node, mix(out.map(({ edge, share }) => {
      const [here, beyond] = [taken(edge.growth[resource]), before.get(edge.to) ?? NOTHING];
      return { share, moments: { mean: here.mean + beyond.mean, variance: here.variance + beyond.variance } };
    }))]));
  }
  return known;
}

/** How often `target` is met from each node on. */
export function visitsOf(ways: Ways, target: number): ReadonlyMap<number, number> {
  let known: ReadonlyMap<number, number> = new Map();
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const before = known;
    known = new Map([...ways].map(([node, out]) => [node, out.reduce((sum, { edge, share }) => sum + share * ((edge.to === target ? 1 : 0) + (before.get(edge.to) ?? 0)), 0)]));
  }
  return known;
}

const taken = (growth: Moments | undefined): Moments => (growth === undefined || !(growth.mean > 0) ? NOTHING : growth);

/** Moments of one of several, by chance. */
function mix(parts: readonly { share: number; moments: Moments }[]): Moments {
  const mean = parts.reduce((sum, { share, moments }) => sum + share * moments.mean, 0);
  const variance = parts.reduce((sum, { share, moments }) => sum + share * (moments.variance + (moments.mean - mean) ** 2), 0);
  return { mean, variance };
}
