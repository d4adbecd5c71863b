/**
 * Slot: sixteen words that are the truth about one task. Queues hold hints; what a slot's state word says decides.
 *
 *   State       FREE ──ready──► READY ──claim──► CLAIMED ──start──► RUNNING ──finish──► DONE | FAILED ──free──► FREE (generation + 1)
 *               FREE ──place──► PLACED ──claim──►                   RUNNING ──ask──► CANCELLING ──finish──► DONE | FAILED
 *               READY ──withdraw──► FREE (generation + 1)           PLACED, CLAIMED ──revoke──► CANCELLED ──letGo──► REVOKED ──free──► FREE
 *               CLAIMED ──unclaim──► READY (the claimer changes its mind, or its death is recovered)
 *               word = generation 20 bits | claimer 8 bits | state 4 bits
 *   Invariants  S1 a task begins at most once: start and revoke are CASes on the same word, kept since the claim.
 *               S2 arguments and FUNCTION are written before READY or PLACED and not again before FREE.
 *               S3 RESULT and RESULT_META are written by the claimer alone, before DONE or FAILED.
 *               S4 a taker ends its hold by a transition (finish, letGo), then hands over: so a state tells whether it still holds.
 *               S5 a slot is in at most one mailbox: PLACED in its target's inbox, ended or REVOKED in its owner's; so a slot in
 *                  an inbox is revoked, never withdrawn, and comes home through the target.
 *   Ordering    every transition is one sequentially consistent operation on STATE; the plain words of S2 and S3 lie between a store
 *               that publishes them and a load that saw it.
 *   Hazards     ABA on STATE needs 2^20 reuses of one slot within one stale handle. A hint may point at a reused slot: READY is READY
 *               whoever asks, so the claimer of a stale hint runs the new task, once.
 *   Crash       a claimer killed in any state leaves its number in the word: recovery.ts finds it. An owner killed leaves READY,
 *               PLACED, CLAIMED or RUNNING slots: recovery.ts withdraws, revokes or asks. No transition takes two stores.
 *   Proof       S1 → model/slot "slot: a task begins at most once"; S2 → model/ring "ring: arguments arrive whole, two workers";
 *               S3 → model/ring "ring: results arrive whole, one worker"; S4 → model/recovery "recovery: a spawner killed at any step";
 *               S5 → model/placement "placement: a slot comes home once"; Ordering → stress/structures "ring: every task once";
 *               Crash → model/recovery "recovery: a worker killed at any step", model/placement "placement: a target killed at any step".
 *   Source      the claim word of thread pools over shared memory; generation tags as in Treiber, RJ 5118, IBM, 1986.
 */
import { STATE } from './layout.ts';

export const FREE = 0;
export const READY = 1;
export const PLACED = 2;
export const CLAIMED = 3;
export const RUNNING = 4;
export const CANCELLING = 5;
export const DONE = 6;
export const FAILED = 7;
export const CANCELLED = 8;
export const REVOKED = 9;

const STATE_MASK = 0xf;
const CLAIMER_SHIFT = 4;
const KEEP_GENERATION = ~0xfff;
const ONE_GENERATION = 1 << 12;

export const stateOf = (word: number): number => word & STATE_MASK;
export const claimerOf = (word: number): number => (word >> CLAIMER_SHIFT) & 0xff;
export const generationOf = (word: number): number => word >>> 12;

export const loadState = (words: Int32Array, slot: number): number => Atomics.load(words, slot + STATE);

/** Owner: FREE to READY. The hint is pushed next. */
export function makeReady(words: Int32Array, slot: number): void {
  const word = words[slot + STATE] as number;                          // plain: FREE belongs to the owner alone
  Atomics.store(words, slot + STATE, (word & KEEP_GENERATION) | READY);
}

/** Owner: FREE to PLACED. The slot is pushed into its target's inbox next. */
export function makePlaced(words: Int32Array, slot: number): void {
  const word = words[slot + STATE] as number;                          // plain: FREE belongs to the owner alone
  Atomics.store(words, slot + STATE, (word & KEEP_GENERATION) | PLACED);
}

/** Taker: READY to CLAIMED. Returns the new state word, or 0 when the hint was stale or another taker was first. */
export function claim(words: Int32Array, slot: number, me: number): number {
  const word = Atomics.load(words, slot + STATE);
  if (stateOf(word) !== READY) return 0;
  const claimed = (word & KEEP_GENERATION) | (me << CLAIMER_SHIFT) | CLAIMED;
  return Atomics.compareExchange(words, slot + STATE, word, claimed) === word ? claimed : 0;
}

/** Target of a placement: PLACED to CLAIMED. Returns the new state word, or 0 when it was revoked in the inbox. */
export function claimPlaced(words: Int32Array, slot: number, me: number): number {
  const word = Atomics.load(words, slot + STATE);
  if (stateOf(word) !== PLACED) return 0;
  const claimed = (word & KEEP_GENERATION) | (me << CLAIMER_SHIFT) | CLAIMED;
  return Atomics.compareExchange(words, slot + STATE, word, claimed) === word ? claimed : 0;
}

