/** What the model tests share: a tiny arena, and the pair of tests that every property gets: the source is right, a seeded bug is found. */
import { expect, test } from 'vitest';
import * as shared from '@capriccio/shared';
import { explore, type Options, type Scenario } from './explore.ts';
import { loadMutant, type Mutation, type Shared } from './mutant.ts';

export const tinyLayout = (S: Shared, participantCount = 3): shared.Layout => S.layOut({ participantCount, slotCount: 16, payloadBytes: 65_536, namesBytes: 128, ringCount: 1 });

/** A seeded bug and what the explorer must say when it meets it. */
export interface Seeded extends Mutation { readonly finds: RegExp; readonly options?: Options }

/** Explores the production source completely, then each seeded bug until it is found. */
export function model<R extends unknown[]>(name: string, options: Options, scenario: (S: Shared) => Scenario<R>, seeded: readonly Seeded[]): void {
  test(name, () => {
    const report = explore(() => scenario(shared), options);
    expect(report.complete).toBe(true);
    console.log(`model: ${name}: ${report.schedules} schedules, ${report.met} that came to a state met before, ${report.states} states, ${report.steps} steps`);
  });
  for (const bug of seeded) {
    test(`${name} — seeded: ${bug.to}`, async () => {
      const mutant = await loadMutant(bug);
      expect(() => explore(() => scenario(mutant), { ...options, ...bug.options })).toThrow(bug.finds);
    });
  }
}
