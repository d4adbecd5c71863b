/**
 * Whole programs natively, and as threads from compiled code: `programs/`. A request, a document, a folder is a thread; the caller keeps some of them
 * outstanding, and begins each in a turn of the event loop, as what comes by a socket does. All copies are in one process and take turns; what each gives is compared before the clock counts. Times are processor time of the process,
 * all its threads together, which other work on the machine hardly lengthens.
 * Run: npm run bench -- compiled/real
 */
import { setImmediate as turn } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { spawn } from '@capriccio/worker/thread';
import { calibrate, drive, interleave, median, ratio, round3, showRatio, table, type Bench, type Finding } from '../harness.ts';
import { load, type Copy } from './load.ts';
import type { Program } from './programs/program.ts';

const programs = { 'fastify-app': 'a Fastify app, a request', 'hono-app': 'a Hono app, a request', markdown: 'a Markdown renderer, a page', crawler: 'a crawler over a folder, a package', interpreter: 'an interpreter, a program' } as const;
const COPIES: readonly Copy[] = ['native', 'compiled', 'compiled, libraries too'];
/** Long enough for some dozens of scavenges: a few more or less must not matter. */
const ROUND_MS = 250;
const WARM_UP_MS = 700;
/** Tasks whose results are compared. */
const CHECKED = 212;

type Call = (k: number) => Promise<unknown>;
const inTurn = (call: Call): Call => async (k) => { await turn(); return await call(k); };
interface Contender { readonly name: string; readonly call: Call }

/** Processor time of a call, us. */
async function cpuUs(call: Call, window: number, count: number): Promise<number> {
  (globalThis as { gc?: (options: object) => void }).gc?.({ type: 'minor' });   // nobody pays for the garbage of another
  const before = process.cpuUsage();
  await drive(call, window, count);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}

async function contendersOf(name: string): Promise<{ contenders: Contender[]; window: number }> {
  const copies = new Map<Copy, Program>();
  for (const copy of COPIES) copies.set(copy, await load(name, copy));
  const { task, WINDOW: window } = copies.get('native') as Program;
  const contenders = [{ name: 'native', call: inTurn(task) }];
  for (const copy of COPIES.slice(1)) {
    const compiled = copies.get(copy) as Program;
    contenders.push({ name: copy.replace('compiled', 'threads'), call: inTurn((k) => spawn(compiled.task, k).join()) });
  }
  for (let k = 0; k < CHECKED; k++) {
    const expected = await task(k);
    for (const { name: side, call } of contenders) if (!isDeepStrictEqual(await call(k), expected)) throw new Error(`${name}, ${side}: task ${k} gives something else`);
  }
  return { contenders, window };
}

export const bench: Bench = async ({ rounds }) => {
  const rows: string[][] = [];
  const ratios: number[] = [];
  for (const [name, what] of Object.entries(programs)) {
    const { contenders, window } = await contendersOf(name);
    const counts: number[] = [];
    for (const { call } of contenders) { await calibrate(call, window, WARM_UP_MS); counts.push(await calibrate(call, window, ROUND_MS)); }
    const count = Math.max(...counts);
    const results = await interleave(contenders.map(({ name: side, call }) => ({ name: side, measure: () => cpuUs(call, window, count) })), rounds, { label: what, unit: 'us', better: 'lower' });
    const [native, threads, ...more] = results as [never, never];
    const compared = ratio(threads, native);
    ratios.push(compared.median);
    rows.push([what, ...results.slice(0, 2).map((side) => round3(median(side.rounds))), showRatio(compared), ...more.map((side) => showRatio(ratio(side, native)))]);
  }
  table(['us of CPU', 'native', 'threads', 'threads / native', 'the same, libraries compiled too'], rows);
  const mean = Math.exp(ratios.reduce((sum, value) => sum + Math.log(value), 0) / ratios.length);
  const worst = Math.max(...ratios);
  return [
    { what: 'real programs as threads, geometric mean', figure: mean.toFixed(3), goal: '≤ 1.05', isMet: mean <= 1.05 },
    { what: 'the dearest of them', figure: worst.toFixed(3), goal: '≤ 1.25', isMet: worst <= 1.25 },
  ] satisfies Finding[];
};