/** Claimer: CLAIMED to RUNNING; from here on the task counts as begun. Returns the new state word, or 0 when it was revoked. */
export function start(words: Int32Array, slot: number, claimed: number): number {
  const running = (claimed & ~STATE_MASK) | RUNNING;
  return Atomics.compareExchange(words, slot + STATE, claimed, running) === claimed ? running : 0;
}

/** Claimer: CLAIMED back to READY, for others to take; false when it was revoked. The hint is pushed next, by the claimer. */
export function unclaim(words: Int32Array, slot: number, claimed: number): boolean {
  return Atomics.compareExchange(words, slot + STATE, claimed, (claimed & KEEP_GENERATION) | READY) === claimed;
}

/** Claimer: RUNNING or CANCELLING to DONE or FAILED. The slot is handed to its owner's mailbox next. */
export function finish(words: Int32Array, slot: number, running: number, outcome: typeof DONE | typeof FAILED): void {
  const ended = (running & ~STATE_MASK) | outcome;
  if (Atomics.compareExchange(words, slot + STATE, running, ended) === running) return;
  const cancelling = (running & ~STATE_MASK) | CANCELLING;
  const seen = Atomics.compareExchange(words, slot + STATE, cancelling, ended);
  if (seen !== cancelling) throw new Error(`slot ${slot} is ${seen} where its claimer left ${running}: the arena is corrupt`);
}

/**
 * Owner: a task that `taker` has, or was placed on, and has not begun, to CANCELLED: the taker is blocked, and the task is to run elsewhere. The slot
 * comes home as REVOKED when the taker gets to it. Returns false when it has begun, or is not that taker's.
 */
export function revokeUnbegun(words: Int32Array, slot: number, taker: number, placedOn: number): boolean {
  const word = Atomics.load(words, slot + STATE);
  const isIts = (stateOf(word) === CLAIMED && claimerOf(word) === taker) || (stateOf(word) === PLACED && placedOn === taker);
  return isIts && Atomics.compareExchange(words, slot + STATE, word, (word & ~STATE_MASK) | CANCELLED) === word;
}

/** Claimer or target: CANCELLED to REVOKED. The slot is handed to its owner's mailbox next. */
export function letGo(words: Int32Array, slot: number): void {
  const word = Atomics.load(words, slot + STATE);
  if (stateOf(word) !== CANCELLED) throw new Error(`slot ${slot} has state word ${word} where CANCELLED was expected: the arena is corrupt`);
  Atomics.store(words, slot + STATE, (word & ~STATE_MASK) | REVOKED);   // nobody else moves a CANCELLED slot while its taker lives
}

/** What a request to cancel met. */
export type CancelOutcome = 'withdrawn' | 'revoked' | 'asked' | 'ended';

/**
 * Owner: asks that a task not begin, or that it stop. `withdrawn`: it had not been taken, the slot is FREE again. `revoked`: it had
 * been taken and had not begun; it comes home as REVOKED. `asked`: it runs, its claimer must be told to look. `ended`: too late.
 */
export function cancel(words: Int32Array, slot: number): CancelOutcome {
  for (;;) {
    const word = Atomics.load(words, slot + STATE);
    const [next, outcome] = cancelStep(word);
    if (next === word || Atomics.compareExchange(words, slot + STATE, word, next) === word) return outcome;
  }
}

function cancelStep(word: number): [number, CancelOutcome] {
  switch (stateOf(word)) {
    case READY: return [nextFree(word), 'withdrawn'];
    case PLACED: case CLAIMED: return [(word & ~STATE_MASK) | CANCELLED, 'revoked'];
    case RUNNING: return [(word & ~STATE_MASK) | CANCELLING, 'asked'];
    case CANCELLING: return [word, 'asked'];
    case CANCELLED: case REVOKED: return [word, 'revoked'];
    default: return [word, 'ended'];
  }
}

const nextFree = (word: number): number => ((word & KEEP_GENERATION) + ONE_GENERATION) | FREE;

/** Owner: any state that is the owner's alone (ended, come home, recovered) to FREE under a new generation. */
export function free(words: Int32Array, slot: number): void {
  const word = words[slot + STATE] as number;                          // plain: ordered by the mailbox or the recovery that brought it
  Atomics.store(words, slot + STATE, nextFree(word));
}

/** Recovery: a claimed or running slot of a dead claimer to READY, for another to run. Returns false when the owner revoked it first. */
export function reopen(words: Int32Array, slot: number, word: number): boolean {
  return Atomics.compareExchange(words, slot + STATE, word, (word & KEEP_GENERATION) | READY) === word;
}
