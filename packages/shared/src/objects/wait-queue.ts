/**
 * Wait queues: first in, first out, of nodes that belong to those who wait. Linked both ways, so that one who gives up leaves from anywhere.
 *
 *   State       node FREE ──link──► WAITING ──grant──► GRANTED by whom ──release──► FREE;  WAITING ──withdraw──► FREE.  Inside: all but release.
 *   Invariants  Q1 a node is in one queue while WAITING and in none otherwise; both links and its state change in one change (journal.ts).
 *               Q2 a granted node is pushed once into its waiter's NOTICES, by its granter, before that one leaves the monitor.
 *               Q3 a FREE node is its owner's alone, and a GRANTED one too but for main's burial.
 *   Ordering    states are shown, the rest is plain: inside ordered by the monitor, RESULT for its waiter by the mailbox or by the state.
 *   Hazards     a notice of a number that has passed on would meet a node of another: Q2 pushes inside, and a number passes on only after main has
 *               been inside every object.
 *   Crash       a granter killed between its change and the push: the state names it, so the waiter finds the grant (visitor.ts, recover). A waiter
 *               killed: main's burial (burial.ts) goes through its nodes.
 *   Proof       Q1, Q2, Q3, Crash → model/mutex "mutex: one owner, whoever dies at any step", model/semaphore "semaphore: permits are neither lost nor made, whoever dies at any step";
 *               Ordering → stress/objects "objects: counts are right under real threads".
 *   Source      the queue of any blocking lock (Mesa, 1980); who granted stands in the state as the claimer does in a slot's (slot.ts).
 */
import { NODES_TOUCHED, NOTICES } from '../layout.ts';
import { push } from '../mailbox.ts';
import type { Memory } from '../memory.ts';
import type { Journal } from './journal.ts';
import { NODE_LINK, NODE_MONITOR, NODE_NEXT, NODE_NOTE, NODE_PREVIOUS, NODE_QUEUE, NODE_RESULT, NODE_STATE, NODE_WORDS, QUEUE, controlOf, nodesOf, waiterOf } from './object-layout.ts';

const NODE_FREE = 0;
export const NODE_WAITING = 1;
const NODE_GRANTED = 2;
const GRANTER_SHIFT = 4;

export const nodeState = ({ words }: Memory, node: number): number => Atomics.load(words, node + NODE_STATE);
export const isGranted = (state: number): boolean => (state & 0xf) === NODE_GRANTED;
export const isGrantedBy = (state: number, granter: number): boolean => state === (NODE_GRANTED | granter << GRANTER_SHIFT);

/** The nodes of one participant: private, as free slots are. */
export class NodePool {
  readonly #words: Int32Array;
  readonly #first: number;
  readonly #touchedAt: number;
  readonly #nodeCount: number;
  readonly #free: number[] = [];
  #touched = 0;

  constructor(memory: Memory, id: number) {
    this.#words = memory.words;
    this.#first = nodesOf(memory, id);
    this.#touchedAt = controlOf(memory.layout, id) + NODES_TOUCHED;
    this.#nodeCount = memory.layout.nodeCount;
  }

  /** A FREE node; 0 when all wait. */
  allocate(): number {
    const node = this.#free.pop();
    if (node !== undefined) return node;
    if (this.#touched === this.#nodeCount) return 0;
    Atomics.store(this.#words, this.#touchedAt, ++this.#touched);        // before it is used: a burial looks as far as this
    return this.#first + (this.#touched - 1) * NODE_WORDS;
  }
  /** A granted node whose grant has been taken. */
  release(node: number): void {
    Atomics.store(this.#words, node + NODE_STATE, NODE_FREE);
    this.#free.push(node);
  }
  /** A node that is FREE already. */
  recycle(node: number): void { this.#free.push(node); }
}

/** Who waits longest for an object, as it was a moment ago; 0: nobody. */
export const frontOf = ({ words }: Memory, object: number): number => Atomics.load(words, object + QUEUE);

/** Nodes of a participant that are not FREE. Main, for a dead one. */
export function nodesInUse(memory: Memory, id: number): number[] {
  const touched = Atomics.load(memory.words, controlOf(memory.layout, id) + NODES_TOUCHED);
  return Array.from({ length: touched }, (_, k) => nodesOf(memory, id) + k * NODE_WORDS).filter((node) => nodeState(memory, node) !== NODE_FREE);
}

/** Inside: writes that a FREE node joins the end of a queue. */
export function link({ words }: Memory, journal: Journal, monitor: number, queue: number, node: number, note: number): void {
  const tail = words[queue + 1] as number;
  words[node + NODE_NEXT] = 0;                                           // plain: the node is ours alone until the commit
  words[node + NODE_PREVIOUS] = tail;
  words[node + NODE_QUEUE] = queue;
  words[node + NODE_MONITOR] = monitor;
  words[node + NODE_NOTE] = note;
  words[node + NODE_RESULT] = 0;
  journal.write(tail === 0 ? queue : tail + NODE_NEXT, node);
  journal.write(queue + 1, node);
  journal.show(node + NODE_STATE, NODE_WAITING);
}

/** Inside: writes that a node leaves its queue. Its state is written beside. */
export function unlink({ words }: Memory, journal: Journal, node: number): void {
  const queue = words[node + NODE_QUEUE] as number;
  const next = words[node + NODE_NEXT] as number;
  const previous = words[node + NODE_PREVIOUS] as number;
  journal.write(previous === 0 ? queue : previous + NODE_NEXT, next);
  journal.write(next === 0 ? queue + 1 : next + NODE_PREVIOUS, previous);
}

/** Inside: writes that a waiting node moves to the end of another queue of the same monitor. */
export function move(memory: Memory, journal: Journal, node: number, queue: number): void {
  unlink(memory, journal, node);
  const tail = memory.words[queue + 1] as number;
  journal.write(node + NODE_NEXT, 0);
  journal.write(node + NODE_PREVIOUS, tail);
  journal.write(node + NODE_QUEUE, queue);
  journal.write(tail === 0 ? queue : tail + NODE_NEXT, node);
  journal.write(queue + 1, node);
}

/** Inside: writes that a node is granted. It is announced after the commit. */
export function grant(memory: Memory, journal: Journal, node: number, granter: number, result: number): void {
  unlink(memory, journal, node);
  journal.write(node + NODE_RESULT, result);
  journal.show(node + NODE_STATE, NODE_GRANTED | granter << GRANTER_SHIFT);
}

/** Inside: writes that a node is FREE. */
export function setFree(journal: Journal, node: number): void { journal.show(node + NODE_STATE, NODE_FREE); }

/** Inside: tells the waiter of a granted node. @returns true when it must be woken, after leaving */
export const announce = (memory: Memory, node: number): boolean =>
  push(memory.words, controlOf(memory.layout, waiterOf(memory, node)) + NOTICES, NODE_LINK, node, node);
