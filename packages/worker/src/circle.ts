/** Lists of threads that are their own links. Next: thread.ts. */
import type { LocalThread } from './thread.ts';

/** Neighbours in a circle of threads: the children of one, or those of a scheduler that nobody's cancellation reaches. */
export interface Sibling { sibling: Sibling; elder: Sibling }
export function circle(): Sibling {
  const head = {} as Sibling;
  head.sibling = head.elder = head;
  return head;
}
/** Threads of a circle, oldest first. */
export function* around(head: Sibling): IterableIterator<LocalThread> {
  for (let at = head.sibling; at !== head;) {
    const next = at.sibling;
    yield at as LocalThread;
    at = next;
  }
}
