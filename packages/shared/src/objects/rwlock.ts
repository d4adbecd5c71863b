/**
 * Reader-writer lock: many readers or one writer, first in, first out: a reader that comes after a waiting writer waits behind it, so no writer
 * starves, and readers that wait one behind the other are let in together. A writer's death is told to everybody who gets the lock, until
 * a writer has had it; a dead reader's lock is given back and nobody need know.
 */
import { DIED, NODE_NOTE, OWNER_DIED, QUEUE, SECOND, VALUE, waiterOf } from './object-layout.ts';
import type { Admission } from './mutex.ts';
import type { Visitor, Waiter } from './visitor.ts';
import { link } from './wait-queue.ts';

export const READ_LOCK = 0;
export const WRITE_LOCK = 1;
export type LockMode = typeof READ_LOCK | typeof WRITE_LOCK;

const isOpenFor = ({ memory: { words } }: Visitor, lock: number, mode: number): boolean => words[lock + SECOND] === 0 && (mode === READ_LOCK || words[lock + VALUE] === 0);

/** Writes that `who` has it. @returns what it is told */
function give(visitor: Visitor, lock: number, who: number, mode: number): number {
  const { memory, journal } = visitor;
  const hasDied = memory.words[lock + DIED] as number;
  if (mode === WRITE_LOCK) {
    journal.write(lock + SECOND, who + 1);
    journal.write(lock + DIED, 0);
  } else countReader(visitor, lock, who, 1);
  return hasDied === 0 ? 0 : OWNER_DIED;
}

function countReader({ memory, journal, facts }: Visitor, lock: number, who: number, change: number): void {
  const heldAt = facts.of(lock).storage + who;
  journal.write(lock + VALUE, (memory.words[lock + VALUE] as number) + change);
  journal.write(heldAt, (memory.words[heldAt] as number) + change);
}

/** Inside: locks, or waits. Without a waiter: 'busy' when it would have to. */
export function lockShared(visitor: Visitor, lock: number, mode: LockMode, waiter: Waiter | undefined): Admission {
  const { memory, journal, nodes, id } = visitor;
  if (memory.words[lock + QUEUE] === 0 && isOpenFor(visitor, lock, mode)) {
    const told = give(visitor, lock, id, mode);
    visitor.commit();
    return told === 0 ? 'now' : 'owner-died';
  }
  if (waiter === undefined) return 'busy';
  const node = nodes.allocate();
  if (node === 0) return 'full';
  link(memory, journal, lock, lock + QUEUE, node, mode);
  visitor.commit();
  visitor.await(node, waiter);
  return 'waits';
}

/** Inside: lets go of what a thread of this participant has. `hasNews`: whoever writes next is told of a death, for this one was not. */
export function unlockShared(visitor: Visitor, lock: number, mode: LockMode, hasNews = false): void {
  if (hasNews) visitor.journal.write(lock + DIED, 1);
  if (mode === WRITE_LOCK) visitor.journal.write(lock + SECOND, 0);
  else countReader(visitor, lock, visitor.id, -1);
  visitor.commit();
  advanceRwLock(visitor, lock);
}

/** Inside: lets in whoever is first, and all readers behind it. */
export function advanceRwLock(visitor: Visitor, lock: number): void {
  const { memory } = visitor;
  for (;;) {
    const node = memory.words[lock + QUEUE] as number;
    if (node === 0) return;
    const mode = memory.words[node + NODE_NOTE] as number;
    if (!isOpenFor(visitor, lock, mode)) return;
    visitor.grant(node, give(visitor, lock, waiterOf(memory, node), mode));
    visitor.commit();
  }
}

/** Main, inside: a participant has died. */
export function buryLocks(visitor: Visitor, lock: number, dead: number): void {
  const { memory, journal, facts } = visitor;
  const held = memory.words[facts.of(lock).storage + dead] as number;
  if (held !== 0) { countReader(visitor, lock, dead, -held); visitor.commit(); }
  if (memory.words[lock + SECOND] !== dead + 1) return;
  journal.write(lock + SECOND, 0);
  journal.write(lock + DIED, 1);
  visitor.commit();
}
