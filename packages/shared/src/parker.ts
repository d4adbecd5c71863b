/**
 * Parker: how a participant sleeps and how others wake it, on one word each and a mask of who is idle.
 *
 *   State       PARK = RUNNING ──announce──► PARKED ──wake──► NOTIFIED ──retract──► RUNNING;   IDLE_MASK bit set while announced,
 *               SEEKING_MASK bit set while it looks for work in place, which is a few microseconds in which it runs nothing else
 *   Invariants  P1 a sleeper announces (exchange PARKED, then its idle bit), looks for work once more, and only then sleeps.
 *               P2 a publisher publishes, then looks for sleepers. With P1: one of the two sees the other.
 *               P3 whoever takes an idle bit wakes its owner; the woken one wakes the next if it finds more than it takes.
 *               P4 who seeks is as good as woken, so nobody else is woken beside it. When it stops seeking it clears its bit first; then it
 *               looks for work once more: what was published for it is taken, passed on (P3), or seen before it sleeps (P1).
 *   Ordering    announce and retract are exchanges, not stores: they read the last waker's NOTIFIED and with it all that it wrote before
 *               (a plain store would swallow the token without reading it).
 *   Hazards     a participant may sleep in two ways on the same word, in Atomics.wait and in its event loop behind Atomics.waitAsync, and an
 *               old asynchronous waiter may still be queued when it sleeps synchronously: so wake notifies all waiters, not one.
 *   Crash       a waker killed between taking the bit and the exchange, or between the exchange and the notify, leaves a sleeper that
 *               no mask names, or one that is NOTIFIED and asleep: after a death everyone is woken unconditionally (wakeHard).
 *               A seeker killed is a bit that withholds wakes, until its death is marked: that clears the bit and wakes everyone.
 *   Proof       P4 → model/parker "parker: who seeks is not woken beside", model/parker "parker: a seeker killed at any step"; P1, P2 → model/parker "parker: no wake-up is lost"; P3 → model/parker "parker: two tasks wake two sleepers";
 *               Crash → model/parker "parker: a waker killed at any step"; Ordering → stress/structures "parker: ping pong".
 *   Source      the sleep protocol of Go's scheduler (proc.go, "worker thread parking/unparking") and of rayon's sleep module; exchange on
 *               both sides as in crossbeam's parker.
 *
 * Rejected: taking the bit by `and` with no CAS (two publishers wake one sleeper twice and the other never); a futex word a task (a
 * sleeper waits for any work); spinning a fixed time (on one core it costs the sender the whole spin: see spin.ts).
 */
import { CALLED, COMPLETED, DEATHS, DEATHS_SEEN, ATTENTION, ATTENTION_SEEN, IDLE_MASK, INBOX, NOTICES, PARK, SEEKING_MASK, controlOf } from './layout.ts';
import type { Memory } from './memory.ts';

export const RUNNING = 0;
export const PARKED = 1;
export const NOTIFIED = 2;

const bitOf = (id: number): number => 1 << (id & 31);
const maskAt = (id: number): number => IDLE_MASK + (id >> 5);

/** What its word says: RUNNING, PARKED or NOTIFIED. */
export const read = ({ words, layout }: Memory, id: number): number => Atomics.load(words, controlOf(layout, id) + PARK);

/** First half of going to sleep. Look for work next, whatever came before. `takesWork`: also offer to be woken for new work. */
export function announce({ words, layout }: Memory, id: number, takesWork: boolean): void {
  Atomics.exchange(words, controlOf(layout, id) + PARK, PARKED);
  if (takesWork) Atomics.or(words, maskAt(id), bitOf(id));
}

/** Awake again, or not asleep after all. @returns true when somebody had woken it */
export function retract({ words, layout }: Memory, id: number): boolean {
  Atomics.and(words, maskAt(id), ~bitOf(id));
  return Atomics.exchange(words, controlOf(layout, id) + PARK, RUNNING) === NOTIFIED;
}

/** Awake and looking for work in place: publishers need wake nobody. */
export function seek({ words }: Memory, id: number): void { Atomics.or(words, SEEKING_MASK + (id >> 5), bitOf(id)); }
/** Found something, or gives up. Look for work once more after it (P4). */
export function stopSeeking({ words }: Memory, id: number): void { Atomics.and(words, SEEKING_MASK + (id >> 5), ~bitOf(id)); }

