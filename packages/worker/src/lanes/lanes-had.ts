/** What back lanes have had of the processors since they began, all together, by the kernel's own account; and how many workers take work in front of them. */
import { board, isLive, lanes, roles, type Memory } from '@capriccio/shared';
import type { KernelTimes } from './lane-hunger.ts';

/** Lanes that are looked at: to ask the kernel takes 12 us each. */
const LANES_MAX = 8;

export interface LanesHad { readonly ranMs: number; readonly waitedMs: number; readonly fronts: number }

export function lanesHad(memory: Memory, timesOf: KernelTimes): LanesHad {
  let [ranMs, waitedMs, fronts, backs] = [0, 0, 0, 0];
  for (let id = 1; id < memory.layout.participantCount; id++) {
    if (!isLive(memory, id)) continue;
    if (!lanes.isBackLane(memory, id)) { if (roles.isFront(memory, id)) fronts++; continue; }
    if (backs++ >= LANES_MAX) continue;
    const times = timesOf(board.readKernelId(memory, id));
    ranMs += times?.ranMs ?? 0;
    waitedMs += times?.waitedMs ?? 0;
  }
  return { ranMs, waitedMs, fronts };
}
