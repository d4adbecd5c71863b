/** Everything at once, for a bounded time; the long form (npm run test:long) is an hour's worth. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import type { StormReport } from './storm.ts';
import { asTimeAllows } from './time.ts';

const isLong = process.env['CAPRICCIO_LONG'] === '1';
const seed = Number(process.env['CAPRICCIO_SEED'] ?? Date.now() % 2 ** 31);

const MIB = 2 ** 20;
/** What a worker's life may leave for good of malloc's memory, beside what a burst of them leaves in pieces (24 MiB): less than any port or thread of its. */
const LIFE_BYTES = 32 * 1024;
const PIECES_BYTES = 24 * MIB;

async function storm(options: { seed: number; seconds: number }): Promise<StormReport> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', '--experimental-ffi', '--conditions=capriccio-source', fileURLToPath(new URL('storm-process.ts', import.meta.url)), JSON.stringify(options)], { env: { ...process.env, MALLOC_ARENA_MAX: '1' }, maxBuffer: 64 * MIB });
  return JSON.parse(stdout) as StormReport;
}

/** What malloc keeps at rest beyond what is allowed, bytes: of the lesser of the last rests, for one with more workers alive than the others has more. */
function kept({ levels }: Awaited<ReturnType<typeof storm>>): number {
  const [warm, last] = [levels[1]!, levels.at(-1)!];
  return Math.min(...levels.slice(2).map(({ native }) => native)) - warm.native - PIECES_BYTES - LIFE_BYTES * (last.lives - warm.lives);
}

test('storm: every call ends once, and nothing is left behind', { timeout: isLong ? 3_600_000 : 240_000 }, async () => {
  console.log(`storm: seed ${seed}`);
  const report = await storm({ seed, seconds: isLong ? 900 : asTimeAllows(20) });
  console.log(`storm: seed ${seed}: ${JSON.stringify(report)}`);
  expect(report.wrong).toEqual([]);
  expect(report.hung, 'calls that never ended').toBe(0);
  expect(report.slotsHeld, 'slots of main still in use').toBe(0);
  expect(report.threads[1], 'threads').toBe(report.threads[0]);
  expect(report.descriptors[1]! - report.descriptors[0]!, 'descriptors').toBeLessThanOrEqual(2);
  const [warm, last] = [report.levels[1]!, report.levels.at(-1)!];
  expect(report.levels.map(({ slots }) => slots), 'slots held at rest').toEqual(report.levels.map(() => 0));
  expect(last.heap - warm.heap, "main's heap").toBeLessThan(8 * MIB);
  expect(last.external - warm.external, "main's memory outside of its heap").toBeLessThan(8 * MIB);
  expect(last.payload - warm.payload, 'payload spans').toBeLessThanOrEqual(MIB);
  if (kept(report) > 0) {                                                 // in pieces, or lost: what is lost with each life is lost in another storm too
    const again = await storm({ seed: seed + 1, seconds: isLong ? 900 : asTimeAllows(30) });
    console.log(`storm: malloc kept ${kept(report)} bytes more than allowed; another, seed ${seed + 1}: ${JSON.stringify(again.levels)}`);
    expect(kept(again), 'memory of malloc, beyond what is allowed').toBeLessThanOrEqual(0);
  }
  expect(last.rss, 'the process, with the pages that V8 keeps of heaps that are gone').toBeLessThan(warm.rss * 1.25 + 160 * MIB);
  expect(report.calls.ended).toBeGreaterThan(100);
  expect(report.requests.answered).toBeGreaterThan(20);
});
