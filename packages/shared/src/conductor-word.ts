/**
 * Conductor word: how the pool's conductor thread sleeps while nothing runs, and how whoever begins to work wakes it.
 *
 *   State       CONDUCTOR = AWAKE ──fallAsleep──► ASLEEP ──rouse──► AWAKE;   any ──nudge──► NUDGED ──wakeUp──► AWAKE
 *   Invariants  C1 a worker retracts its park word (an exchange) and then looks at CONDUCTOR; the conductor says ASLEEP (an exchange) and then
 *                  looks at the park words, and sleeps only if all are parked. So one of the two sees the other, and no worker runs unwatched.
 *               C2 only the conductor says ASLEEP. While it is awake its naps end by themselves.
 *   Ordering    exchanges on both sides, loads after them: sequentially consistent, as in parker.ts.
 *   Hazards     none: the word carries no data, and a wake too many costs one pass.
 *   Crash       a rouser killed between its CAS and its notify leaves a conductor that sleeps under AWAKE: after each death main nudges, which
 *               notifies whatever the word says. A conductor killed in any state: the next begins by wakeUp.
 *   Proof       C1 → model/conductor-word "conductor: no worker runs unwatched"; C2, Crash → model/conductor-word "conductor: a rouser killed at any step".
 *   Source      the two sides of parker.ts, with one sleeper.
 */
import { BEAT, CONDUCTOR, GUARD } from './layout.ts';
import type { Memory } from './memory.ts';

const AWAKE = 0;
const ASLEEP = 1;
const NUDGED = 2;

/** Worker: it begins to work. One load when the conductor is awake. */
export function rouse({ words }: Memory): void {
  if (Atomics.load(words, CONDUCTOR) === ASLEEP && Atomics.compareExchange(words, CONDUCTOR, ASLEEP, AWAKE) === ASLEEP) Atomics.notify(words, CONDUCTOR);
}

/** Anybody: the conductor is to look now, whatever it does. */
export function nudge({ words }: Memory): void {
  Atomics.exchange(words, CONDUCTOR, NUDGED);
  Atomics.notify(words, CONDUCTOR);
}

/** Conductor: a pass begins. @returns true when it was nudged since the last */
export function wakeUp({ words }: Memory): boolean { return Atomics.exchange(words, CONDUCTOR, AWAKE) === NUDGED; }
/** Conductor: first half of sleeping. Look whether all workers are parked next, and wake up again if not. */
export function fallAsleep({ words }: Memory): void { Atomics.exchange(words, CONDUCTOR, ASLEEP); }
/** Conductor: sleeps until it is roused or nudged, or `ms` have passed. */
export function sleep({ words }: Memory, ms: number): void { Atomics.wait(words, CONDUCTOR, ASLEEP, ms); }
/** Conductor: rests between two passes; ends early when it is nudged. */
export function nap({ words }: Memory, ms: number): void { Atomics.wait(words, CONDUCTOR, AWAKE, ms); }

/** Conductor: one more pass. */
export function beat({ words }: Memory): void { Atomics.store(words, BEAT, (Atomics.load(words, BEAT) + 1) | 0); }
export const readBeat = ({ words }: Memory): number => Atomics.load(words, BEAT);
export const isAsleep = ({ words }: Memory): boolean => Atomics.load(words, CONDUCTOR) === ASLEEP;

/** Main: it watches the conductor, or will have to be told when that wakes. */
export function setGuard({ words }: Memory, isWatching: boolean): void { Atomics.store(words, GUARD, isWatching ? 1 : 0); }
export const isGuarded = ({ words }: Memory): boolean => Atomics.load(words, GUARD) === 1;
