/**
 * Semaphore: permits, taken by the number, first in, first out: who asks for many is not passed by those who ask for few.
 * What each participant holds is counted, unless the semaphore keeps no count (permits that others give back, as in a producer's signal); what a
 * dead one held is given back. Every change is one of the journal.
 */
import { NODE_NOTE, QUEUE, VALUE, waiterOf } from './object-layout.ts';
import type { Admission } from './mutex.ts';
import type { Visitor, Waiter } from './visitor.ts';
import { link } from './wait-queue.ts';

export const PERMITS_MAX: number = 2 ** 31 - 1;

/** VALUE counts from the number that the semaphore was made with. */
const permitsOf = (visitor: Visitor, semaphore: number): number => (visitor.memory.words[semaphore + VALUE] as number) + (visitor.facts.of(semaphore).parameters[0] as number);
const keepsCount = (visitor: Visitor, semaphore: number): boolean => visitor.facts.of(semaphore).parameters[1] === 1;
/** Where a participant's permits are counted. */
const heldOf = (visitor: Visitor, semaphore: number, who: number): number => visitor.facts.of(semaphore).storage + who;

function take(visitor: Visitor, semaphore: number, who: number, count: number): void {
  const { memory, journal } = visitor;
  journal.write(semaphore + VALUE, (memory.words[semaphore + VALUE] as number) - count);
  if (!keepsCount(visitor, semaphore)) return;
  const heldAt = heldOf(visitor, semaphore, who);
  journal.write(heldAt, (memory.words[heldAt] as number) + count);
}

/** Inside: takes `count` permits, or waits for them. Without a waiter: 'busy' when it would have to. */
export function acquire(visitor: Visitor, semaphore: number, count: number, waiter: Waiter | undefined): Admission {
  const { memory, journal, nodes, id } = visitor;
  if (memory.words[semaphore + QUEUE] === 0 && permitsOf(visitor, semaphore) >= count) {
    take(visitor, semaphore, id, count);
    visitor.commit();
    return 'now';
  }
  if (waiter === undefined) return 'busy';
  const node = nodes.allocate();
  if (node === 0) return 'full';
  link(memory, journal, semaphore, semaphore + QUEUE, node, count);
  visitor.commit();
  visitor.await(node, waiter);
  return 'waits';
}

/** Inside: gives `count` permits back, ours first. @returns false when there would be more than PERMITS_MAX */
export function release(visitor: Visitor, semaphore: number, count: number): boolean {
  const { memory, journal, id } = visitor;
  if (permitsOf(visitor, semaphore) + count > PERMITS_MAX) return false;
  journal.write(semaphore + VALUE, (memory.words[semaphore + VALUE] as number) + count);
  if (keepsCount(visitor, semaphore)) {
    const heldAt = heldOf(visitor, semaphore, id);
    const held = memory.words[heldAt] as number;
    journal.write(heldAt, held - Math.min(count, held));
  }
  visitor.commit();
  advanceSemaphore(visitor, semaphore);
  return true;
}

/** Inside: grants as long as there are permits for the first. */
export function advanceSemaphore(visitor: Visitor, semaphore: number): void {
  const { memory } = visitor;
  for (;;) {
    const node = memory.words[semaphore + QUEUE] as number;
    if (node === 0) return;
    const count = memory.words[node + NODE_NOTE] as number;
    if (permitsOf(visitor, semaphore) < count) return;
    take(visitor, semaphore, waiterOf(memory, node), count);
    visitor.grant(node, 0);
    visitor.commit();
  }
}

/** Main, inside: gives back what a dead participant held. */
export function buryHolder(visitor: Visitor, semaphore: number, dead: number): void {
  const { memory, journal } = visitor;
  if (!keepsCount(visitor, semaphore)) return;
  const heldAt = heldOf(visitor, semaphore, dead);
  const held = memory.words[heldAt] as number;
  if (held === 0) return;
  journal.write(semaphore + VALUE, (memory.words[semaphore + VALUE] as number) + held);
  journal.write(heldAt, 0);
  visitor.commit();
}
