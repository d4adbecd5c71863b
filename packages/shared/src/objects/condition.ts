/**
 * Condition: where threads that hold its mutex wait to be told. Its queue is protected by the mutex's monitor, so that a waiter that is told moves
 * from one queue to the other in one change, and wakes only when it has the mutex (wait morphing).
 * A broadcast is one store of who waits last: what follows is done by whoever is inside, or after the broadcaster's death by main.
 */
import { advanceMutex, isOwner, requeue, unlock } from './mutex.ts';
import { QUEUE, SECOND } from './object-layout.ts';
import type { Visitor, Waiter } from './visitor.ts';
import { link, move } from './wait-queue.ts';

/** Inside the mutex: waits, and lets the mutex go. The grant is that of the mutex. */
export function wait(visitor: Visitor, condition: number, mutex: number, waiter: Waiter): { node: number } | 'full' | 'not-owner' {
  if (!isOwner(visitor.memory, mutex, visitor.id)) return 'not-owner';
  const node = visitor.nodes.allocate();
  if (node === 0) return 'full';
  link(visitor.memory, visitor.journal, mutex, condition + QUEUE, node, 0);
  visitor.commit();
  visitor.await(node, waiter);
  unlock(visitor, mutex);
  return { node };
}

/** Inside the mutex: tells the one that waits longest. */
export function signal(visitor: Visitor, condition: number, mutex: number): void {
  const node = visitor.memory.words[condition + QUEUE] as number;
  if (node !== 0) requeue(visitor, mutex, condition + QUEUE, node);
}

/** Inside the mutex: tells all that wait now. */
export function broadcast(visitor: Visitor, condition: number, mutex: number): void {
  const last = visitor.memory.words[condition + QUEUE + 1] as number;
  if (last === 0) return;
  visitor.journal.write(condition + SECOND, last);
  visitor.commit();
  advanceCondition(visitor, condition, mutex);
}

/** Inside the mutex: goes on with a broadcast. */
export function advanceCondition(visitor: Visitor, condition: number, mutex: number): void {
  const { memory, journal } = visitor;
  const { words } = memory;
  while (words[condition + SECOND] !== 0) {
    const node = words[condition + QUEUE] as number;
    move(memory, journal, node, mutex + QUEUE);
    if (node === words[condition + SECOND]) journal.write(condition + SECOND, 0);
    visitor.commit();
  }
  advanceMutex(visitor, mutex);
}

/** Inside the mutex: a waiter gives up, and gets its mutex back first. @returns false when it had been told already */
export const giveUp = (visitor: Visitor, condition: number, mutex: number, node: number): boolean => requeue(visitor, mutex, condition + QUEUE, node);
