/**
 * The blocking graph of each participant as rows of numbers, in a buffer of its own beside the arena: what a worker has counted (its table), what the
 * conductor wants of it (its plan), and the conductor's report, a text. The worker counts in private arrays, at no more cost than a store; now and
 * then it copies them to its sheet (sheet.ts argues why that is safe), where the conductor finds them whole. Counts only grow, so a copy that is missed costs
 * nothing. Everything is bounded: what finds no row is counted in the row of all others, and the head says how often that was.
 */
import * as sheet from './sheet.ts';

/** Rows of a participant, and bytes for their names. */
export const ROOTS_MAX = 512;
export const NODES_MAX = 2048;
const EDGES_MAX = 4096;
const TEXT_BYTES = 256 * 1024;
const REPORT_BYTES = 8 * 2 ** 20;
const HEAD = 24;

/** Columns of a root's row. `ownMs`: of ended threads, from begin to end. */
export const ROOT_ROW = { name: 0, start: 1, tickets: 2, queued: 3, started: 4, live: 5, ownCount: 6, ownSum: 7, ownSquares: 8, usedMs: 9, isRunnable: 10, width: 12 } as const;
/**
 * Of a node's. The rest is of one where threads wait for what is outside: those that came back with a value, those that had to wait before it and
 * those that do so now, those that are there, the integral of these over time, and
 * those that a back lane runs and counts.
 */
export const NODE = { name: 0, isDownstream: 1, done: 2, waits: 3, waiting: 4, inUse: 5, areaMs: 6, away: 7, width: 8 } as const;
/** Of an edge's. `count` is exact, the rest sampled; after `cpuMs` count, sum and sum of squares of the change of each resource. */
export const EDGE = { from: 0, to: 1, count: 2, sampled: 3, timeSum: 4, timeSquares: 5, cpuMs: 6, heap: 8, external: 11, descriptors: 14, bytes: 17, width: 20 } as const;
/**
 * Of the head of a table. The last four are sums, by which a reader tells whether the rest is worth a look: tasks that have not begun, tasks that have,
 * threads that are at what is outside or wait before it, roots that have something to run.
 */
export const TABLE = { roots: 0, nodes: 1, edges: 2, texts: 3, pooledNodes: 4, pooledEdges: 5, pooledRoots: 6, heapUsed: 7, heapLimit: 8, externalUsed: 9, atMs: 10, period: 11, isBackLane: 12, queued: 13, started: 14, outside: 15, runnable: 16 } as const;
/** Of a plan's rows: growth is mean and variance, bytes. */
export const PLAN_ROOT = { tickets: 0, heapMean: 1, heapVariance: 2, externalMean: 3, externalVariance: 4, width: 5 } as const;
/** `window`: this worker's part of it + 1, 0 where there is none. `stallMs`: one more goes after so long without any coming back. `leadsTo`: row of the node with a window that most go to from here, 0 if none. */
export const PLAN_NODE = { tickets: 0, heapMean: 1, heapVariance: 2, externalMean: 3, externalVariance: 4, window: 5, stallMs: 6, leadsTo: 7, width: 8 } as const;
export const PLAN = { roots: 0, nodes: 1, heapMark: 2, heapLimit: 3, externalMark: 4, externalUsed: 5, externalLimit: 6 } as const;

/** Where everything lies in the buffer, in doubles. */
const SHEET = sheet.SHEET_WORDS / 2;
const TABLE_ROOTS = SHEET + HEAD;
const TABLE_NODES = TABLE_ROOTS + ROOTS_MAX * ROOT_ROW.width;
const TABLE_EDGES = TABLE_NODES + NODES_MAX * NODE.width;
const TABLE_TEXT = TABLE_EDGES + EDGES_MAX * EDGE.width;
const PLAN_AT = TABLE_TEXT + TEXT_BYTES / 8;
const PLAN_ROOTS = PLAN_AT + SHEET + HEAD;
const PLAN_NODES = PLAN_ROOTS + ROOTS_MAX * PLAN_ROOT.width;
const PARTICIPANT = Math.ceil((PLAN_NODES + NODES_MAX * PLAN_NODE.width) / SHEET) * SHEET;

