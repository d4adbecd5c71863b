/**
 * The conductor's mind: from what all workers show to what they shall do. A pure function of a snapshot and of what it remembers, so the product and the
 * simulator run the same. It composes: forecasts of edges, windows of downstream nodes, drain rates of roots, marks of resources, tickets. A late or dead
 * conductor harms little: what it last said stays in force.
 * Next: snapshot.ts for the nouns, graph-part.ts for who reads the tables and calls this.
 */
import { NOTHING, blend, momentsOf, type Moments } from '@capriccio/worker';
import { drain, noDrain, perMsOf, type Drain } from './drain-rates.ts';
import { describe } from './explain.ts';
import { growthToEnd, nextGrowth, observe, visitsOf, waysOut, type Edges, type Ways } from './forecast.ts';
import { presenceOf, rebalance, smoothed, type Share } from './rebalance.ts';
import { since, type NodePlan, type NodeReading, type Plan, type Resource, type ResourceReading, type RootPlan, type RootReading, type Snapshot } from './snapshot.ts';
import { calm, watch, type ThrashState } from './thrash.ts';
import { nodeTickets, type Pressure } from './tickets.ts';
import { READING_MIN, READING_MS_MAX, climb, firstWindow, type WindowState } from './windows.ts';

interface RootState { readonly drained: Drain; readonly ownMs: Moments; readonly factor: number; readonly usedMs: readonly number[]; readonly presence: readonly number[]; readonly read: RootReading }
/** `from` is what the present reading of the window began with. */
interface NodeState { readonly climbing: WindowState; readonly isGated: boolean; readonly isSound: boolean; readonly ratePerMs: number; readonly waitMs: number; readonly tickets: number; readonly from: NodeReading; readonly fromMs: number }

export interface ConductorState {
  readonly atMs: number;
  readonly edges: Edges;
  readonly roots: ReadonlyMap<string, RootState>;
  readonly nodes: ReadonlyMap<number, NodeState>;
  readonly thrash: ReadonlyMap<Resource, ThrashState>;
  /** Of each node, the one with a window to which most of its threads go. */
  readonly leads: ReadonlyMap<number, number>;
}

