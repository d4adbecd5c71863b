/**
 * The conductor's mind: from what all workers show to what they shall do. A pure function of a snapshot and of what it remembers, so the product and the
 * simulator run the same. It composes: forecasts of edges, windows of downstream nodes, drain rates of roots, marks of resources, tickets. A late or dead
 * conductor harms little: what it last said stays in force.
 * Next: snapshot.ts for the nouns, entry.ts for the thread that reads tables and calls this.
 */
import { NOTHING, blend, momentsOf, type Moments } from '@capriccio/worker';
import { drainRate } from './drain-rates.ts';
import { describe } from './explain.ts';
import { growthToEnd, nextGrowth, observe, visitsOf, waysOut, type Edges, type Ways } from './forecast.ts';
import { rebalance } from './rebalance.ts';
import { since, type NodePlan, type NodeReading, type Plan, type Resource, type ResourceReading, type RootPlan, type RootReading, type Snapshot } from './snapshot.ts';
import { calm, watch, type ThrashState } from './thrash.ts';
import { nodeTickets, type Pressure } from './tickets.ts';
import { READING_MIN, READING_MS_MAX, climb, firstWindow, type WindowState } from './windows.ts';

interface RootState { readonly drainPerMs: number; readonly ownMs: Moments; readonly factor: number; readonly read: RootReading }
/** `from` is what the present reading of the window began with. */
interface NodeState { readonly climbing: WindowState; readonly isGated: boolean; readonly ratePerMs: number; readonly tickets: number; readonly from: NodeReading; readonly fromMs: number }

export interface ConductorState {
  readonly atMs: number;
  readonly edges: Edges;
  readonly roots: ReadonlyMap<string, RootState>;
  readonly nodes: ReadonlyMap<number, NodeState>;
  readonly thrash: ReadonlyMap<Resource, ThrashState>;
}

/** @param atMs  when the first period begins */
export const firstState = (atMs: number): ConductorState => ({ atMs, edges: new Map(), roots: new Map(), nodes: new Map(), thrash: new Map() });

/** Weight of one ended thread in a root's own time. */
const OWN_WEIGHT = 0.05;

/** Parts of the policy that the simulator switches off, to show what each is worth. */
export interface DecideRules { readonly hasWindows: boolean; readonly hasTickets: boolean; readonly hasForecasts: boolean }
const allRules: DecideRules = { hasWindows: true, hasTickets: true, hasForecasts: true };

export function decide(snapshot: Snapshot, state: ConductorState, rules: DecideRules = allRules): { plan: Plan; state: ConductorState } {
  const periodMs = snapshot.atMs - state.atMs;
  const edges = observe(state.edges, snapshot.edges);
  const ways = waysOut(edges);
  const limited = snapshot.resources.filter(({ limit }) => Number.isFinite(limit) && limit > 0);
  const thrash = watchResources(snapshot, state, edges, periodMs, limited);
  const growths = new Map(limited.map(({ resource }) => [resource, rules.hasForecasts ? nextGrowth(ways, resource) : new Map<number, Moments>()]));
  const pressures = (node: number): Pressure[] => limited.map(({ resource, used, limit }) => ({ growth: netGrowth(ways, node, resource) / limit, use: used / limit / (thrash.get(resource) ?? calm).mark }));
  const nodes = new Map(snapshot.nodes.map((read) => [read.node, advanceNode(read, state.nodes.get(read.node), snapshot, rules, pressures)]));
  const roots = advanceRoots(snapshot, state, periodMs);
  const next: ConductorState = { atMs: snapshot.atMs, edges, roots, nodes, thrash };
  const plan = {
    nodes: new Map(snapshot.nodes.map(({ node }) => [node, planNode(node, nodes.get(node) as NodeState, growths)])),
    roots: planRoots(snapshot, roots, nodes, ways, rules.hasForecasts ? limited : []),
    marks: new Map([...thrash].map(([resource, { mark }]) => [resource, mark])),
  };
  return { plan: { ...plan, decisions: describe(plan, snapshot, thrash) }, state: next };
}

// ---- resources ----

function watchResources(snapshot: Snapshot, state: ConductorState, edges: Edges, periodMs: number, limited: readonly ResourceReading[]): ReadonlyMap<Resource, ThrashState> {
  const concurrency = snapshot.roots.reduce((sum, { live }) => sum + live, 0);
  const ended = snapshot.roots.reduce((sum, { name, ownMs }) => sum + since(ownMs, state.roots.get(name)?.read.ownMs).count, 0);
  const dispersion = dispersionOf(edges);
  return new Map(limited.map(({ resource, used, limit }) => {
    const before = state.thrash.get(resource) ?? calm;
    return [resource, periodMs > 0 ? watch(before, { concurrency, perMs: ended / periodMs, dispersion, use: used / limit }) : before];
  }));
}

/** Variance of the times of edges over the square of their means, each edge weighing as it is passed. */
function dispersionOf(edges: Edges): number {
  let [sum, passages] = [0, 0];
  for (const { timeMs, passages: count } of edges.values()) {
    if (!(timeMs.mean > 0)) continue;
    sum += count * timeMs.variance / timeMs.mean ** 2;
    passages += count;
  }
  return passages > 0 ? sum / passages : 0;
}

/** What the next edge of a node changes on average, what is given back included. */
const netGrowth = (ways: Ways, node: number, resource: Resource): number =>
  (ways.get(node) ?? []).reduce((sum, { edge, share }) => sum + share * (edge.growth[resource]?.mean ?? 0), 0);

