/**
 * What recording the blocking graph costs: threads of frames that give way again and again, each segment a known piece of work, with the recorder and
 * without it; and tiny pieces of work that end at once. The sides take turns within each round. Counts are checked against the number of turns.
 * Run: npm run bench -- micro/recorder --rounds 25
 */
import { EDGE, TABLE, TableReader, allocateGraph, mapGraph } from '@capriccio/shared';
import { Recorder, Scheduler, sharedNow } from '@capriccio/worker';
import { enter, median, progress, ratio, showRatio, table, threadCpuUs, type Bench, type Finding } from '../harness.ts';

/** Rounds that are not counted. */
const WARM_UP = 3;
const THREADS = 50;
/** What a segment is called, turns of a loop in it, and how many a thread has: a clock of processor time is coarse. */
const SEGMENTS: readonly (readonly [name: string, loops: number, turns: number])[] = [['bare switch', 0, 16_000], ['about 0.2 us', 150, 8000], ['about 1 us', 900, 2400], ['about 10 us', 9000, 300]];

interface Side { readonly scheduler: Scheduler; readonly recorder: Recorder | undefined; readonly memory: ReturnType<typeof mapGraph> }

function makeSide(isRecording: boolean): Side {
  const scheduler = new Scheduler();
  const memory = mapGraph(allocateGraph(2), 2);
  const recorder = isRecording ? new Recorder(memory, 1, scheduler.roots) : undefined;
  scheduler.recorder = recorder;
  return { scheduler, recorder, memory };
}

function work(turns: number): number {
  let x = 1;
  for (let k = 0; k < turns; k++) x = Math.imul(x, 0x21f0aaad) ^ k;
  return x;
}


/** Nanoseconds of processor time a segment: others may use the machine meanwhile. */
async function measure({ scheduler, recorder }: Side, count: number, loops: number, turns: number): Promise<number> {
  const root = scheduler.roots.named(`loops ${loops}`);
  const began = threadCpuUs();
  const threads = Array.from({ length: count }, () => scheduler.spawn(function* segment() { let sum = 0; for (let k = 0; k < turns; k++) { sum += work(loops); yield; } return sum; }, [], root));
  await Promise.all(threads.map((thread) => thread.join()));
  const ns = (threadCpuUs() - began) * 1000 / count / turns;
  recorder?.endTurn(sharedNow() + 1000, true);
  return ns;
}

export const bench: Bench = async ({ rounds, quick }) => {
  const threads = quick ? 10 : THREADS;
  const sides = [makeSide(false), makeSide(true)] as const;
  const rows: string[][] = [];
  const found: Finding[] = [];
  let passes = 0;
  for (const [name, loops, turns] of SEGMENTS) {
    const figures: [number[], number[]] = [[], []];
    for (let round = -WARM_UP; round < rounds; round++) {
      for (let k = 0; k < 2; k++) {
        const at = (round + WARM_UP + k) % 2 as 0 | 1;
        progress(`segments of ${name}, round ${round + 1} of ${rounds}`);
        const ns = await measure(sides[at], threads, loops, turns);
        if (at === 1) passes += threads * (turns + 1);
        if (round >= 0) figures[at].push(ns);
      }
    }
    progress('');
    const results = [{ name: 'without', rounds: figures[0] }, { name: 'with the recorder', rounds: figures[1] }] as const;
    for (const result of results) enter({ label: `segments of ${name}`, unit: 'ns', better: 'lower' }, result);
    const cost = ratio(results[1], results[0]);
    rows.push([name, median(figures[0]).toFixed(0), median(figures[1]).toFixed(0), showRatio(cost)]);
    if (loops >= 150) found.push({ what: `recorder, segments of ${name}`, figure: cost.median.toFixed(3), goal: '≤ 1.02', isMet: cost.median <= 1.02 });
  }
  table(['segment', 'without, ns', 'with, ns', 'ratio'], rows);
  sides[1].recorder?.endTurn(sharedNow() + 2000, true);                 // what it has not shown yet
  const page = new TableReader(sides[1].memory, 1, 1);
  page.read();
  let counted = 0;
  for (let at = 0; at < (page.head[TABLE.edges] as number) * EDGE.width; at += EDGE.width) counted += page.edges[at + EDGE.count] as number;
  found.push({ what: 'passages counted', figure: `${counted} of ${passes}`, goal: 'all', isMet: counted === passes });
  return found;
};
