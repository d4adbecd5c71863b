/**
 * The protocol of a pool in miniature: a spawner and takers that use the production structures in the order in which the product uses
 * them, with one number as argument and one as result. Product code has event loops and user functions around the same calls.
 */
import type { Memory, Participant } from '@capriccio/shared';
import { ARGUMENTS, RESULT } from '@capriccio/shared';
import type { Control } from './explore.ts';
import type { Shared } from './mutant.ts';

const RING = 0;

/** Publishes one task for anybody and wakes a sleeper. @returns its slot */
export function spawn(S: Shared, memory: Memory, me: Participant, argument: number): number {
  const slot = me.slots.allocate();
  memory.words[slot + ARGUMENTS] = argument;
  me.makeReady(slot, RING);
  if (me.rings.publish()) S.parker.offer(memory);
  return slot;
}

/** Runs one claimed task, or sends it home if it was revoked. */
export function run(S: Shared, memory: Memory, control: Control, me: Participant, slot: number, claimed: number): void {
  const argument = memory.words[slot + ARGUMENTS] as number;
  const running = S.slots.start(memory.words, slot, claimed);
  if (running === 0) { me.letGo(slot); return; }
  control.note(['ran', argument]);
  memory.words[slot + RESULT] = argument + 1;
  me.finish(slot, running, S.slots.DONE);
}

/** A worker: takes from `victims`, runs, hands over, parks. Never ends. */
export function work(S: Shared, memory: Memory, control: Control, id: number, options: { victims?: number[]; batch?: number } = {}): never {
  const me = control.quiet(() => new S.Participant(memory, id));
  const claims = S.makeClaims(options.batch ?? 1);
  const victims = options.victims ?? [0];
  const runPlaced = (): number => {
    let count = 0;
    for (let slot = me.takePlaced(); slot !== S.mailbox.NIL; count++) {
      const next = me.nextInChain(slot);
      const claimed = S.slots.claimPlaced(memory.words, slot, id);
      if (claimed === 0) me.letGo(slot);
      else run(S, memory, control, me, slot, claimed);
      slot = next;
    }
    return count;
  };
  for (;;) {
    let passed = 0;
    for (const victim of victims) {
      passed += S.take(memory, victim, RING, id, options.batch ?? 1, claims);
      for (let k = 0; k < claims.count; k++) run(S, memory, control, me, claims.slots[k] as number, claims.claimed[k] as number);
    }
    passed += runPlaced();
    if (me.mustLook) me.looked();
    if (me.hasEnded) me.handOver();
    if (me.deaths.isDue) me.deaths.acknowledge(() => { runPlaced(); me.handOver(); }, (dead) => { me.blocks.releaseHeldFor(dead); me.forget(dead); });
    if (passed > 0) continue;
    S.parker.announce(memory, id, true);
    if (victims.some((victim) => S.waiting(memory, victim, RING) > 0) || S.parker.hasMail(memory, id)) { S.parker.retract(memory, id); continue; }
    S.parker.sleep(memory, id, Infinity);
    S.parker.retract(memory, id);
    if (victims.some((victim) => S.waiting(memory, victim, RING) > 0)) S.parker.offer(memory);   // one wake for a burst: the woken one passes it on
  }
}

/** Collects what has come home. Calls `ended` with the slot, its final state and its result; frees the slot. */
export function collect(S: Shared, memory: Memory, me: Participant, ended: (slot: number, state: number, result: number) => void): void {
  for (let slot = me.takeCompleted(); slot !== S.mailbox.NIL;) {
    const next = me.nextInChain(slot);
    const state = S.slots.stateOf(S.slots.loadState(memory.words, slot));
    ended(slot, state, memory.words[slot + RESULT] as number);
    me.slots.release(slot);
    slot = next;
  }
}

/** Parks until mail comes. For participants that take no work. */
export function awaitMail(S: Shared, memory: Memory, id: number): void {
  S.parker.announce(memory, id, false);
  if (!S.parker.hasMail(memory, id)) S.parker.sleep(memory, id, Infinity);
  S.parker.retract(memory, id);
}
