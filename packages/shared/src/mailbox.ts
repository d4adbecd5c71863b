/**
 * Mailbox: many producers, one consumer. A stack of linked nodes that is only ever taken whole.
 *
 *   State       HEAD = NIL ──push a──► a ──push b──► b→a ──takeAll──► NIL          words[n + link] = the node below n, or NIL
 *   Invariants  M1 a node is in at most one chain, from its successful push to the takeAll that removes it.
 *               M2 words[n + link] is written by n's producer before its CAS, and after it only by whoever took the chain.
 *   Ordering    takeAll's exchange reads what the last CAS wrote, and each CAS read the one before: a chain of synchronizes-with
 *               edges. So the links and the words behind each node may be plain: they happen before the take.
 *   Hazards     ABA: none. A link is followed only by the chain's taker, so HEAD equal to what was read is enough. A node pushed while
 *               it is still linked closes a cycle or cuts a chain: M1 is the caller's duty (slot.ts S4, blocks.ts B2).
 *   Crash       a producer leaves nothing before its CAS, all after it. A dead consumer loses links only: slots' states and the block
 *               owner's own list tell the rest.
 *   Proof       M1 → model/mailbox "mailbox: none lost, none twice"; M2 → model/mailbox "mailbox: one producer's order";
 *               Ordering → stress/structures "mailbox: payload checksum"; Crash → model/mailbox "mailbox: a producer killed at any step".
 *   Source      Treiber, RJ 5118, IBM, 1986 (push). Taking the whole stack, never one node, is what removes ABA.
 */

/** No node: word 0 of the arena is a header word, never a slot or a block. */
export const NIL = 0;

/**
 * Pushes the chain `newest → … → oldest` (linked by its producer; one node: newest is oldest).
 * @returns true when the mailbox was empty, so that the consumer may be asleep
 */
export function push(words: Int32Array, head: number, link: number, newest: number, oldest: number): boolean {
  for (;;) {
    const below = Atomics.load(words, head);
    words[oldest + link] = below;                                      // plain: private until the CAS (M2)
    if (Atomics.compareExchange(words, head, below, newest) === below) return below === NIL;
  }
}

/** Takes the whole chain and turns it round. @returns its oldest node, each linked to the next newer one; NIL when there was none */
export function takeAll(words: Int32Array, head: number, link: number): number {
  if (Atomics.load(words, head) === NIL) return NIL;                    // a load is cheaper than an exchange that finds nothing
  let node = Atomics.exchange(words, head, NIL);
  let oldest = NIL;
  while (node !== NIL) {
    const below = words[node + link] as number;                        // plain: ordered by the exchange
    words[node + link] = oldest;
    oldest = node;
    node = below;
  }
  return oldest;
}
