/** The table of names on real threads: readers follow the count while the writer appends. */
import { expect, test } from 'vitest';
import { effort, runThreads, seed, sum } from './rig.ts';

test('texts arrive whole', { timeout: 100_000 * effort }, async () => {
  console.log(`stress: seed ${seed}, effort ${effort}; to repeat: CAPRICCIO_SEED=${seed}`);
  const count = 20_000;                                                  // a table holds 65,535, and the second one is another participant's
  for (let round = 0; round < 2 * effort; round++) {
    const { reports: [writer, ...readers] } = await runThreads({ namesBytes: 16 << 20 }, ['nameWriter', 'nameReader', 'nameReader'].map((role) => ({ role, count })));
    expect(writer?.['written']).toBe(count);
    for (const reader of readers) expect(reader).toEqual({ read: count, bytes: writer?.['bytes'] });
    expect(sum(readers, 'read')).toBe(2 * count);
  }
});
