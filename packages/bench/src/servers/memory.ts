/**
 * A route whose requests keep four megabytes of the heap for 400 ms, four times as many as fit under the heap's limit, beside small requests. How full do
 * heaps get, does one run out, and what becomes of the small ones? Open loop. Beside node:http and node:cluster whose heaps have the same limit. Isolates
 * note the fullest that they have been right after a request has taken its part (apps/routes.ts), in their old generation, which is what V8 limits, garbage included.
 */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { median, progress, table, type Bench } from '../harness.ts';
import { GeneratorProcess } from '../load/generator-process.ts';
import type { LoadPlan, LoadResult } from '../load/plan.ts';
import app from './apps/routes.ts';
import { plannedRequest } from './planned.ts';
import { ServerProcess } from './server-process.ts';

const CONTENDERS = [['capriccio', 'capriccio.ts'], ['node:http', 'http.ts'], ['node:cluster', 'cluster.ts']] as const;
/** Of each isolate, MB of its old generation. */
const HEAP_MB = 96;
const HOARD_MB = 4;
const HOARD_SECONDS = 0.4;
/** What an isolate has without any request, MB. */
const BASE_MB = 24;
const LOAD = 4;
const SMALL_PER_SECOND = 200;
const TIMEOUT_MS = 1000;
const [HOARD, SMALL] = [`/hoard/${HOARD_MB * 1024}/big`, '/spin/50/small'] as const;
const HEAP = 0.95;
const ANSWERED = 0.99;

interface Row { readonly name: string; readonly peak: number[]; readonly small: number[]; readonly big: number[]; readonly p99: number[]; died: number }

/** The fullest of the isolates that have noted anything, of its limit. */
const peakIn = (folder: string): number => Math.max(0, ...readdirSync(folder).map((name) => Number(readFileSync(join(folder, name), 'utf8'))).filter(Number.isFinite)) / HEAP_MB / 2 ** 20;

export const bench: Bench = async ({ cores, rounds, quick }) => {
  await using stack = new AsyncDisposableStack();
  let generator = stack.use(await GeneratorProcess.start());
  const seconds = quick ? 4 : 8;
  const hoards = cores * (HEAP_MB - BASE_MB) / HOARD_MB / HOARD_SECONDS;
  const plan = (port: number, load: number, long: number, seed: number, requests: LoadPlan['requests']): LoadPlan =>
    ({ host: '127.0.0.1', port, seed, ratePerSecond: hoards * load + SMALL_PER_SECOND, seconds: long, arrivals: 'poisson', timeoutMs: TIMEOUT_MS, connections: { initial: 64, max: 2048 }, requests });
  const requestsAt = async (load: number): Promise<LoadPlan['requests']> => [await plannedRequest(app, SMALL, SMALL_PER_SECOND), await plannedRequest(app, HOARD, hoards * load)];
  const [calm, loaded] = [await requestsAt(0.25), await requestsAt(LOAD)];
  const rows: Row[] = CONTENDERS.map(([name]) => ({ name, peak: [], small: [], big: [], p99: [], died: 0 }));
  for (let round = 0; round < (quick ? 1 : Math.min(rounds, 5)); round++) {
    for (const [k, [name, file]] of CONTENDERS.entries()) {
      const folder = mkdtempSync(join(tmpdir(), 'capriccio-bench-'));
      const row = rows[k] as Row;
      try {
        await using server = await ServerProcess.start(new URL(file, import.meta.url), { app: new URL('apps/routes.ts', import.meta.url), port: 0, cores },
          { BENCH_PEAKS: folder, BENCH_HEAP_MB: String(HEAP_MB) }, name === 'capriccio' ? [] : [`--max-old-space-size=${HEAP_MB}`]);
        progress(`round ${round + 1}: ${name}`);
        let result: LoadResult | undefined;
        try {
          await generator.run(plan(server.port, 0.25, 2, 5 + round, calm));
          result = await generator.run(plan(server.port, LOAD, seconds, 10 + round, loaded));
        } catch (error) {
          console.error(String(error));
          generator = stack.use(await GeneratorProcess.start());
        }
        const [small, big] = result?.routes ?? [];
        row.small.push(small === undefined ? 0 : small.right / small.sent);
        row.big.push((big?.right ?? 0) / seconds);
        row.p99.push((small?.latencyUs.p99 ?? Infinity) / 1000);
        row.died += server.isUp ? (await server.usage()).lost ?? 0 : 1;
        row.peak.push(peakIn(folder));
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
      await sleep(500);
    }
  }
  progress('');
  const percent = (values: readonly number[]): string => `${(median(values) * 100).toFixed(1)} %`;
  console.log(`${HOARD_MB} MB for ${HOARD_SECONDS * 1000} ms, ${Math.round(hoards * LOAD)} a second, of which ${Math.round(hoards)} fit; heaps of ${HEAP_MB} MB`);
  table(['server', 'fullest heap', 'out of memory', 'small answered', 'their p99 ms', 'large a second'], rows.map(({ name, peak, small, big, p99, died }) => [name, percent([Math.max(...peak)]), String(died), percent(small), median(p99).toFixed(0), median(big).toFixed(0)]));
  const [ours] = rows as [Row];
  return [
    { what: `fullest heap, of its limit, at ${LOAD}x`, figure: percent([Math.max(...ours.peak)]), goal: `≤ ${HEAP * 100} %`, isMet: Math.max(...ours.peak) <= HEAP },
    { what: 'workers out of memory', figure: String(ours.died), goal: '0', isMet: ours.died === 0 },
    { what: 'small requests beside', figure: percent(ours.small), goal: `≥ ${ANSWERED * 100} %`, isMet: median(ours.small) >= ANSWERED },
  ];
};
