/** A small arena for tests of one thread. */
import { allocateMemory, layOut, mapMemory, type LayoutOptions, type Memory } from '@capriccio/shared';

export function arena(options: Partial<LayoutOptions> = {}): Memory {
  const layout = layOut({ participantCount: 4, slotCount: 16, payloadBytes: 65_536, namesBytes: 1_024, ringCount: 2, ...options });
  return mapMemory(allocateMemory(layout), layout);
}
