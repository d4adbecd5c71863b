/**
 * The paper's `bigstack` (section 3.4): threads that call a function which needs 1 MB of stack, again and again, and give way between the calls. With its
 * linked stacks all share one chunk, which is there while a call lasts; without, each has a stack of 1 MB of its own. Here the function is a recursion that
 * takes 1 MB natively when it is hot, and 4 MB; the native runs have one native stack for all, for that is what an isolate has.
 * Source: von Behren et al., Capriccio: Scalable Threads for Internet Services, SOSP 2003, section 3.4.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { interleave, median, note, progress, ratio, round3, showRatio, table, type Bench, type Finding, type SideResult } from '../harness.ts';
import type { BigStackPlan, BigStackRecord } from './big-stack-process.ts';

const MIB = 2 ** 20;
/** Of V8's stack, unless it is told otherwise: 984 KB. */
const NATIVE_BYTES = 984 * 1024;
/** What V8 is told where the whole of a recursion is to fit: below the 8 MB that a process usually has. */
const LARGE_STACK = '--stack-size=7000';
/** The paper had 800, for 1,000 did not fit without linked stacks. */
const PAPER_THREADS = 800;
const CALLS = 10;
const PATIENCE_MS = 120_000;
/** Threads that are held at their deepest level, all at a time. */
const HELD = 50;

/** Levels of the recursion that take so many bytes of native stack when it is hot: by running out of it. */
function levelsOf(bytes: number): number {
  const bigstack = (n: number): number => (n === 0 ? 0 : 1 + bigstack(n - 1));
  for (let k = 0; k < 3000; k++) bigstack(1000);
  let deepest = 1000;
  try { for (; ; deepest = Math.floor(deepest * 1.01)) bigstack(deepest); } catch { /* that was too deep */ }
  return Math.ceil(bytes / (NATIVE_BYTES / deepest));
}

