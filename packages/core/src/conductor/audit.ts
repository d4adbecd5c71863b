/** The audit, a part of the conductor thread where a pool asks for it: a worker whose shared words are corrupt is named, and replaced (pool.ts). */
import { Audit, isLive, lifeOf } from '@capriccio/shared';
import type { Part, PartContext } from './part.ts';

const PERIOD_MS = 20;

export interface AuditNews { readonly participant: number; readonly life: number; readonly what: string }

export function create({ memory, tell }: PartContext): Part {
  const audit = new Audit(memory);
  return {
    pass() {
      const told = new Set<number>();
      for (const { participant, at, what } of audit.pass()) {
        if (told.has(participant) || !isLive(memory, participant)) continue;
        told.add(participant);
        tell({ participant, life: lifeOf(memory, participant), what: `${what} (word ${at})` } satisfies AuditNews);
      }
      return PERIOD_MS;
    },
  };
}
