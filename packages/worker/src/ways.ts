/**
 * The nodes of a worker's blocking graph by the numbers of points, and the ways that threads take from one to the next, counted exactly. Most threads that
 * leave a node go where the one before them went: so of each node that way is at hand, with those who have taken it since it was counted last, and who goes
 * there too costs a comparison and an addition.
 */
import { EDGE, END_NODE, NODES_MAX, OTHER_NODE, ROOTS_MAX, type GraphTable } from '@capriccio/shared';
import { pointOfNumber } from './compiled/points.ts';
import type { Root } from './run-queues.ts';

/** Numbers below are waits of no place: they are told apart by root. */
const PLACES = 16;
const KINDS: readonly string[] = ['start', 'turn', 'wait'];
/** What the end is called, and where nobody has gone yet; no point has these numbers. */
const END = 0;
const NOWHERE = PLACES - 1;
/** Columns of a way: the point where it leads to and, if that is told apart by root, the root's row; the edge, the node, and those who went and are not counted yet. */
const WAY = { number: 0, root: 1, edge: 2, to: 3, more: 4, width: 8 } as const;
/** No root has this row. */
const NO_ROOT = -3;

/** `file:line function` of a compiled blocking point. */
function nameOfPoint(number: number): string {
  const point = pointOfNumber(number);
  return point === undefined ? `point ${number}` : `${point.file}:${point.line} ${point.functionName}`.trim();
}

export class Ways {
  readonly #table: GraphTable;
  /** Gives a root its row. */
  readonly #rowOfRoot: (root: Root) => number;
  /** Of each row: what the run queues call the node, and the root if it is its alone. */
  readonly #nodes: ({ readonly number: number; readonly root: Root | undefined } | undefined)[] = [];
  /** Rows: of waits of no place by root and kind, 0 where there is none yet; of places by number, with the one that was asked for last. */
  readonly #kindRows = new Uint16Array((ROOTS_MAX + 1) * PLACES);
  readonly #placeRows = new Map<number, number>();
  #lastPlace = -1;
  #lastRow = 0;
  /** By node that is left. */
  readonly #ways = new Int32Array(NODES_MAX * WAY.width);
  #last = 0;
  #counted = 0;

  constructor(table: GraphTable, rowOfRoot: (root: Root) => number) {
    this.#table = table;
    this.#rowOfRoot = rowOfRoot;
    for (let at = 0; at < this.#ways.length; at += WAY.width) { this.#ways[at] = NOWHERE; this.#ways[at + WAY.root] = NO_ROOT; }
  }

  /** A thread of a root goes from a node to a point. @returns the row of that */
  go(from: number, number: number, root: Root): number {
    const at = this.#last = from * WAY.width;
    const ways = this.#ways;
    if (ways[at] !== (number | 0) || (number < PLACES && ways[at + WAY.root] !== root.row)) this.#turn(at, number, root);
    ways[at + WAY.more] = (ways[at + WAY.more] as number) + 1;
    return ways[at + WAY.to] as number;
  }
  /** And to its end. */
  goToEnd(from: number): number {
    const at = this.#last = from * WAY.width;
    const ways = this.#ways;
    if (ways[at] !== END || ways[at + WAY.root] !== NO_ROOT) this.#turn(at, END, undefined);
    ways[at + WAY.more] = (ways[at + WAY.more] as number) + 1;
    return END_NODE;
  }
  /** The edge that was taken last, the row that it leads to, and whether it comes from a node. */
  get edge(): number { return this.#ways[this.#last + WAY.edge] as number; }
  get row(): number { return this.#ways[this.#last + WAY.to] as number; }
  wasFrom(row: number): boolean { return this.#last === row * WAY.width && row > 0; }

  /** This one goes where the one before it did not. @param root  undefined: to its end */
  #turn(at: number, number: number, root: Root | undefined): void {
    const to = root === undefined ? END_NODE : this.rowOf(number, root);
    const ways = this.#ways;
    this.#count(at);
    ways[at + WAY.number] = number;
    ways[at + WAY.root] = root === undefined ? NO_ROOT : root.row;
    ways[at + WAY.edge] = this.#table.edge(at / WAY.width, to);
    ways[at + WAY.to] = to;
  }

  #count(at: number): void {
    const ways = this.#ways;
    const more = ways[at + WAY.more] as number;
    if (more === 0) return;
    const { edges } = this.#table;
    const count = ways[at + WAY.edge] as number + EDGE.count;
    edges[count] = (edges[count] as number) + more;
    ways[at + WAY.more] = 0;
    this.#counted += more;
  }
  /** Sees to it that all are in the table. @returns how many there were since it was called last */
  count(): number {
    for (let row = 0; row < this.#table.nodeCount; row++) this.#count(row * WAY.width);
    const counted = this.#counted;
    this.#counted = 0;
    return counted;
  }

  /** Row of the node of a point in a root, made when it is new. */
  rowOf(number: number, root: Root): number {
    if (number < PLACES) return this.#kindRows[(root.row + 1) * PLACES + number] || this.#addKind(number, root, `${KINDS[number] ?? 'wait'} in ${root.name}`);
    return number === this.#lastPlace ? this.#lastRow : this.#placeOf(number);
  }
  /** Sees to it that there is a node of a kind of wait; when it is new it tells the place where the first one was. */
  names(number: number, root: Root, placeOfNow: () => string): void {
    if (!this.#kindRows[(root.row + 1) * PLACES + number]) this.#addKind(number, root, `${KINDS[number] ?? 'wait'} in ${root.name}${placeOfNow()}`);
  }

  #addKind(number: number, root: Root, name: string): number {
    return this.#kindRows[(this.#rowOfRoot(root) + 1) * PLACES + number] ||= this.#addNode(number, root, name);
  }
  #placeOf(number: number): number {
    let row = this.#placeRows.get(number);
    if (row === undefined) this.#placeRows.set(number, row = this.#addNode(number, undefined, nameOfPoint(number)));
    this.#lastPlace = number;
    return this.#lastRow = row;
  }
  #addNode(number: number, root: Root | undefined, name: string): number {
    const row = this.#table.addNode(name);
    if (row !== OTHER_NODE) this.#nodes[row] = { number, root };
    return row;
  }
  nodeAt(row: number): { readonly number: number; readonly root: Root | undefined } | undefined { return this.#nodes[row]; }
}
