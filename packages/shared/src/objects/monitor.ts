/**
 * Monitor: who is inside a shared object. Nobody waits here: who cannot enter leaves word, and is called when the one inside leaves.
 *
 *   State       ENTERED = 0 ──enter──► participant + 1 ──leave──► 0;  WANTED: one bit a participant that found somebody inside;  CALLED of a
 *               participant: it has been called since it looked last
 *   Invariants  E1 one participant is inside, from its successful enter to its leave; its own threads never enter twice (a visit is synchronous).
 *               E2 who wants to enter sets its bit and then tries once more; who leaves, leaves and then looks for bits. With it: one of
 *                  the two sees the other, so nobody who wants to enter is forgotten.
 *   Ordering    leave's store and enter's compare-and-swap on ENTERED order everything inside, so it may be plain.
 *   Hazards     a bit may be left of one who entered at its second try: it is called for nothing, once.
 *   Crash       dead inside: main takes its place (takeOver), completes what it had committed, and leaves for it. Dead between taking the bits and
 *               calling: after a death everybody looks at what it wants (visitor.ts).
 *   Proof       E1 → model/monitor "monitor: a change is whole, whoever dies at any step"; E2, Crash → model/monitor "monitor: who wants to enter is called, whoever dies at any step";
 *               Ordering → stress/objects "objects: counts are right under real threads".
 *   Source      Hoare, Monitors, CACM 17(10), 1974; that nobody waits at the door is what delegation locks have (Hendler et al., Flat Combining,
 *               SPAA 2010), with the work kept by who wants it. Robust mutexes: the next one repairs; here main does, for it alone joins threads.
 *
 * Rejected: an intrusive list of requests that whoever is inside carries out: a request in a chain that the dead had taken cannot be told from one
 * that is about to be pushed. Sleeping on ENTERED: main must not, for it is main that ends the wait for a dead one.
 */
import { CALLED } from '../layout.ts';
import type { Memory } from '../memory.ts';
import { wake } from '../parker.ts';
import { ENTERED, WANTED, controlOf } from './object-layout.ts';

/** @returns true when `me` is inside now */
export const tryEnter = ({ words }: Memory, monitor: number, me: number): boolean => Atomics.compareExchange(words, monitor + ENTERED, 0, me + 1) === 0;

/** Leaves word that `me` wants to enter. Try once more after it (E2). */
export function want({ words }: Memory, monitor: number, me: number): void { Atomics.or(words, monitor + WANTED + (me >> 5), 1 << (me & 31)); }

/** Leaves, and calls those who want to enter. */
export function leave(memory: Memory, monitor: number): void {
  const { words, layout } = memory;
  Atomics.store(words, monitor + ENTERED, 0);
  const last = layout.participantCount - 1 >> 5;
  for (let k = 0; k <= last; k++) {
    if (Atomics.load(words, monitor + WANTED + k) === 0) continue;
    for (let wanted = Atomics.exchange(words, monitor + WANTED + k, 0); wanted !== 0; wanted &= wanted - 1) call(memory, k * 32 + 31 - Math.clz32(wanted & -wanted));
  }
}

function call(memory: Memory, id: number): void {
  Atomics.store(memory.words, controlOf(memory.layout, id) + CALLED, 1);
  wake(memory, id);
}

/** True when `me` has been called since the last time. */
export function takeCall({ words, layout }: Memory, me: number): boolean {
  const at = controlOf(layout, me) + CALLED;
  return Atomics.load(words, at) !== 0 && Atomics.exchange(words, at, 0) !== 0;
}

/** Main, after the thread of `dead` is joined: takes its place where it was inside. @returns false when it was not */
export function takeOver({ words }: Memory, monitor: number, dead: number, me: number): boolean {
  return Atomics.compareExchange(words, monitor + ENTERED, dead + 1, me + 1) === dead + 1;
}
