/**
 * Mutex: one owner, a participant, for one of its threads. Handed on first in, first out; robust: whoever gets it after its owner died is told.
 *
 *   State       OWNER = 0 free | owner + 1 | owner + 1, QUEUED: somebody waits, or did | QUEUED alone: being handed on, only inside
 *               | DIED: free, and its last owner died with it
 *   Invariants  M1 free to owned, and owned to free, without QUEUED: one compare-and-swap by anybody. With QUEUED: only inside.
 *               M2 a node waits only while QUEUED is set.
 *               M3 a hand-off keeps QUEUED, and one that ends with nobody waiting is a single store: a change that could be redone never frees.
 *   Ordering    OWNER by Atomics: what was written before an unlock is read after the next lock, directly or through the monitor and the notice.
 *   Hazards     an owner's death between its own store and another's look: its number stays in OWNER until it is buried.
 *   Crash       dead owner: bury hands on, and tells. Dead inside after QUEUED was set and before the node was linked: the next unlock finds nobody
 *               and frees. Dead between taking a free lock for a waiter and the change: advance begins again.
 *   Proof       M1, M2, M3, Ordering, Crash → model/mutex "mutex: one owner, whoever dies at any step"; Hazards → model/mutex "mutex: the next owner is told of a death".
 *   Source      futex-based locks with hand-off (Drepper, Futexes Are Tricky); PTHREAD_MUTEX_ROBUST without the state that makes it unrecoverable.
 */
import type { Memory } from '../memory.ts';
import { NODE_QUEUE, NODE_STATE, OWNER, OWNER_DIED, QUEUE, waiterOf } from './object-layout.ts';
import type { Visitor, Waiter } from './visitor.ts';
import { link, move } from './wait-queue.ts';

const HOLDER_MASK = 0x1ff;
const QUEUED = 1 << 16;
const DIED = 1 << 17;
const holderOf = (word: number): number => word & HOLDER_MASK;

/** How an attempt ended: it is ours; ours, and its last owner died with it; somebody has it. */
export type Locked = 'locked' | 'owner-died' | 'busy';
/** The same of one that waits: it waits, or there is no node. */
export type Admission = 'now' | 'owner-died' | 'waits' | 'full' | 'busy';

/** One compare-and-swap when it is free. */
export function tryLock({ words }: Memory, mutex: number, me: number): Locked {
  if (Atomics.compareExchange(words, mutex + OWNER, 0, me + 1) === 0) return 'locked';
  return Atomics.load(words, mutex + OWNER) === DIED && Atomics.compareExchange(words, mutex + OWNER, DIED, me + 1) === DIED ? 'owner-died' : 'busy';
}

/** One compare-and-swap. @returns false when somebody waits, or did: unlock from inside then */
export const tryUnlock = ({ words }: Memory, mutex: number, me: number): boolean => Atomics.compareExchange(words, mutex + OWNER, me + 1, 0) === me + 1;

/** True when some thread of this participant has it. */
export const isOwner = ({ words }: Memory, mutex: number, me: number): boolean => holderOf(Atomics.load(words, mutex + OWNER)) === me + 1;

/** Inside: locks, or waits. */
export function lock(visitor: Visitor, mutex: number, waiter: Waiter): Admission {
  const { memory, id } = visitor;
  for (;;) {
    const word = Atomics.load(memory.words, mutex + OWNER);
    if (holderOf(word) === 0) {
      const locked = tryLock(memory, mutex, id);
      if (locked !== 'busy') return locked === 'locked' ? 'now' : locked;
    } else if ((word & QUEUED) !== 0 || Atomics.compareExchange(memory.words, mutex + OWNER, word, word | QUEUED) === word) break;
  }
  const node = visitor.nodes.allocate();
  if (node === 0) return 'full';
  link(memory, visitor.journal, mutex, mutex + QUEUE, node, 0);
  visitor.commit();
  visitor.await(node, waiter);
  return 'waits';
}

/** Inside: what one that has it hands on, or frees. `hasNews`: whoever gets it next is told of a death, for this one was not. */
export function unlock(visitor: Visitor, mutex: number, hasNews = false): void {
  if (hasNews || !tryUnlock(visitor.memory, mutex, visitor.id)) pass(visitor, mutex, hasNews ? OWNER_DIED : 0);
}

function pass(visitor: Visitor, mutex: number, result: number): void {
  const { memory, journal } = visitor;
  const node = memory.words[mutex + QUEUE] as number;
  if (node === 0) { Atomics.store(memory.words, mutex + OWNER, result === OWNER_DIED ? DIED : 0); return; }   // M3
  visitor.grant(node, result);
  journal.show(mutex + OWNER, waiterOf(memory, node) + 1 | QUEUED);
  visitor.commit();
}

/** Inside: waiters have come that did not find it locked (condition.ts), or somebody died inside. */
export function advanceMutex(visitor: Visitor, mutex: number): void {
  const { words } = visitor.memory;
  for (;;) {
    const word = Atomics.load(words, mutex + OWNER);
    const isFree = holderOf(word) === 0;
    if (words[mutex + QUEUE] === 0 ? !isFree || (word & QUEUED) === 0 : !isFree && (word & QUEUED) !== 0) return;
    if (words[mutex + QUEUE] === 0) { Atomics.store(words, mutex + OWNER, word & DIED); return; }
    if (Atomics.compareExchange(words, mutex + OWNER, word, word | QUEUED) !== word) continue;
    if (!isFree) return;                                                 // its owner unlocks from inside now
    pass(visitor, mutex, (word & DIED) === 0 ? 0 : OWNER_DIED);
    return;
  }
}

/** Main, inside: the owner has died. */
export function buryOwner(visitor: Visitor, mutex: number, dead: number): void {
  if (isOwner(visitor.memory, mutex, dead)) pass(visitor, mutex, OWNER_DIED);
}

/** Inside: a waiting node of a condition's queue goes on to the mutex's. @returns false when it was there, or had been granted, already */
export function requeue(visitor: Visitor, mutex: number, queue: number, node: number): boolean {
  const { memory, journal } = visitor;
  if (memory.words[node + NODE_QUEUE] !== queue || Atomics.load(memory.words, node + NODE_STATE) !== 1) return false;
  move(memory, journal, node, mutex + QUEUE);
  visitor.commit();
  advanceMutex(visitor, mutex);
  return true;
}
