/** Which worker gets a call that is for one worker: by key if it has one, else the least loaded of those that take work. */
import { board, isLive, lanes, roles, type Memory } from '@capriccio/shared';
import { sharedNow } from './clock.ts';

/** A worker that has been in one turn for longer is not given more, if another is free, and what it has taken and not begun is taken back; ms. */
export const LONG_TURN_MS = 20;

/** Seats from here on are those of spares: keys do not move to one while it stands in for another. */
export const SPARE_SEAT = 1000;
/** Seats from here on are back lanes'. */
export const BACK_SEAT = 2000;

let next = 0;

/** @param inBack  among the back lanes instead of the front ones. @returns undefined when none lives */
export function chooseWorker(memory: Memory, affinity: string | number | undefined, inBack = false): number | undefined {
  const live: number[] = [];
  for (let id = 1; id < memory.layout.participantCount; id++) if (isLive(memory, id) && lanes.isBackLane(memory, id) === inBack) live.push(id);
  if (affinity !== undefined) {
    const seated = live.filter((id) => board.readSeat(memory, id) < SPARE_SEAT && (roles.roleOf(memory, id) === roles.FRONT || roles.roleOf(memory, id) === roles.BLOCKED));
    return byKey(memory, seated.length > 0 ? seated : live, String(affinity));   // also to one that is blocked: what belongs to a key waits for its worker
  }
  let best: number | undefined;
  let bestLoad = Infinity;
  const now = sharedNow();
  next++;
  for (let k = 0; k < live.length; k++) {
    const id = live[(next + k) % live.length] as number;
    const { runnable, threads, queued } = board.readLoad(memory, id);
    const isFront = roles.roleOf(memory, id) === roles.FRONT;
    const load = (isFront ? 0 : 1e9) + runnable + queued + threads + (board.busyForMs(memory, id, now) > LONG_TURN_MS ? 1e6 : 0);
    if (load < bestLoad) { best = id; bestLoad = load; }
  }
  return best;
}

/** Rendezvous hashing over seats: a key keeps its worker when others die, and goes back to its seat when that is taken again (Thaler and Ravishankar, 1998). */
function byKey(memory: Memory, live: readonly number[], key: string): number | undefined {
  let best: number | undefined;
  let bestWeight = -1;
  for (const id of live) {
    const weight = hash(`${key}\n${board.readSeat(memory, id)}`);
    if (weight > bestWeight) { best = id; bestWeight = weight; }
  }
  return best;
}

/** FNV-1a with a final mix, 32 bits. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let k = 0; k < text.length; k++) h = Math.imul(h ^ text.charCodeAt(k), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x45d9f3b);
  return (h ^ (h >>> 16)) >>> 0;
}
