/** Limits of memory, a part of the conductor thread: V8 bounds an isolate's heap by ending it, and memory outside of heaps not at all. Workers that are over a limit are told to main, which has others take their places before they go (crew.ts). */
import { board, isLive, lifeOf, type Memory } from '@capriccio/shared';
import type { Part, PartContext } from './part.ts';

const PERIOD_MS = 50;

/** Bytes; Infinity where there is no limit. */
export interface LimitsData { readonly heapBytes: number; readonly externalBytes: number }
export interface LimitNews { readonly worker: number; readonly life: number; readonly what: string }

export function create({ memory, data, tell }: PartContext): Part {
  return { pass: () => { look(memory, data as LimitsData, tell); return PERIOD_MS; } };
}

function look(memory: Memory, { heapBytes, externalBytes }: LimitsData, tell: (news: LimitNews) => void): void {
  for (let id = 1; id < memory.layout.participantCount; id++) {
    if (!isLive(memory, id)) continue;
    const used = board.readStatistics(memory, id);
    const what = used.heapBytes > heapBytes ? `its heap has ${used.heapBytes} bytes of ${heapBytes}` : used.externalBytes > externalBytes ? `it has ${used.externalBytes} bytes outside of its heap, of ${externalBytes}` : undefined;
    if (what !== undefined) tell({ worker: id, life: lifeOf(memory, id), what });
  }
}
