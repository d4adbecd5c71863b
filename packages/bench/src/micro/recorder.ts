/**
 * What recording the blocking graph costs: threads of frames that give way again and again, each segment a known piece of work, with the recorder and
 * without it; and tiny pieces of work that end at once. The sides take turns within each round. Counts are checked against the number of turns.
 * Run: node --conditions=capriccio-source packages/bench/src/micro/recorder.ts
 */
import { EDGE, TABLE, allocateGraph, mapGraph, readTable } from '@capriccio/shared';
import { Recorder, Scheduler, sharedNow } from '@capriccio/worker';
import { findings, machine, median, showRatio, table } from '../harness.ts';

const ROUNDS = 25;
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

const cpuUs = (): number => { const { user, system } = process.threadCpuUsage(); return user + system; };

/** Nanoseconds of processor time a segment: others may use the machine meanwhile. */
async function measure({ scheduler, recorder }: Side, loops: number, turns: number): Promise<number> {
  const root = scheduler.roots.named(`loops ${loops}`);
  const began = cpuUs();
  const threads = Array.from({ length: THREADS }, () => scheduler.spawn(function* segment() { let sum = 0; for (let k = 0; k < turns; k++) { sum += work(loops); yield; } return sum; }, [], root));
  await Promise.all(threads.map((thread) => thread.join()));
  const ns = (cpuUs() - began) * 1000 / THREADS / turns;
  recorder?.endTurn(sharedNow() + 1000, true);
  return ns;
}

console.log(`${machine()}\n${ROUNDS} rounds, ${THREADS} threads\n`);
const sides = [makeSide(false), makeSide(true)] as const;
const rows: string[][] = [];
const list: Parameters<typeof findings>[0][number][] = [];
let passes = 0;
for (const [name, loops, turns] of SEGMENTS) {
  const figures: [number[], number[]] = [[], []];
  for (let round = -3; round < ROUNDS; round++) {
    for (let k = 0; k < 2; k++) {
      const at = (round + 3 + k) % 2 as 0 | 1;
      const ns = await measure(sides[at], loops, turns);
      if (at === 1) passes += THREADS * (turns + 1);
      if (round >= 0) figures[at].push(ns);
    }
  }
  const ratios = figures[1].map((ns, k) => ns / (figures[0][k] as number));
  const shown = { median: median(ratios), low: Math.min(...ratios), high: Math.max(...ratios) };
  rows.push([name, median(figures[0]).toFixed(0), median(figures[1]).toFixed(0), showRatio(shown)]);
  if (loops >= 150) list.push({ what: `recorder, segments of ${name}`, figure: shown.median.toFixed(3), goal: '≤ 1.02', isMet: shown.median <= 1.02 });
}
table(['segment', 'without, ns', 'with, ns', 'ratio'], rows);
const page = readTable(sides[1].memory, 1, 1, 0);
let counted = 0;
for (let at = 0; at < (page?.head[TABLE.edges] ?? 0) * EDGE.width; at += EDGE.width) counted += page?.edges[at + EDGE.count] ?? 0;
list.push({ what: 'passages counted', figure: `${counted} of ${passes}`, goal: 'all', isMet: counted === passes });
findings(list);
