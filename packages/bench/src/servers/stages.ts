/**
 * What tickets and the conductor are worth where one stage of a request takes memory on any core, and another, which gives it back, has one core alone: bookings
 * are read where they arrive, and written by the worker that has the ledger (apps/ledger.ts), beside reports that only compute. Each of the two routes
 * would take nine tenths of the machine. Each worker by itself is fair to what it has, but the writer is on one only: with equal tickets it has a third of that,
 * and the processors read documents that nobody writes in time.
 *
 * Work is what is answered within a second: reports, and bookings that have been written, by what reading and writing them takes, measured alone. It is
 * shown a second, and judged for a second of the processor time that the server had, for on a shared machine sides do not get the same.
 */
import { median, progress, table, threadCpuUs, type Bench } from '../harness.ts';
import { bodyHash } from '../load/generator.ts';
import { GeneratorProcess } from '../load/generator-process.ts';
import type { LoadPlan, PlannedRequest } from '../load/plan.ts';
import { documentOf, read, write } from './apps/ledger.ts';
import { spin } from './apps/routes.ts';
import { ServerProcess } from './server-process.ts';

const SIDES = [['all parts', ''], ['equal tickets', 'tickets'], ['frozen conductor', 'decisions']] as const;
/** What each but the first must lose. */
const TO_LOSE = 0.15;
const BOOKINGS = 300;
/** Of what the machine could do if it did nothing else, what arrives of each route. */
const OFFERED = 0.9;
const REPORT = 1000;
const TIMEOUT_MS = 1000;

/** Processor time of one, hot, ms. */
function msOf(work: () => unknown, times = 200): number {
  for (let k = 0; k < times; k++) work();
  const before = threadCpuUs();
  for (let k = 0; k < times; k++) work();
  return (threadCpuUs() - before) / 1000 / times;
}

function requestsOf(cores: number, bookMs: number, reportMs: number): PlannedRequest[] {
  const body = documentOf(BOOKINGS);
  const ledgers = Math.max(1, Math.floor(cores / 2));
  return [
    { route: 'report', weight: OFFERED * cores * 1000 / reportMs, method: 'GET', path: `/report/${REPORT}/x`, status: 200, bodyHash: bodyHash(Buffer.from(`${spin(REPORT)}\n`)) },
    ...Array.from({ length: ledgers }, (_, ledger): PlannedRequest => ({ route: 'book', weight: OFFERED * cores * 1000 / bookMs / ledgers, method: 'POST', path: `/book/${ledger}`, body, status: 200, bodyHash: bodyHash(Buffer.from(`${BOOKINGS}\n`)) })),
  ];
}

export const bench: Bench = async ({ cores, rounds, quick }) => {
  await using generator = await GeneratorProcess.start();
  const [document, bookings] = [documentOf(BOOKINGS), read(documentOf(BOOKINGS))];
  const cost = { report: msOf(() => spin(REPORT)), book: msOf(() => read(document)) + msOf(() => write('alone', bookings)) };
  const requests = requestsOf(cores, cost.book, cost.report);
  const ratePerSecond = requests.reduce((sum, { weight }) => sum + weight, 0);
  const seconds = quick ? 4 : 8;
  const rows = SIDES.map(([name, without]) => ({ name, without, work: [] as number[], efficiency: [] as number[], book: [] as number[], report: [] as number[], late: [] as number[], cores: [] as number[] }));
  for (let round = 0; round < (quick ? 3 : rounds); round++) {
    for (let k = 0; k < rows.length; k++) {
      const row = rows[(k + round) % rows.length] as typeof rows[number];
      progress(`round ${round + 1}: ${row.name}`);
      await using server = await ServerProcess.start(new URL('capriccio.ts', import.meta.url), { app: new URL('apps/ledger.ts', import.meta.url), port: 0, cores }, { BENCH_LANES: 'off', ...row.without === '' ? {} : { BENCH_WITHOUT: row.without } });
      const plan = (load: number, length: number, seed: number): LoadPlan => ({ host: '127.0.0.1', port: server.port, seed, ratePerSecond: load * ratePerSecond, seconds: length, arrivals: 'poisson', timeoutMs: TIMEOUT_MS, connections: { initial: 64 * cores, max: 2048 }, requests });
      await generator.run(plan(0.25, 2, 5 + round));
      const before = (await server.usage()).cpuUs;
      const { routes } = await generator.run(plan(1, seconds, 10 + round));
      const used = ((await server.usage()).cpuUs - before) / 1e6;
      const [report, book] = ['report', 'book'].map((name) => routes.find(({ route }) => route === name)) as [typeof routes[number], typeof routes[number]];
      const work = report.right * cost.report + book.right * cost.book;
      row.work.push(work / seconds);
      row.efficiency.push(work / used);
      row.report.push(report.right / seconds);
      row.book.push(book.right / seconds);
      row.late.push((book.failed['timeout'] ?? 0) / seconds);
      row.cores.push(used / seconds);
    }
  }
  progress('');
  const [all] = rows as [typeof rows[number]];
  const ofAll = ({ efficiency }: typeof all): number => median(efficiency) / median(all.efficiency);
  console.log(`offered: ${(OFFERED * cores * 1000 / cost.report).toFixed(0)} reports a second of ${cost.report.toFixed(2)} ms, ${(OFFERED * cores * 1000 / cost.book).toFixed(0)} bookings of ${cost.book.toFixed(2)} ms`);
  table(['server', 'work a second, ms', '… of processor time', 'of all parts', 'bookings a second', '… too late', 'reports a second', 'cores had'],
    rows.map((row) => [row.name, median(row.work).toFixed(0), median(row.efficiency).toFixed(0), ofAll(row).toFixed(2), median(row.book).toFixed(0), median(row.late).toFixed(0), median(row.report).toFixed(0), median(row.cores).toFixed(2)]));
  return rows.slice(1).map((row) => ({ what: `lost with ${row.name}, of work for a second of processor time`, figure: `${((1 - ofAll(row)) * 100).toFixed(0)} %`, goal: `≥ ${TO_LOSE * 100} %`, isMet: 1 - ofAll(row) >= TO_LOSE }));
};
