/**
 * Who waits for something outside of this isolate (a service, a data base, a file), by node: a thread that awaits what is no call, thread or primitive of
 * ours. Counted exactly, at two additions a wait; the integral over time is taken from looks at the counts, so no clock is read for a wait.
 *
 * A thread that is cancelled goes, but what it asked for is still asked of the service: it counts as there until its answer comes, or for so long as an
 * answer may reasonably take.
 * Next: downstream-gates.ts, which holds threads before such a node.
 */
import { NODE, type GraphTable } from '@capriccio/shared';
import { Deque } from './deque.ts';

/** After so long nobody answers what was abandoned, ms. */
const ABANDONED_MS = 10_000;

export class OutsideWaits {
  readonly #nodes: Float64Array;
  /** Rows where anybody ever waited. */
  readonly #rows: number[] = [];
  /** Of each row: who has come back, with a value or a failure. */
  readonly #left: number[] = [];
  /** Of each row: when what is still there without its thread was abandoned, oldest first. */
  readonly #abandoned: Deque<number>[] = [];
  #lookedAtMs = 0;

  constructor({ nodes }: GraphTable) { this.#nodes = nodes; }

  enter(row: number): void {
    const nodes = this.#nodes;
    const at = row * NODE.width;
    if (nodes[at + NODE.isDownstream] === 0) { this.#add(row); }
    nodes[at + NODE.inUse] = (nodes[at + NODE.inUse] as number) + 1;
  }

  #add(row: number): void {
    this.#nodes[row * NODE.width + NODE.isDownstream] = 1;
    this.#rows.push(row);
    this.#left[row] = 0;
    this.#abandoned[row] = new Deque();
  }

  /** Its thread goes without an answer. */
  abandon(row: number): void { this.#abandoned[row]?.push(this.#lookedAtMs); }
  /** The answer to one that has gone. */
  comesLate(row: number, hasFailed: boolean): void { if (this.#abandoned[row]?.shift() !== undefined) this.leave(row, hasFailed); }

  /** @param hasFailed  what it waited for was an error: that is no throughput */
  leave(row: number, hasFailed: boolean): void {
    const nodes = this.#nodes;
    const at = row * NODE.width;
    nodes[at + NODE.inUse] = (nodes[at + NODE.inUse] as number) - 1;
    this.#left[row] = (this.#left[row] as number) + 1;
    if (!hasFailed) nodes[at + NODE.done] = (nodes[at + NODE.done] as number) + 1;
  }

  /** One goes there on a back lane, which counts it; or that is over. */
  countAway(row: number, change: 1 | -1): void {
    if (this.#nodes[row * NODE.width + NODE.isDownstream] === 0) this.#add(row);
    this.#nodes[row * NODE.width + NODE.away] = (this.#nodes[row * NODE.width + NODE.away] as number) + change;
    if (change === -1) this.#left[row] = (this.#left[row] as number) + 1;
  }

  away(row: number): number { return this.#nodes[row * NODE.width + NODE.away] as number; }
  inUse(row: number): number { return this.#nodes[row * NODE.width + NODE.inUse] as number; }
  done(row: number): number { return this.#nodes[row * NODE.width + NODE.done] as number; }
  left(row: number): number { return this.#left[row] ?? 0; }

  /** What a gate before it shows. */
  show(row: number, waits: number, waiting: number): void {
    this.#nodes[row * NODE.width + NODE.waits] = waits;
    this.#nodes[row * NODE.width + NODE.waiting] = waiting;
  }

  /** Threads that are at any such node, wait before it, or are there on a back lane. */
  get total(): number {
    let sum = 0;
    for (const row of this.#rows) for (const column of [NODE.inUse, NODE.waiting, NODE.away]) sum += this.#nodes[row * NODE.width + column] as number;
    return sum;
  }

  /** Adds the time since the last look to the integrals. */
  look(nowMs: number): void {
    const ms = nowMs - this.#lookedAtMs;
    this.#lookedAtMs = nowMs;
    if (!(ms > 0)) return;
    for (const row of this.#rows) {
      this.#forget(row, nowMs);
      this.#nodes[row * NODE.width + NODE.areaMs] = (this.#nodes[row * NODE.width + NODE.areaMs] as number) + this.inUse(row) * ms;
    }
  }
  #forget(row: number, nowMs: number): void {
    const abandoned = this.#abandoned[row] as Deque<number>;
    for (let first = abandoned.first; first !== undefined && nowMs - first > ABANDONED_MS; first = abandoned.first) this.comesLate(row, true);
  }
}
