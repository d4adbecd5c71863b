/**
 * The tables of all workers as one: rows of the same name are added up. Workers number their rows as they meet things; here a name has one number for
 * good. What a worker had counted when it died stays counted. Next: decide.ts.
 */
import { EDGE, NODE, PLAN, PLAN_NODE, PLAN_ROOT, ROOT_ROW, TABLE, planHead, type PlanPage, type TablePage, type TableReader } from '@capriccio/shared';
import { requestRootName } from '../serve/lane-messages.ts';
import { shareWindow } from './share-window.ts';
import type { Sums } from './quiet.ts';
import type { EdgeReading, NodeReading, Plan, Resource, RootReading, Snapshot, Sums as Sampled } from './snapshot.ts';

/** What is the process's: not in any worker's table. */
export interface ProcessReading { readonly externalLimit: number; readonly heapLimit: number; readonly descriptors: number; readonly descriptorsLimit: number }

interface Added { count: number; sum: number; squares: number }
interface EdgeSum { readonly from: number; readonly to: number; count: number; readonly time: Added; readonly growth: Record<Resource, Added> }
interface NodeSum { isDownstream: boolean; done: number; waits: number; waiting: number; inUse: number; areaMs: number }
interface RootSum { readonly name: string; start: number; tickets: number; queued: number; started: number; live: number; readonly own: Added; readonly usedMs: Map<number, number>; readonly runnable: Set<number> }

/** What a back lane runs for a route is that route's: its share is one, wherever it is run. */
const routeOf = (root: string): string => (root.startsWith(HANDED) ? root.slice(HANDED.length) : root);
const HANDED = requestRootName('');

const added = (): Added => ({ count: 0, sum: 0, squares: 0 });
const add = (to: Added, rows: Float64Array, at: number): void => { to.count += rows[at] as number; to.sum += rows[at + 1] as number; to.squares += rows[at + 2] as number; };
const copy = ({ count, sum, squares }: Added): Sampled => ({ count, sum, squares });

class Totals {
  readonly edges: Map<string, EdgeSum> = new Map();
  readonly roots: Map<string, RootSum> = new Map();
  readonly nodes: Map<number, NodeSum> = new Map();
  pooled: { nodes: number; edges: number; roots: number } = { nodes: 0, edges: 0, roots: 0 };

  copy(): Totals {
    const copied = new Totals();
    for (const [key, edge] of this.edges) copied.edges.set(key, { ...edge, time: { ...edge.time }, growth: { heap: { ...edge.growth.heap }, external: { ...edge.growth.external }, descriptors: { ...edge.growth.descriptors }, bytes: { ...edge.growth.bytes } } });
    for (const [node, sum] of this.nodes) copied.nodes.set(node, { ...sum, waiting: 0, inUse: 0 });
    for (const [name, root] of this.roots) copied.roots.set(name, { ...root, own: { ...root.own }, usedMs: new Map(), runnable: new Set() });
    copied.pooled = { ...this.pooled };
    return copied;
  }
}

export class Aggregator {
  readonly #numbers = new Map<string, number>();
  readonly names: string[] = [];
  readonly #tables = new Map<number, TableReader>();
  /** Those of them that have been read. */
  readonly #pages = new Map<number, TableReader>();
  /** Whose turn it is where there is less than one place each. */
  #turn = 0;
  readonly #numbered = new WeakMap<TablePage, number[]>();
  /** What the dead had counted. */
  readonly #dead = new Totals();