// ---- nodes ----

function advanceNode(read: NodeReading, old: NodeState | undefined, { atMs }: Snapshot, rules: DecideRules, pressures: (node: number) => Pressure[]): NodeState {
  const tickets = rules.hasTickets ? nodeTickets(old?.tickets ?? 1, pressures(read.node)) : 1;
  if (old === undefined || read.done < old.from.done) return { climbing: firstWindow, isGated: read.isDownstream && rules.hasWindows, ratePerMs: 0, tickets, from: read, fromMs: atMs };
  const ms = atMs - old.fromMs;
  const done = read.done - old.from.done;
  if (!old.isGated || ms <= 0 || done === 0 || (done < READING_MIN && ms < READING_MS_MAX)) return { ...old, tickets };
  const perMs = done / ms;
  const climbing = climb(old.climbing, { atMs, perMs, concurrency: (read.areaMs - old.from.areaMs) / ms, isSaturated: read.waits > old.from.waits });
  return { ...old, climbing, ratePerMs: perMs, tickets, from: read, fromMs: atMs };
}

function planNode(node: number, { climbing, isGated, tickets }: NodeState, growths: ReadonlyMap<Resource, ReadonlyMap<number, Moments>>): NodePlan {
  const growth: Partial<Record<Resource, Moments>> = {};
  for (const [resource, byNode] of growths) growth[resource] = byNode.get(node) ?? NOTHING;
  return { tickets, window: isGated ? climbing.window : undefined, growth };
}

// ---- roots ----

function advanceRoots({ roots }: Snapshot, state: ConductorState, periodMs: number): ReadonlyMap<string, RootState> {
  const shares = roots.map((read) => {
    const before = state.roots.get(read.name)?.read;
    return { tickets: read.tickets, isRunnable: read.isRunnable, usedMs: read.usedMs.map((ms, worker) => positive(ms - (before?.usedMs[worker] ?? ms))) };
  });
  const factors = rebalance(roots.map(({ name }) => state.roots.get(name)?.factor ?? 1), shares);
  return new Map(roots.map((read, k) => {
    const old = state.roots.get(read.name);
    const started = read.started - (old?.read.started ?? read.started);     // what was before the first look was in no period of ours
    const fresh = since(read.ownMs, old?.read.ownMs);
    const ownMs = blend(old?.ownMs ?? NOTHING, momentsOf(fresh.count, fresh.sum, fresh.squares), fresh.count, OWN_WEIGHT);
    const used = read.usedMs.reduce((sum, ms) => sum + positive(ms), 0);
    const fairPerMs = used > 0 ? read.usedMs.length * read.tickets / competing(roots, read) * read.started / used : 0;
    const drainPerMs = drainRate(old?.drainPerMs ?? 0, { count: started, ms: periodMs, isBacklogged: read.queued > 0 && (old?.read.queued ?? 0) > 0, fairPerMs });
    return [read.name, { drainPerMs, ownMs: fade(ownMs, read, fresh.count), factor: factors[k] as number, read }];
  }));
}

const positive = (value: number): number => (value > 0 && Number.isFinite(value) ? value : 0);

/** Tickets of a root and of those that have something to run. */
const competing = (roots: readonly RootReading[], one: RootReading): number =>
  roots.reduce((sum, root) => (root === one || root.isRunnable.some(Boolean) ? sum + root.tickets : sum), 0);

/** Where nothing is there and nothing ends, what was known of its time fades: it must not keep out for ever what has become fast. */
const FADING = 0.9;
const fade = (ownMs: Moments, { queued, live }: RootReading, ended: number): Moments =>
  (queued === 0 && live === 0 && ended === 0 ? { mean: ownMs.mean * FADING, variance: ownMs.variance * FADING * FADING } : ownMs);

function planRoots(snapshot: Snapshot, roots: ReadonlyMap<string, RootState>, nodes: ReadonlyMap<number, NodeState>, ways: Ways, limited: readonly ResourceReading[]): ReadonlyMap<string, RootPlan> {
  const gated = [...nodes].filter(([, { isGated }]) => isGated).map(([node, { ratePerMs }]) => ({ node, ratePerMs, visits: visitsOf(ways, node) }));
  const growths = limited.map(({ resource }) => [resource, growthToEnd(ways, resource)] as const);
  return new Map(snapshot.roots.map(({ name, start, tickets }) => {
    const { drainPerMs, ownMs, factor } = roots.get(name) as RootState;
    const gates = gated.map(({ node, ratePerMs, visits }) => ({ node, ratePerMs, visits: visits.get(start) ?? 0 })).filter(({ visits }) => visits > 0.01);
    const growth: Partial<Record<Resource, Moments>> = {};
    for (const [resource, byNode] of growths) growth[resource] = byNode.get(start) ?? NOTHING;
    return [name, { drainPerMs, ownMs, gates, growth, tickets: tickets * factor }];
  }));
}

/** How often the conductor looks, ms: a young one more often, for it knows nothing yet and what begins meanwhile begins unforeseen. */
const PERIOD_MS = 50;
const PERIOD_MS_YOUNG = 5;
const YOUNG_MS = 500;

/** @param ageMs  since it began */
export const periodMsAt = (ageMs: number): number => (ageMs < YOUNG_MS ? PERIOD_MS_YOUNG : PERIOD_MS);
