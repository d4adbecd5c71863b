/**
 * What deaths of workers have cost a call, and whether it is tried again. A call that ran when its worker died may be what killed it: after the second
 * time it is quarantined, whatever its options say. One that waited there while another ran is a bystander, and one that had not begun more so.
 */
import { CapriccioError, board, type Participant } from '@capriccio/shared';
import type { Call, Target } from './call.ts';

/** Workers that may die with a call that they have taken and not begun: loading its module may be what ends them. */
const REFUSALS_MAX = 8;
/** Workers that may die while a call's function has their processor. */
const KILLS_MAX = 2;

/** Whether a dead worker was in a batch of the target's root when it died. Asked before its number has passed on. */
export function wasRunning(me: Participant, dead: number, target: Target): boolean {
  const number = board.readRoot(me.memory, dead);
  if (number < 0) return false;
  try { return me.namesOf(dead).text(number) === `R${target.name.slice(1).replace('\n', '#')}`; } catch { return false; }
}

/** Counts a death against a call. @returns true when it may run again */
export function survives(call: Call, { hadBegun, wasCause, retriesMax }: { hadBegun: boolean; wasCause: boolean; retriesMax: number }): boolean {
  if (!hadBegun) return ++call.refusals <= REFUSALS_MAX;
  if (wasCause) call.kills++;
  return call.options?.idempotent === true && ++call.attempts <= retriesMax && call.kills < KILLS_MAX;
}

/** What the call rejects with. @param reason  of the death, where it is known */
export function lostError(call: Call, dead: number, started: boolean, reason: string | undefined): CapriccioError {
  const cause = reason === undefined ? '' : ` (${reason})`;
  const wayOut = !started ? call.refusals > REFUSALS_MAX ? `so did ${REFUSALS_MAX} others: loading its module may be what ends them` : 'it had not begun, so it is safe to call again'
    : call.kills >= KILLS_MAX ? `that is the worker number ${KILLS_MAX} that this call has ended: it is quarantined and not tried again`
      : call.options?.idempotent === true ? `it was tried ${Math.max(1, call.attempts)} times` : 'declare it idempotent to have it run again';
  return new CapriccioError('CAP_ERR_WORKER_LOST', `worker ${dead} died ${started ? 'while it ran' : 'before it began'} ${call.target.label}${cause}; ${wayOut}`, { started });
}