export interface GraphMemory { readonly participantCount: number; readonly words: Int32Array; readonly floats: Float64Array; readonly bytes: Buffer }

/** The system commits a page when it is first touched: an unused participant costs nothing. */
export const allocateGraph = (participantCount: number): SharedArrayBuffer => new SharedArrayBuffer((participantCount * PARTICIPANT + SHEET) * 8 + REPORT_BYTES);
export const mapGraph = (buffer: SharedArrayBuffer, participantCount: number): GraphMemory => ({ participantCount, words: new Int32Array(buffer), floats: new Float64Array(buffer, 0, buffer.byteLength >> 3), bytes: Buffer.from(buffer) });

const tableOf = (id: number): number => id * PARTICIPANT;
const planOf = (id: number): number => id * PARTICIPANT + PLAN_AT;
const reportOf = ({ participantCount }: GraphMemory): number => participantCount * PARTICIPANT;

/** Row of threads that end, and of nodes that found no row. */
export const END_NODE = 0;
export const OTHER_NODE = 1;

/** A worker's pen: rows that it changes in place, and `publish`. */
export class GraphTable {
  readonly head: Float64Array = new Float64Array(HEAD);
  readonly roots: Float64Array = new Float64Array(ROOTS_MAX * ROOT_ROW.width);
  readonly edges: Float64Array = new Float64Array(EDGES_MAX * EDGE.width);
  readonly nodes: Float64Array = new Float64Array(NODES_MAX * NODE.width);
  readonly #memory: GraphMemory;
  readonly #at: number;
  readonly #edgeRows = new Map<number, number>();
  readonly #unwritten: string[] = [];
  #textAt = 0;
  #texts = 0;

  constructor(memory: GraphMemory, id: number) {
    this.#memory = memory;
    this.#at = tableOf(id);
    this.addNode('(end)');
    this.addNode('(others)');
  }