/** @param atMs  when the first period begins */
export const firstState = (atMs: number): ConductorState => ({ atMs, edges: new Map(), roots: new Map(), nodes: new Map(), thrash: new Map(), leads: new Map() });

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
  const roots = advanceRoots(snapshot, state, periodMs, rules);
  const leads = leadsOf(ways, nodes, state.leads);
  const next: ConductorState = { atMs: snapshot.atMs, edges, roots, nodes, thrash, leads };
  const plan = {
    nodes: new Map(snapshot.nodes.map(({ node }) => [node, planNode(nodes.get(node) as NodeState, leads.get(node), snapshot.workers, node, growths)])),
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

/** Waits that are shorter than this are no use of a service, ms. */
const WAIT_MS_MIN = 0.1;
/** Threads at a node from which on it has a window. */
export const CROWD = 8;
/** How long a first guess holds where hardly any come back, ms. */
const GUESS_MS = 250;
/** Part of the threads there that come back in that time: fewer is hardly any. */
const HARDLY = 1 / 16;
/** Threads that come back in a sound reading. */
const SOUND_MIN = 4;
/** Of more than were guessed none has come back for so long, ms: nothing is to be saved there. */
const DEAD_MS = 2000;
/** Part of the threads of a node that must go on to another for them to be held where they are, for its sake; and go on doing so. */
const LEADING = 0.5;
const STILL_LEADING = 0.25;
/** A thread more goes when none has come back for so many times a mean wait, and for so long at least, ms. */
const STALL_WAITS = 4;
const STALL_MS_MIN = 100;

/**
 * A node has a window from when more than a few are there at a time. At first that is a guess, which holds until a reading was sound: half as many came back
 * as were there, so throughput says something. Where hardly any come back it is twice as large in no time, for there they wait for what comes when it comes (a subscription, a long poll), and no throughput is lost by more.
 */
function advanceNode(read: NodeReading, old: NodeState | undefined, { atMs }: Snapshot, rules: DecideRules, pressures: (node: number) => Pressure[]): NodeState {
  const tickets = rules.hasTickets ? nodeTickets(old?.tickets ?? 1, pressures(read.node)) : 1;
  if (old === undefined || read.done < old.from.done) return { climbing: firstWindow, isGated: false, isSound: false, ratePerMs: 0, waitMs: 0, tickets, from: read, fromMs: atMs };
  const ms = atMs - old.fromMs;
  if (!read.isDownstream || !rules.hasWindows || ms <= 0) return { ...old, tickets };
  const done = read.done - old.from.done;
  const concurrency = positive((read.areaMs - old.from.areaMs) / ms);
  const isGated = old.isGated || (read.inUse >= CROWD && concurrency * ms >= WAIT_MS_MIN * done);
  const { window } = old.climbing;
  const isIdle = !old.isSound && (concurrency <= window * 1.2 ? ms >= GUESS_MS && done < concurrency * HARDLY : ms >= DEAD_MS && done === 0);
  if (!isIdle && done < READING_MIN && (ms < READING_MS_MAX || (!old.isSound && done === 0))) return { ...old, isGated, tickets };
  const isSound = old.isSound || (done >= SOUND_MIN && done >= concurrency / 2);
  const news = { ...old, isGated, isSound, tickets, from: read, fromMs: atMs };
  const waited = read.waits > old.from.waits;
  if (isIdle) return { ...news, climbing: waited ? { ...old.climbing, window: 2 * Math.max(window, concurrency) } : old.climbing };
  if (done === 0) return news;                                            // it is dead, or nobody goes there: no throughput to climb by
  const perMs = done / ms;
  return { ...news, ratePerMs: perMs, waitMs: concurrency / perMs, climbing: isGated ? climb(old.climbing, { atMs, perMs, concurrency, isSaturated: waited }) : old.climbing };
}

function leadsOf(ways: Ways, nodes: ReadonlyMap<number, NodeState>, before: ReadonlyMap<number, number>): ReadonlyMap<number, number> {
  const leads = new Map<number, number>();
  for (const [node, out] of ways) {
    const next = out.find(({ edge: { to }, share }) => share >= (before.get(node) === to ? STILL_LEADING : LEADING) && nodes.get(to)?.isGated === true);
    if (next !== undefined) leads.set(node, next.edge.to);
  }
  return leads;
}

function planNode({ climbing, isGated, waitMs, tickets }: NodeState, leadsTo: number | undefined, workers: number, node: number, growths: ReadonlyMap<Resource, ReadonlyMap<number, Moments>>): NodePlan {
  const growth: Partial<Record<Resource, Moments>> = {};
  for (const [resource, byNode] of growths) growth[resource] = byNode.get(node) ?? NOTHING;
  return { tickets, window: isGated ? climbing.window : undefined, stallMs: Math.max(STALL_MS_MIN, STALL_WAITS * waitMs) * workers, leadsTo, growth };
}

// ---- roots ----

function advanceRoots({ roots }: Snapshot, state: ConductorState, periodMs: number, { hasTickets }: DecideRules): ReadonlyMap<string, RootState> {
  const shares = roots.map((read) => {
    const before = state.roots.get(read.name);
    const usedMs = read.usedMs.map((ms, worker) => smoothed(before?.usedMs[worker] ?? 0, positive(ms - (before?.read.usedMs[worker] ?? ms)), periodMs));
    const presence = read.isRunnable.map((isRunnable, worker) => presenceOf(before?.presence[worker] ?? 0, isRunnable, periodMs));
    return { tickets: read.tickets, presence, usedMs };
  });
  const factors = hasTickets ? rebalance(roots.map(({ name }) => state.roots.get(name)?.factor ?? 1), shares) : roots.map(() => 1);
  return new Map(roots.map((read, k) => {
    const old = state.roots.get(read.name);
    const started = read.started - (old?.read.started ?? read.started);     // what was before the first look was in no period of ours
    const fresh = since(read.ownMs, old?.read.ownMs);
    const ownMs = blend(old?.ownMs ?? NOTHING, momentsOf(fresh.count, fresh.sum, fresh.squares), fresh.count, OWN_WEIGHT);
    const used = read.usedMs.reduce((sum, ms) => sum + positive(ms), 0);
    const fairPerMs = used > 0 ? read.usedMs.length * read.tickets / competing(roots, read) * read.started / used : 0;
    const drained = drain(old?.drained ?? noDrain, { count: started, ms: periodMs, isBacklogged: read.queued > 0 && (old?.read.queued ?? 0) > 0, fairPerMs });
    return [read.name, { drained, ownMs: fade(ownMs, read, fresh.count), factor: factors[k] as number, usedMs: (shares[k] as Share).usedMs, presence: (shares[k] as Share).presence, read }];
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
    const { drained, ownMs, factor } = roots.get(name) as RootState;
    const gates = gated.map(({ node, ratePerMs, visits }) => ({ node, ratePerMs, visits: visits.get(start) ?? 0 })).filter(({ visits }) => visits > 0.01);
    const growth: Partial<Record<Resource, Moments>> = {};
    for (const [resource, byNode] of growths) growth[resource] = byNode.get(start) ?? NOTHING;
    return [name, { drainPerMs: perMsOf(drained), ownMs, gates, growth, tickets: tickets * factor }];
  }));
}

/** How often the conductor looks, ms: a young one more often, for it knows nothing yet and what begins meanwhile begins unforeseen. */
const PERIOD_MS = 50;
const PERIOD_MS_YOUNG = 5;
const YOUNG_MS = 500;

/** @param ageMs  since it began */
export const periodMsAt = (ageMs: number): number => (isYoungAt(ageMs) ? PERIOD_MS_YOUNG : PERIOD_MS);
/** It looks at everything each time, however quiet it is. */
export const isYoungAt = (ageMs: number): boolean => ageMs < YOUNG_MS;
