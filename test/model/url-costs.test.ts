import assert from 'node:assert/strict';
import { model, tinyLayout } from './harness.ts';
import type { Shared } from './mutant.ts';
import type { Memory } from '@capriccio/shared';

/** Two URLs that have the same place in the table, and not the same hash. */
const A = '/n3';
const B = '/n14';

/** Measures URLs, one after the other. */
const measures = (S: Shared, ...what: readonly (readonly [url: string, ms: number])[]) => (memory: Memory): void => { for (const [url, ms] of what) S.urlCosts.took(memory, 0, url, ms); };

model('url costs: no entry mixes two URLs', { bound: 3, kills: 1 }, (S) => ({
  layout: tinyLayout(S),
  threads: [measures(S, [A, 1], [A, 1]), measures(S, [B, 32], [B, 32]), (memory: Memory): number[] => [A, B].map((url) => S.urlCosts.read(memory, 0, url))],
  check([, , seen]: [unknown, unknown, number[] | undefined], memory) {
    for (const [a, b] of [seen ?? [-1, -1], [A, B].map((url) => S.urlCosts.read(memory, 0, url))] as [number, number][]) {
      assert.ok(a === -1 || a === 1, `${A} takes ${a}`);
      assert.ok(b === -1 || b === 32, `${B} takes ${b}`);
    }
  },
}), [
  { file: 'url-costs.ts', from: "const isOf = (word: number, hash: number): boolean => word >>> HASH_SHIFT === hash >>> HASH_SHIFT && (word & COST_MAX) > 0;", to: 'const isOf = (word: number, hash: number): boolean => hash !== 0 && (word & COST_MAX) > 0;', finds: /takes/ },
]);