  #addText(text: string): number {
    this.#unwritten.push(text);
    return this.#texts++;
  }

  /** @returns the row; OTHER_NODE when there is none left */
  addNode(name: string): number {
    const row = this.head[TABLE.nodes] as number;
    if (row === NODES_MAX || !this.#hasRoom(name)) { this.head[TABLE.pooledNodes] = (this.head[TABLE.pooledNodes] as number) + 1; return OTHER_NODE; }
    this.nodes[row * NODE.width + NODE.name] = this.#addText(name);
    this.head[TABLE.nodes] = row + 1;
    return row;
  }

  get nodeCount(): number { return this.head[TABLE.nodes] as number; }

  /** @returns the row, or -1 when there is none left */
  addRoot(name: string): number {
    const row = this.head[TABLE.roots] as number;
    if (row === ROOTS_MAX || !this.#hasRoom(name)) { this.head[TABLE.pooledRoots] = (this.head[TABLE.pooledRoots] as number) + 1; return -1; }
    this.roots[row * ROOT_ROW.width + ROOT_ROW.name] = this.#addText(name);
    this.head[TABLE.roots] = row + 1;
    this.roots[row * ROOT_ROW.width + ROOT_ROW.start] = this.addNode(`start of ${name}`);
    return row;
  }

  /** Index of the first column of an edge's row, made when it is new; when there is none left, of the row from others to others. */
  edge(from: number, to: number): number {
    const key = from * NODES_MAX + to;
    return this.#edgeRows.get(key) ?? this.#addEdge(key, from, to);
  }

  #addEdge(key: number, from: number, to: number): number {
    const row = this.head[TABLE.edges] as number;
    const isLast = row >= EDGES_MAX - 1;
    if (isLast && !(from === OTHER_NODE && to === OTHER_NODE)) {
      this.head[TABLE.pooledEdges] = (this.head[TABLE.pooledEdges] as number) + 1;
      return this.edge(OTHER_NODE, OTHER_NODE);
    }
    const at = row * EDGE.width;
    this.edges[at + EDGE.from] = from;
    this.edges[at + EDGE.to] = to;
    this.head[TABLE.edges] = row + 1;
    this.#edgeRows.set(key, at);
    return at;
  }

  #hasRoom(text: string): boolean { return this.#textAt + this.#unwritten.reduce((sum, one) => sum + one.length * 3 + 4, 0) + text.length * 3 + 4 <= TEXT_BYTES; }

  /** Copies what is counted to where others find it. @returns false when somebody reads there: it is tried again next time */
  publish(): boolean {
    const { words, floats } = this.#memory;
    if (!sheet.begin(words, this.#at * 2)) return false;
    for (const text of this.#unwritten.splice(0)) this.#writeText(text);
    this.head[TABLE.texts] = this.#texts;
    floats.set(this.head, this.#at + SHEET);
    floats.set(this.roots.subarray(0, (this.head[TABLE.roots] as number) * ROOT_ROW.width), this.#at + TABLE_ROOTS);
    floats.set(this.nodes.subarray(0, (this.head[TABLE.nodes] as number) * NODE.width), this.#at + TABLE_NODES);
    floats.set(this.edges.subarray(0, (this.head[TABLE.edges] as number) * EDGE.width), this.#at + TABLE_EDGES);
    sheet.end(words, this.#at * 2);
    return true;
  }

  #writeText(text: string): void {
    const { words, bytes } = this.#memory;
    const at = (this.#at + TABLE_TEXT) * 8 + this.#textAt;
    const length = bytes.write(text, at + 4);
    words[at / 4] = length;
    this.#textAt += 4 + Math.ceil(length / 4) * 4;
  }
}

/** A table as it was published last: rows one after the other. */
export interface TablePage { readonly version: number; readonly head: Float64Array; readonly roots: Float64Array; readonly nodes: Float64Array; readonly edges: Float64Array; readonly texts: readonly string[] }

/**
 * A reader's copies of one participant's table: a reading writes over the one before, names are decoded once (a table only ever adds some), and nothing is
 * allocated while it does not grow. For one life of the participant.
 */
export class TableReader implements TablePage {
  version: number = 0;
  readonly head: Float64Array = new Float64Array(HEAD);
  roots: Float64Array = new Float64Array(0);
  nodes: Float64Array = new Float64Array(0);
  edges: Float64Array = new Float64Array(0);
  readonly texts: string[] = [];
  /** The version that `head` is of: it may be newer than the rest. */
  #headVersion = 0;
  #textAt = 0;
  readonly #memory: GraphMemory;
  readonly #at: number;
  readonly #reader: number;

  constructor(memory: GraphMemory, id: number, reader: number) {
    this.#memory = memory;
    this.#at = tableOf(id);
    this.#reader = reader;
  }

  /** Takes the head alone. @returns false when there is no newer one, or it is being written */
  readHead(): boolean {
    const { words, floats } = this.#memory;
    const version = sheet.versionOf(words, this.#at * 2);
    if (version === this.#headVersion || version === 0 || !sheet.take(words, this.#at * 2, this.#reader)) return false;
    this.#headVersion = version;
    copyRows(floats, this.#at + SHEET, this.head);
    sheet.give(words, this.#at * 2);
    return true;
  }

  /** Takes all of it. @returns false when there is no newer one, or it is being written */
  read(): boolean {
    const { words, floats } = this.#memory;
    const version = sheet.versionOf(words, this.#at * 2);
    if (version === this.version || version === 0 || !sheet.take(words, this.#at * 2, this.#reader)) return false;
    this.version = this.#headVersion = version;
    const { head } = this;
    copyRows(floats, this.#at + SHEET, head);
    this.roots = withRoom(this.roots, (head[TABLE.roots] as number) * ROOT_ROW.width);
    this.nodes = withRoom(this.nodes, (head[TABLE.nodes] as number) * NODE.width);
    this.edges = withRoom(this.edges, (head[TABLE.edges] as number) * EDGE.width);
    copyRows(floats, this.#at + TABLE_ROOTS, this.roots);
    copyRows(floats, this.#at + TABLE_NODES, this.nodes);
    copyRows(floats, this.#at + TABLE_EDGES, this.edges);
    this.#readTexts();
    sheet.give(words, this.#at * 2);
    return true;
  }

  #readTexts(): void {
    const { words, bytes } = this.#memory;
    const start = (this.#at + TABLE_TEXT) * 8;
    const count = this.head[TABLE.texts] as number;
    while (this.texts.length < count) {
      const at = start + this.#textAt;
      const length = words[at / 4] as number;
      this.texts.push(bytes.toString('utf8', at + 4, at + 4 + length));
      this.#textAt += 4 + Math.ceil(length / 4) * 4;
    }
  }
}

const withRoom = (rows: Float64Array, length: number): Float64Array => (rows.length === length ? rows : new Float64Array(length));
function copyRows(from: Float64Array, at: number, to: Float64Array): void { for (let k = 0; k < to.length; k++) to[k] = from[at + k] as number; }

/** What the conductor wants of a worker: rows in the order of the worker's own. */
export interface PlanPage { readonly head: Float64Array; readonly roots: Float64Array; readonly nodes: Float64Array }

/** @returns false when the worker reads it just now */
export function writePlan({ words, floats }: GraphMemory, id: number, { head, roots, nodes }: PlanPage): boolean {
  const at = planOf(id);
  if (!sheet.begin(words, at * 2)) return false;
  floats.set(head, at + SHEET);
  floats.set(roots, id * PARTICIPANT + PLAN_ROOTS);
  floats.set(nodes, id * PARTICIPANT + PLAN_NODES);
  sheet.end(words, at * 2);
  return true;
}

/** One load when there is no newer plan than the one of version `seen`. */
export function readPlan({ words, floats }: GraphMemory, id: number, seen: number): { version: number; page: PlanPage } | undefined {
  const at = planOf(id);
  const version = sheet.versionOf(words, at * 2);
  if (version === seen || !sheet.take(words, at * 2, id)) return undefined;
  const head = floats.slice(at + SHEET, at + SHEET + HEAD);
  const first = id * PARTICIPANT;
  const page = {
    head,
    roots: floats.slice(first + PLAN_ROOTS, first + PLAN_ROOTS + (head[PLAN.roots] as number) * PLAN_ROOT.width),
    nodes: floats.slice(first + PLAN_NODES, first + PLAN_NODES + (head[PLAN.nodes] as number) * PLAN_NODE.width),
  };
  sheet.give(words, at * 2);
  return { version, page };
}

/** A head for a plan. */
export const planHead = (): Float64Array => new Float64Array(HEAD);

/** The conductor's report, a text; longer ones than fit are not written. */
export function writeReport(memory: GraphMemory, text: string): boolean {
  const at = reportOf(memory);
  const bytes = Buffer.from(text);
  if (bytes.length + 4 > REPORT_BYTES || !sheet.begin(memory.words, at * 2)) return false;
  memory.words[(at + SHEET) * 2] = bytes.length;
  bytes.copy(memory.bytes, (at + SHEET) * 8 + 4);
  sheet.end(memory.words, at * 2);
  return true;
}

export function readReport(memory: GraphMemory, reader: number): string | undefined {
  const at = reportOf(memory);
  if (!sheet.take(memory.words, at * 2, reader)) return undefined;
  const length = memory.words[(at + SHEET) * 2] as number;
  const text = memory.bytes.toString('utf8', (at + SHEET) * 8 + 4, (at + SHEET) * 8 + 4 + length);
  sheet.give(memory.words, at * 2);
  return text;
}

/** A participant's number passes to a new worker, or its worker is dead: its table tells nothing any more, and no plan is for it. */
export function clearGraph({ words }: GraphMemory, id: number): void {
  sheet.release(words, planOf(id) * 2, id);
  sheet.clear(words, tableOf(id) * 2);
}

/** A reader of tables is dead. */
export function releaseGraph({ words, participantCount }: GraphMemory, reader: number): void {
  for (let id = 0; id < participantCount; id++) sheet.release(words, tableOf(id) * 2, reader);
}