async function runOnce(plan: BigStackPlan, isLarge = false): Promise<BigStackRecord | string> {
  const child = fork(fileURLToPath(new URL('big-stack-process.ts', import.meta.url)), [JSON.stringify(plan)], { execArgv: ['--conditions=capriccio-source', '--expose-gc', ...isLarge ? [LARGE_STACK] : []], stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  let record: BigStackRecord | string | undefined;
  child.on('message', (message) => { record = message as BigStackRecord | string; });
  const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
  const [code, signal] = await once(child, 'exit') as [number | null, string | null];
  clearTimeout(timer);
  return record ?? `the process died (${signal ?? code})`;
}

const mib = (bytes: number): string => round3(Math.max(0, bytes) / MIB);

export const bench: Bench = async ({ rounds, quick }) => {
  const found: Finding[] = [];
  const rows: string[][] = [];
  const counts = quick ? [PAPER_THREADS, 8000] : [PAPER_THREADS, 8000, 100_000];
  const callsOf = (threads: number): number => (threads <= 8000 ? quick && threads > PAPER_THREADS ? 2 : CALLS : 2);
  for (const sizeMb of quick ? [1] : [1, 4]) {
    const levels = levelsOf(sizeMb * MIB);
    const records = new Map<string, BigStackRecord[]>();
    const faults = new Map<string, string>();
    const side = (name: string, plan: BigStackPlan, isLarge: boolean) => ({
      name,
      async measure() {
        const record = await runOnce(plan, isLarge);
        if (typeof record === 'string') { faults.set(name, record); return Number.NaN; }
        records.set(name, [...records.get(name) ?? [], record]);
        return record.cpuMs * 1000 / plan.threads / plan.calls;
      },
    });
    const all = counts.flatMap((threads) => {
      const plan = { isHeld: false, threads, calls: callsOf(threads), levels };
      return [side(`${threads.toLocaleString('en')} threads, linked stacks`, { ...plan, isLinked: true }, false), side(`${threads.toLocaleString('en')} threads, natively, one stack of 7 MB`, { ...plan, isLinked: false }, true)];
    });
    const short = await runOnce({ isLinked: false, isHeld: false, threads: 1, calls: 1, levels }, false);
    const results = await interleave(all, quick ? 1 : Math.min(rounds, 3), { label: `${sizeMb} MB of stack, processor time a call`, unit: 'us', better: 'lower' });
    for (const [k, { name, rounds: us }] of results.entries()) {
      const threads = counts[k >> 1] as number;
      const of = (figure: (record: BigStackRecord) => number): number => median((records.get(name) ?? []).map(figure));
      rows.push(faults.has(name) ? [`${sizeMb} MB, ${name}`, faults.get(name) as string] : [`${sizeMb} MB, ${name}`, round3(median(us)), mib(of(({ heapBytes }) => heapBytes)), mib(of(({ rssBytes }) => rssBytes)), round3(threads * sizeMb), String(of(({ framesHigh }) => framesHigh))]);
    }
    rows.push([`${sizeMb} MB, natively, V8’s stack as it is`, typeof short === 'string' ? short : 'it fits']);
    const linked = results.filter((_, k) => k % 2 === 0) as [SideResult, SideResult];
    const most = records.get((linked.at(-1) as SideResult).name)?.map(({ rssBytes }) => rssBytes / MIB) ?? [Infinity];
    found.push(
      { what: `bigstack of ${sizeMb} MB: memory of ${(counts.at(-1) as number).toLocaleString('en')} threads, of what fixed stacks would take`, figure: `${round3(median(most))} of ${round3((counts.at(-1) as number) * sizeMb)} MiB`, goal: '≤ 0.1 (paper: one stack for all)', isMet: median(most) <= 0.1 * (counts.at(-1) as number) * sizeMb },
      { what: `… time a call by ${(counts.at(-1) as number).toLocaleString('en')} threads, of by ${PAPER_THREADS}`, figure: showRatio(ratio(linked.at(-1) as SideResult, linked[0])), goal: '≤ 1.25 (paper: linear to 100,000)', isMet: ratio(linked.at(-1) as SideResult, linked[0]).median <= 1.25 },
      ...sizeMb === 1 ? [{ what: `… ${PAPER_THREADS} threads of ${CALLS} calls, processor time`, figure: `${round3(median((linked[0] as SideResult).rounds) * PAPER_THREADS * CALLS / 1e6)} s`, goal: 'its 1.04 s, and 3.33 s without linked stacks', isMet: undefined }] : [],
      { what: `… time a call, of natively with a stack that is large enough`, figure: showRatio(ratio(linked[0], results[1] as SideResult)), goal: '', isMet: undefined },
    );
  }
  table(['', 'us a call', 'heap, MiB', 'rss, MiB', 'fixed stacks, MiB', 'frames on the heap'], rows);
  await heldAtOnce(found);
  note('Paper, section 3.4: 800 threads of 10 calls took 1.04 s (1.00 at user level) with linked stacks, for all shared one chunk, and 3.33 s (1.07) with a stack of 1 MB each, the rest being paging; 1,000 thrashed without linked stacks, and ran in linear time to 100,000 with them.');
  note('What differs: there a function touched all pages of a buffer of 1 MB, and its checkpoint linked one chunk for it; a JavaScript function has no such buffers, so a recursion takes the megabyte, and what does not fit on the native stack goes on over frames on the heap, one a level. All threads of an isolate have one native stack, so a native recursion needs no stack a thread either: it ends in a RangeError where the one is too small. No stack of 1 MB for each is measured: the column is a product.');
  return found;
};

/** What no sharing helps: everybody is at the deepest level at a time. */
async function heldAtOnce(found: Finding[]): Promise<void> {
  const levels = levelsOf(MIB);
  const rows: string[][] = [];
  for (const [name, isLinked] of [['compiled', true], ['native async functions, a stack of 7 MB', false]] as const) {
    progress(`held at the deepest level: ${name}`);
    const record = await runOnce({ isLinked, isHeld: true, threads: HELD, calls: 1, levels }, !isLinked);
    if (typeof record === 'string') { rows.push([name, record]); continue; }
    const each = record.heapBytes / HELD;
    rows.push([name, round3(record.cpuMs * 1000 / HELD), round3(each / MIB), round3(each / levels)]);
    if (isLinked) found.push({ what: `${HELD} threads held ${levels.toLocaleString('en')} awaited calls deep, MiB each`, figure: round3(each / MIB), goal: '', isMet: undefined });
  }
  progress('');
  console.log(`\n${HELD} threads that wait at their deepest level, ${levels.toLocaleString('en')} awaited calls deep, all at a time`);
  table(['', 'us each', 'heap, MiB each', 'bytes a level'], rows);
}

