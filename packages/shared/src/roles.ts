/**
 * Roles: which workers take work. As many as CORES are FRONT at a time; a worker that blocks in the kernel is not one of them while it does, so a
 * spare is. Rules look at states and not at events: whoever finds too few or too many FRONT sets it right, so nothing is missed when a rule's
 * follower dies or comes late.
 *
 *   State       SPARE ──activate──► FRONT ──block──► BLOCKED ──comeBack──► FRONT;   FRONT ──retire──► RETIRING ──rest──► SPARE
 *               RETIRING ──activate──► FRONT;   any ──leave──► LEAVING (for good: main ends it when it has drained)
 *               BACK stays what it is, and no rule looks at it
 *               word = ms of the shared clock when it became so, 28 bits | role, 3 bits
 *   Invariants  L1 one CAS a change, from the word that was read; so a change is counted once, whoever makes it.
 *               L2 only the conductor blocks and activates; the owner or the conductor comes back; only the owner rests; retiring is anybody's; only main makes leave.
 *               L3 a retire is decided by a scan that saw more than CORES FRONT, and takes the highest seat of them: two at a time want the same
 *                  one, one fails and scans again. So concurrent retires do not go below CORES while no worker blocks between scan and CAS; when
 *                  one does, the conductor's next pass activates again.
 *   Ordering    ROLE before ROLE_CHANGES before the wake; a participant loads ROLE_CHANGES before it looks at ROLE words.
 *   Hazards     ABA on a word needs the same role in the same millisecond: then the change is as right as it was before.
 *   Crash       a participant killed between ROLE and ROLE_CHANGES, or before the wake: the role holds, and its worker learns of it at the next
 *               change; markDead wakes everybody, and the conductor announces again what has been so for too long (activations.ts).
 *   Proof       L1, L3 → model/roles "roles: workers that come back at once"; L2, Crash → model/roles "roles: one who retires is killed at any step";
 *               Ordering → model/roles "roles: an activated spare learns of it".
 *   Source      Anderson, Bershad, Lazowska, Levy, Scheduler Activations, SOSP 1991: as many activations as processors, at all times.
 */
import { CORES, ROLE, ROLE_CHANGES, SEAT, controlOf } from './layout.ts';
import type { Memory } from './memory.ts';
import { wake, wakeHard } from './parker.ts';
import { isLive } from './recovery.ts';

export const FRONT = 0;
export const SPARE = 1;
export const RETIRING = 2;
export const BLOCKED = 3;
export const LEAVING = 4;
/** A back lane: counted apart from the cores, and never one of the others. */
export const BACK = 5;

const ROLE_MASK = 7;
const SINCE_SHIFT = 3;
const SINCE_MASK = 0xfff_ffff;

const wordOf = (role: number, nowMs: number): number => ((Math.floor(nowMs) & SINCE_MASK) << SINCE_SHIFT) | role;
const load = ({ words, layout }: Memory, id: number): number => Atomics.load(words, controlOf(layout, id) + ROLE);

export const roleOf = (memory: Memory, id: number): number => load(memory, id) & ROLE_MASK;
/** For how long it has had its role, ms, modulo 2^28 (three days). */
export const roleForMs = (memory: Memory, id: number, nowMs: number): number => ((Math.floor(nowMs) & SINCE_MASK) - (load(memory, id) >>> SINCE_SHIFT)) & SINCE_MASK;
/** Takes work now. */
export const isFront = (memory: Memory, id: number): boolean => isLive(memory, id) && roleOf(memory, id) === FRONT;

/** Owner, before it takes its number. */
export function begin({ words, layout }: Memory, id: number, role: typeof FRONT | typeof SPARE | typeof BACK, nowMs: number): void {
  Atomics.store(words, controlOf(layout, id) + ROLE, wordOf(role, nowMs));
}

/** One change, if the role is still `from`. Everybody hears of it, the worker at once. */
function change(memory: Memory, id: number, from: number, to: number, nowMs: number): boolean {
  const { words, layout } = memory;
  const seen = load(memory, id);
  if ((seen & ROLE_MASK) !== from || Atomics.compareExchange(words, controlOf(layout, id) + ROLE, seen, wordOf(to, nowMs)) !== seen) return false;
  announce(memory, id);
  return true;
}

/** Tells a worker to look at its role. */
export function announce(memory: Memory, id: number): void {
  Atomics.add(memory.words, ROLE_CHANGES, 1);
  wakeHard(memory, id);
}

/** Tells everybody to look at roles, and at whom they had better not wait for. */
export function announceAll(memory: Memory): void {
  Atomics.add(memory.words, ROLE_CHANGES, 1);
  for (let id = 0; id < memory.layout.participantCount; id++) if (isLive(memory, id)) wake(memory, id);
}

/** How often roles have changed: compare with what was seen. */
export const changes = ({ words }: Memory): number => Atomics.load(words, ROLE_CHANGES);

export const setCores = ({ words }: Memory, cores: number): void => { Atomics.store(words, CORES, cores); };
export const cores = ({ words }: Memory): number => Atomics.load(words, CORES);

/** Conductor: it sleeps in the kernel, in the middle of its work. @param sinceMs  since when */
export const block = (memory: Memory, id: number, sinceMs: number): boolean => change(memory, id, FRONT, BLOCKED, sinceMs);
/** Owner, or the conductor that sees it move: back from the kernel. */
export const comeBack = (memory: Memory, id: number, nowMs: number): boolean => change(memory, id, BLOCKED, FRONT, nowMs);
/** Owner: drained. */
export const rest = (memory: Memory, id: number, nowMs: number): boolean => change(memory, id, RETIRING, SPARE, nowMs);

/** Main: for good. It drains, and is ended. */
export function leave(memory: Memory, id: number, nowMs: number): void {
  for (;;) {
    const role = roleOf(memory, id);
    if (role === LEAVING || change(memory, id, role, LEAVING, nowMs)) return;
  }
}

export interface Census { front: number; spare: number; retiring: number; blocked: number; leaving: number; back: number }

/** How many live workers have which role. */
export function census(memory: Memory): Census {
  const count = [0, 0, 0, 0, 0, 0];
  for (let id = 1; id < memory.layout.participantCount; id++) if (isLive(memory, id)) (count[roleOf(memory, id)] as number)++;
  const [front, spare, retiring, blocked, leaving, back] = count as [number, number, number, number, number, number];
  return { front, spare, retiring, blocked, leaving, back };
}

/** Retires those that are too many, the highest seats first. @returns how many */
export function retireSurplus(memory: Memory, nowMs: number): number {
  const { words, layout } = memory;
  let retired = 0;
  for (;;) {
    let front = 0;
    let highest = 0;
    for (let id = 1; id < layout.participantCount; id++) {
      if (!isFront(memory, id)) continue;
      front++;
      if (highest === 0 || Atomics.load(words, controlOf(layout, id) + SEAT) >= Atomics.load(words, controlOf(layout, highest) + SEAT)) highest = id;
    }
    if (front <= cores(memory)) return retired;
    if (change(memory, highest, FRONT, RETIRING, nowMs)) retired++;
  }
}

/** Conductor: activates one worker, a retiring one before a spare, for it is warm. @returns its number; 0 when there is none, or enough are FRONT */
export function activateOne(memory: Memory, nowMs: number): number {
  const { layout } = memory;
  if (census(memory).front >= cores(memory)) return 0;
  for (const from of [RETIRING, SPARE]) {
    for (let id = 1; id < layout.participantCount; id++) {
      if (isLive(memory, id) && change(memory, id, from, FRONT, nowMs)) return id;
    }
  }
  return 0;
}
