/* oxlint-disable require-yield -- threads that never wait are measured too */
/**
 * The paper's table 1: creation of a thread, a switch between two, an uncontended mutex; with the blocking graph recorded and without, which doubled
 * the paper's switch. What differs: C on the processors of 2003, and stacks that were allocated; here threads of frames in one isolate.
 */
import { allocateGraph, mapGraph } from '@capriccio/shared';
import { Recorder, Scheduler } from '@capriccio/worker';
import { Mutex } from 'capriccio/thread';
import { interleave, median, note, round3, table, type Bench, type Finding, type Side } from '../harness.ts';

/** Microseconds in the paper: Capriccio, without its tracing, NPTL. */
const PAPER = { 'creation': [21.5, 21.5, 17.7], 'switch': [0.56, 0.24, 0.65], 'uncontended mutex': [0.04, 0.04, 0.15] } as const;
type Row = keyof typeof PAPER;

function makeScheduler(isRecording: boolean): Scheduler {
  const scheduler = new Scheduler();
  if (isRecording) scheduler.recorder = new Recorder(mapGraph(allocateGraph(2), 2), 1, scheduler.roots);
  return scheduler;
}

function* ends(): Generator<unknown, number, unknown> { return 1; }
function* yields(count: number): Generator<unknown, void, unknown> { for (let k = 0; k < count; k++) yield; }
function* locks(count: number): Generator<unknown, void, unknown> {
  const mutex = new Mutex();
  for (let k = 0; k < count; k++) (mutex.tryLock() as Disposable)[Symbol.dispose]();
}

/** Microseconds an operation. */
const runs: Readonly<Record<Row, (scheduler: Scheduler, scale: number) => Promise<number>>> = {
  async creation(scheduler, scale) {
    const root = scheduler.roots.named('creation');
    const count = 20_000 * scale;
    const began = performance.now();
    let last = scheduler.spawn(ends, [], root);
    for (let k = 1; k < count; k++) last = scheduler.spawn(ends, [], root);
    await last.join();
    return (performance.now() - began) * 1000 / count;
  },
  async switch(scheduler, scale) {
    const root = scheduler.roots.named('switch');
    const each = 20_000 * scale;
    const began = performance.now();
    await Promise.all([scheduler.spawn(yields, [each], root), scheduler.spawn(yields, [each], root)].map((thread) => thread.join()));
    return (performance.now() - began) * 1000 / each / 2;
  },
  async 'uncontended mutex'(scheduler, scale) {
    const each = 100_000 * scale;
    const began = performance.now();
    await scheduler.spawn(locks, [each], scheduler.roots.named('mutex')).join();
    return (performance.now() - began) * 1000 / each;
  },
};

export const bench: Bench = async ({ rounds, quick }) => {
  const schedulers = [makeScheduler(true), makeScheduler(false)] as const;
  const rows: string[][] = [];
  const found: Finding[] = [];
  for (const name of Object.keys(PAPER) as Row[]) {
    const sides: Side[] = schedulers.map((scheduler, k) => ({ name: k === 0 ? 'recording' : 'not recording', measure: () => runs[name](scheduler, quick ? 1 : 5) }));
    for (const { measure } of sides) for (let k = 0; k < 3; k++) await measure();
    const [recording, plain] = (await interleave(sides, rounds, { label: name, unit: 'us', better: 'lower' })).map(({ rounds: us }) => median(us)) as [number, number];
    const [theirs, untraced, nptl] = PAPER[name];
    rows.push([name, round3(recording), round3(plain), String(theirs), String(untraced), String(nptl)]);
    found.push({ what: `paper, ${name}: ours beside its (22 years of processors apart)`, figure: `${round3(recording)} us`, goal: `its ${theirs} us`, isMet: recording <= theirs });
  }
  note('Paper, table 1: the columns at the right, in microseconds. What differs: processors are 22 years apart; a thread had a stack of its own to allocate there, and is a chain of frames on the heap here; recording cost half of a switch there, for a stack was walked at each, and here the compiler has numbered the places.');
  table(['microseconds', 'ours', 'not recording', 'paper', 'paper, no tracing', 'NPTL'], rows);
  return found;
};
