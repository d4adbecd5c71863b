/**
 * Barrier: all of `parties` threads meet, round after round. The last to arrive ends the round by one change; those who waited are granted after
 * it, by their round, so that whoever dies in between changes nothing. One that gives up, or dies while it waits, has not arrived.
 */
import { NODE_NOTE, QUEUE, SECOND, VALUE } from './object-layout.ts';
import type { Admission } from './mutex.ts';
import type { Visitor, Waiter } from './visitor.ts';
import { link } from './wait-queue.ts';

/** Inside: arrives. 'now': as the last of its round. */
export function arrive(visitor: Visitor, barrier: number, waiter: Waiter): Admission {
  const { memory, journal, nodes } = visitor;
  const { words } = memory;
  const arrived = (words[barrier + VALUE] as number) + 1;
  const round = words[barrier + SECOND] as number;
  if (arrived >= (visitor.facts.of(barrier).parameters[0] as number)) {
    journal.write(barrier + VALUE, 0);
    journal.write(barrier + SECOND, (round + 1) | 0);
    visitor.commit();
    advanceBarrier(visitor, barrier);
    return 'now';
  }
  const node = nodes.allocate();
  if (node === 0) return 'full';
  journal.write(barrier + VALUE, arrived);
  link(memory, journal, barrier, barrier + QUEUE, node, round);
  visitor.commit();
  visitor.await(node, waiter);
  return 'waits';
}

/** Inside: grants those of rounds that have ended. */
export function advanceBarrier(visitor: Visitor, barrier: number): void {
  const { words } = visitor.memory;
  for (;;) {
    const node = words[barrier + QUEUE] as number;
    if (node === 0 || words[node + NODE_NOTE] === words[barrier + SECOND]) return;
    visitor.grant(node, 0);
    visitor.commit();
  }
}

/** Inside: writes that one of this round's has not arrived after all; it leaves the queue in the same change. */
export function unarrive(visitor: Visitor, barrier: number): void {
  visitor.journal.write(barrier + VALUE, (visitor.memory.words[barrier + VALUE] as number) - 1);
}