/** It is blocked in the kernel: who publishes must not rely on it to wake up for new work. Wake others next, for somebody may have relied on it. */
export function disregard({ words }: Memory, id: number): void {
  for (const mask of [IDLE_MASK, SEEKING_MASK]) Atomics.and(words, mask + (id >> 5), ~bitOf(id));
}

/** Sleeps this thread until it is woken or `ms` have passed. Only between announce and retract, never on a main thread. */
export function sleep({ words, layout }: Memory, id: number, ms: number): 'ok' | 'not-equal' | 'timed-out' {
  return Atomics.wait(words, controlOf(layout, id) + PARK, PARKED, ms);
}

/** The same for a thread whose event loop must go on turning. @returns undefined when it has been woken already */
export function sleepInLoop({ words, layout }: Memory, id: number): Promise<unknown> | undefined {
  const waiter = Atomics.waitAsync(words, controlOf(layout, id) + PARK, PARKED);
  return waiter.async ? waiter.value : undefined;
}

/** Wakes one participant if it is parked; otherwise leaves it a token. One exchange when it is awake. @returns true when it slept */
export function wake({ words, layout }: Memory, id: number): boolean {
  const at = controlOf(layout, id) + PARK;
  if (Atomics.exchange(words, at, NOTIFIED) !== PARKED) return false;
  Atomics.notify(words, at);
  return true;
}

/** Wakes a participant whatever its word says: a dead waker may have been between its exchange and its notify. */
export function wakeHard({ words, layout }: Memory, id: number): void {
  const at = controlOf(layout, id) + PARK;
  Atomics.exchange(words, at, NOTIFIED);
  Atomics.notify(words, at);
}

const isAnySet = ({ words, layout }: Memory, mask: number): boolean => {
  for (let at = mask; at <= mask + (layout.participantCount - 1 >> 5); at++) if (Atomics.load(words, at) !== 0) return true;
  return false;
};
/** How many participants could take more work than they have: two loads for each 32 participants, for those who could export some. */
export function hungryCount({ words, layout }: Memory): number {
  let count = 0;
  for (let at = layout.participantCount - 1 >> 5; at >= 0; at--) count += bitsIn(Atomics.load(words, IDLE_MASK + at) | Atomics.load(words, SEEKING_MASK + at));
  return count;
}
/** Source: the population count of Hacker's Delight (Warren, 2002), 5-1. */
function bitsIn(mask: number): number {
  if (mask === 0) return 0;
  const pairs = mask - ((mask >>> 1) & 0x55555555);
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** After work was published: sees to it that somebody looks for it. One load when nobody is idle. @returns true when it has woken somebody for it */
export const offer = (memory: Memory): boolean => isAnySet(memory, IDLE_MASK) && !isAnySet(memory, SEEKING_MASK) && wakeOne(memory);

/** Takes one idle bit and wakes its owner. @returns false when nobody was idle */
export function wakeOne(memory: Memory): boolean {
  const { words, layout } = memory;
  const last = maskAt(layout.participantCount - 1);
  for (let at = IDLE_MASK; at <= last; at++) {
    for (;;) {
      const mask = Atomics.load(words, at);
      if (mask === 0) break;
      const bit = mask & -mask;
      if (Atomics.compareExchange(words, at, mask, mask & ~bit) !== mask) continue;
      wake(memory, (at - IDLE_MASK) * 32 + 31 - Math.clz32(bit));
      return true;
    }
  }
  return false;
}

/** What would be missed by sleeping now, besides rings: ended or placed slots, grants and calls of shared objects, a request to look, a death. */
export function hasMail({ words, layout }: Memory, id: number): boolean {
  const control = controlOf(layout, id);
  return Atomics.load(words, control + COMPLETED) !== 0
    || Atomics.load(words, control + INBOX) !== 0
    || Atomics.load(words, control + NOTICES) !== 0
    || Atomics.load(words, control + CALLED) !== 0
    || Atomics.load(words, control + ATTENTION) !== Atomics.load(words, control + ATTENTION_SEEN)
    || Atomics.load(words, DEATHS) !== Atomics.load(words, control + DEATHS_SEEN);
}

/** One breath of a spin: tells the processor that this thread waits for another. */
export function pause(): void { Atomics.pause(); }

/** True when a participant has been asked to look at what it runs and has not. */
export function mustLook({ words, layout }: Memory, id: number): boolean {
  const control = controlOf(layout, id);
  return Atomics.load(words, control + ATTENTION) !== Atomics.load(words, control + ATTENTION_SEEN);
}
