/**
 * Long turns, a part of the conductor thread: a worker that computes without end keeps what it has taken and not begun, as one that is blocked in the
 * kernel does. While another worker has nothing to do, whoever called is told, and takes back what is its own (caller.ts: leaveBusy). Once a turn.
 */
import { board, isLive, parker, roles, type Memory } from '@capriccio/shared';
import { LONG_TURN_MS } from '@capriccio/worker';
import { BEAT_MS, type Part, type PartContext } from './part.ts';

const PERIOD_MS = 2 * BEAT_MS;

export function create({ memory }: PartContext): Part {
  /** The turn of each worker about which everybody has been told. */
  const told = new Int32Array(memory.layout.participantCount).fill(-1);
  return { pass: (nowMs) => { look(memory, told, nowMs); return PERIOD_MS; } };
}

function look(memory: Memory, told: Int32Array, nowMs: number): void {
  let isAny = false;
  for (let id = 1; id < memory.layout.participantCount; id++) {
    if (!isLive(memory, id) || roles.roleOf(memory, id) !== roles.FRONT || board.busyForMs(memory, id, nowMs) <= LONG_TURN_MS) continue;
    const tick = board.readTick(memory, id);
    if (told[id] === tick || parker.hungryCount(memory) === 0) continue;
    told[id] = tick;
    isAny = true;
  }
  if (isAny) roles.announceAll(memory);
}