  get tables(): ReadonlyMap<number, TableReader> { return this.#tables; }

  /** A worker has come, of which nothing is known yet. */
  meet(worker: number, table: TableReader): void { this.#tables.set(worker, table); }

  /** Takes what is new of all tables. */
  read(): void { for (const [worker, table] of this.#tables) if (table.read()) this.#pages.set(worker, table); }

  /** By the heads of tables. */
  sums(process: ProcessReading): Sums {
    let [rows, queued, started, outside, competing] = [0, 0, 0, 0, 0];
    for (const { head } of this.#tables.values()) {
      rows += (head[TABLE.roots] as number) + (head[TABLE.nodes] as number) + (head[TABLE.edges] as number);
      queued += head[TABLE.queued] as number;
      started += head[TABLE.started] as number;
      outside += head[TABLE.outside] as number;
      competing = Math.max(competing, head[TABLE.runnable] as number);
    }
    return { tables: this.#tables.size, rows, queued, started, outside, competing, use: this.#use(process) };
  }

  #use(process: ProcessReading): number {
    let use = 0;
    for (const { used, limit } of this.#resources(process)) if (limit > 0) use = Math.max(use, used / limit);
    return use;
  }

  /** A worker is dead. */
  retire(worker: number): void {
    this.#tables.delete(worker);
    const page = this.#pages.get(worker);
    this.#pages.delete(worker);
    if (page !== undefined) this.#addPage(this.#dead, page, undefined);
  }

  #number(name: string): number {
    let number = this.#numbers.get(name);
    if (number === undefined) {
      number = this.names.length;
      this.#numbers.set(name, number);
      this.names.push(name);
    }
    return number;
  }
  /** Our number of each of its nodes. */
  #numbersOf(page: TablePage): readonly number[] {
    let numbers = this.#numbered.get(page);
    const { nodes, texts } = page;
    if (numbers === undefined) this.#numbered.set(page, numbers = []);
    for (let row = numbers.length; row < nodes.length / NODE.width; row++) numbers.push(this.#number(texts[nodes[row * NODE.width + NODE.name] as number] as string));
    return numbers;
  }

  /** @param atMs  of the shared clock */
  snapshot(atMs: number, process: ProcessReading): Snapshot & { readonly pooled: Totals['pooled'] } {
    this.#turn++;
    const totals = this.#dead.copy();
    for (const [worker, page] of this.#pages) this.#addPage(totals, page, worker);
    const workers = [...this.#pages.keys()];
    const edges = [...totals.edges.values()].map(({ from, to, count, time, growth }): EdgeReading => ({ from, to, count, timeMs: copy(time), growth: { heap: copy(growth.heap), external: copy(growth.external), descriptors: copy(growth.descriptors), bytes: copy(growth.bytes) } }));
    const nodes = this.names.map((_, node): NodeReading => ({ node, ...totals.nodes.get(node) ?? noWaits }));
    const roots = [...totals.roots.values()].map(({ name, start, tickets, queued, started, live, own, usedMs, runnable }): RootReading => ({
      name, start, tickets, queued, started, live, ownMs: copy(own), usedMs: workers.map((worker) => usedMs.get(worker) ?? 0), isRunnable: workers.map((worker) => runnable.has(worker)),
    }));
    return { atMs, workers: Math.max(1, workers.length), edges, nodes, roots, resources: this.#resources(process), pooled: totals.pooled };
  }

  /** Outside of heaps, all workers together. */
  get #externalUsed(): number {
    let sum = 0;
    for (const { head } of this.#tables.values()) sum += head[TABLE.externalUsed] as number;
    return sum;
  }

  /** Heap is the fullest worker's: each has its own limit. */
  #resources({ externalLimit, heapLimit, descriptors, descriptorsLimit }: ProcessReading): Snapshot['resources'] {
    let worst = { used: 0, limit: Infinity };
    for (const { head } of this.#tables.values()) {
      const here = { used: head[TABLE.heapUsed] as number, limit: Math.min(head[TABLE.heapLimit] as number, heapLimit) };
      if (here.used / here.limit >= worst.used / worst.limit) worst = here;
    }
    return [{ resource: 'heap', ...worst }, { resource: 'external', used: this.#externalUsed, limit: externalLimit }, { resource: 'descriptors', used: descriptors, limit: descriptorsLimit }];
  }

  #addPage(totals: Totals, page: TablePage, worker: number | undefined): void {
    const numbers = this.#numbersOf(page);
    const { head, edges, nodes, roots, texts } = page;
    totals.pooled.nodes += head[TABLE.pooledNodes] as number;
    totals.pooled.edges += head[TABLE.pooledEdges] as number;
    totals.pooled.roots += head[TABLE.pooledRoots] as number;
    for (let at = 0; at < edges.length; at += EDGE.width) addEdge(totals, numbers[edges[at + EDGE.from] as number] as number, numbers[edges[at + EDGE.to] as number] as number, edges, at);
    for (const [row, number] of numbers.entries()) if (nodes[row * NODE.width + NODE.isDownstream] === 1) addNode(totals, number, nodes, row * NODE.width, worker !== undefined);
    for (let at = 0; at < roots.length; at += ROOT_ROW.width) addRoot(totals, texts[roots[at + ROOT_ROW.name] as number] as string, numbers[roots[at + ROOT_ROW.start] as number] as number, roots, at, worker);
  }

  /** What is planned, in a worker's own order of rows. */
  pageFor(worker: number, plan: Plan, { externalLimit, heapLimit }: ProcessReading): PlanPage | undefined {
    const page = this.#pages.get(worker);
    if (page === undefined) return undefined;
    const head = planHead();
    const [rootCount, nodeCount] = [page.roots.length / ROOT_ROW.width, page.nodes.length / NODE.width];
    head[PLAN.roots] = rootCount;
    head[PLAN.nodes] = nodeCount;
    head[PLAN.heapMark] = plan.marks.get('heap') ?? 0.85;
    head[PLAN.heapLimit] = Number.isFinite(heapLimit) ? heapLimit : 0;
    head[PLAN.externalMark] = plan.marks.get('external') ?? 0.85;
    head[PLAN.externalUsed] = this.#externalUsed;
    head[PLAN.externalLimit] = Number.isFinite(externalLimit) ? externalLimit : 0;
    const roots = new Float64Array(rootCount * PLAN_ROOT.width);
    for (let row = 0; row < rootCount; row++) {
      const planned = plan.roots.get(routeOf(page.texts[page.roots[row * ROOT_ROW.width + ROOT_ROW.name] as number] as string));
      const at = row * PLAN_ROOT.width;
      roots[at + PLAN_ROOT.tickets] = planned?.tickets ?? 0;
      roots[at + PLAN_ROOT.heapMean] = planned?.growth.heap?.mean ?? 0;
      roots[at + PLAN_ROOT.heapVariance] = planned?.growth.heap?.variance ?? 0;
      roots[at + PLAN_ROOT.externalMean] = planned?.growth.external?.mean ?? 0;
      roots[at + PLAN_ROOT.externalVariance] = planned?.growth.external?.variance ?? 0;
    }
    return { head, roots, nodes: this.#nodeRows(worker, this.#numbersOf(page), plan, page.head[TABLE.isBackLane] === 1) };
  }

  #nodeRows(worker: number, numbers: readonly number[], plan: Plan, isBackLane: boolean): Float64Array {
    const nodes = new Float64Array(numbers.length * PLAN_NODE.width);
    const rows = new Map(numbers.map((number, row) => [number, row]));
    for (const [row, number] of numbers.entries()) {
      const planned = plan.nodes.get(number);
      const at = row * PLAN_NODE.width;
      nodes[at + PLAN_NODE.tickets] = planned?.tickets ?? 1;
      nodes[at + PLAN_NODE.heapMean] = planned?.growth.heap?.mean ?? 0;
      nodes[at + PLAN_NODE.heapVariance] = planned?.growth.heap?.variance ?? 0;
      nodes[at + PLAN_NODE.externalMean] = planned?.growth.external?.mean ?? 0;
      nodes[at + PLAN_NODE.externalVariance] = planned?.growth.external?.variance ?? 0;
      nodes[at + PLAN_NODE.leadsTo] = planned?.leadsTo === undefined ? 0 : rows.get(planned.leadsTo) ?? 0;
      if (planned?.window === undefined || isBackLane) continue;         // what goes there has passed its front's
      nodes[at + PLAN_NODE.window] = 1 + this.#partOf(worker, number, planned.window);
      nodes[at + PLAN_NODE.stallMs] = planned.stallMs;
    }
    return nodes;
  }

  /** A worker's part of a window, by what each wants of it. What fronts have handed over back lanes count too, so of theirs only the rest counts here. */
  #partOf(worker: number, node: number, window: number): number {
    const name = this.names[node];
    let handed = 0;
    const workers = [...this.#pages.keys()];
    const wishes = [...this.#pages.values()].map(({ head, nodes, texts }) => {
      for (let at = 0; at < nodes.length; at += NODE.width) {
        if (nodes[at + NODE.isDownstream] !== 1 || texts[nodes[at + NODE.name] as number] !== name) continue;
        const away = nodes[at + NODE.away] as number;
        handed += away;
        return { inUse: (nodes[at + NODE.inUse] as number) + away, waiting: nodes[at + NODE.waiting] as number, isBack: head[TABLE.isBackLane] === 1 };
      }
      return { inUse: 0, waiting: 0, isBack: head[TABLE.isBackLane] === 1 };
    });
    for (const wish of wishes) {
      if (!wish.isBack) continue;
      const known = Math.min(handed, wish.inUse);
      handed -= known;
      wish.inUse -= known;
    }
    return shareWindow(window, wishes, this.#turn)[workers.indexOf(worker)] as number;
  }
}

function addEdge(totals: Totals, from: number, to: number, rows: Float64Array, at: number): void {
  const key = `${from}>${to}`;
  let sum = totals.edges.get(key);
  if (sum === undefined) totals.edges.set(key, sum = { from, to, count: 0, time: added(), growth: { heap: added(), external: added(), descriptors: added(), bytes: added() } });
  sum.count += rows[at + EDGE.count] as number;
  add(sum.time, rows, at + EDGE.sampled);
  for (const resource of ['heap', 'external', 'descriptors', 'bytes'] as const) add(sum.growth[resource], rows, at + EDGE[resource]);
}

const noWaits: NodeSum = { isDownstream: false, done: 0, waits: 0, waiting: 0, inUse: 0, areaMs: 0 };
function addNode(totals: Totals, node: number, rows: Float64Array, at: number, isAlive: boolean): void {
  let sum = totals.nodes.get(node);
  if (sum === undefined) totals.nodes.set(node, sum = { ...noWaits, isDownstream: true });
  sum.done += rows[at + NODE.done] as number;
  sum.waits += rows[at + NODE.waits] as number;
  sum.areaMs += rows[at + NODE.areaMs] as number;
  if (!isAlive) return;
  sum.waiting += rows[at + NODE.waiting] as number;
  sum.inUse += rows[at + NODE.inUse] as number;
}

function addRoot(totals: Totals, root: string, start: number, rows: Float64Array, at: number, worker: number | undefined): void {
  const name = routeOf(root);
  let sum = totals.roots.get(name);
  if (sum === undefined) totals.roots.set(name, sum = { name, start, tickets: 1, queued: 0, started: 0, live: 0, own: added(), usedMs: new Map(), runnable: new Set() });
  if (root === name) sum.start = start;                                  // where its handler's threads begin, on a back lane too
  sum.started += rows[at + ROOT_ROW.started] as number;
  add(sum.own, rows, at + ROOT_ROW.ownCount);
  if (worker === undefined) return;                                      // what the dead had and did not end is gone with them
  sum.tickets = Math.max(sum.tickets, rows[at + ROOT_ROW.tickets] as number);
  sum.queued += rows[at + ROOT_ROW.queued] as number;
  sum.live += rows[at + ROOT_ROW.live] as number;
  sum.usedMs.set(worker, (sum.usedMs.get(worker) ?? 0) + (rows[at + ROOT_ROW.usedMs] as number));
  if (rows[at + ROOT_ROW.isRunnable] === 1) sum.runnable.add(worker);
}
