/**
 * When is a call worth it? The same work in place and in a pool, ever longer tasks, with arguments that cost nothing, 1 KB of objects and 64 KB of bytes; by
 * one caller who waits for each answer, and by 64 at once. One caller never gets an answer sooner than in place: what he gains is his thread, so his
 * break-even is the length at which his thread has less to do by calling. Many gain the other cores: theirs is the length at which a task takes less time.
 */
import { drive, interleave, median, note, round3, table, threadCpuUs, type Bench, type Finding, type Side } from '../harness.ts';
import { breakEven, showBreakEven, type Sample } from './break-even.ts';
import { capriccio, piscina, type Contender } from './contenders.ts';
import * as functions from './functions.ts';
import { roundsOfMs } from './skewed.ts';

const LENGTHS_US = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000];
const QUICK_US = [2, 10, 50, 250];
const ROUND_MS = 40;
const CALLS_MIN = 20;
const MANY = 64;
/** What a call may add to an answer that somebody waits for, of its length, before it is told. */
const LITTLE = 0.1;

const record = (k: number): object => ({ id: k, name: `user${k}`, ok: true, score: k * 1.5, tags: ['a', 'bb'] });
const payloads: Readonly<Record<string, unknown>> = { 'a number': undefined, '1 KB of objects': Array.from({ length: 14 }, (_, k) => record(k)), '64 KB of bytes': new Uint8Array(65_536).fill(7) };

type Work = (rounds: number) => Promise<unknown>;

const inPlace = (payload: unknown): Work => async (rounds) => (payload === undefined ? functions.compute(rounds) : functions.computeWith({ rounds, payload }));
const byPool = ({ call }: Contender, payload: unknown): Work => (rounds) => (payload === undefined ? call('compute', rounds) : call('computeWith', { rounds, payload }));

/** Microseconds a task, and of it the processor time of the caller's thread. */
interface Cost { us: number; callerUs: number }

async function cost(work: Work, rounds: number, window: number, total: number): Promise<Cost> {
  const before = threadCpuUs();
  const rate = await drive(() => work(rounds), window, total);
  return { us: 1e6 / rate, callerUs: (threadCpuUs() - before) / total };
}

interface Column { readonly name: string; readonly work: Work; readonly window: number }

export const bench: Bench = async ({ cores, rounds, quick }) => {
  await using ours = await capriccio(cores);
  await using theirs = piscina(cores, { atomics: 'sync', tasks: 100 });
  const perUs = roundsOfMs() / 1000;
  const lengths = quick ? QUICK_US : LENGTHS_US;
  const rows: string[][] = [];
  const verdicts: string[][] = [];
  const found: Finding[] = [];
  for (const [name, payload] of Object.entries(payloads)) {
    const columns: readonly Column[] = [
      { name: 'in place', work: inPlace(payload), window: 1 },
      { name: 'capriccio, one caller', work: byPool(ours, payload), window: 1 }, { name: `capriccio, ${MANY} callers`, work: byPool(ours, payload), window: MANY },
      { name: 'piscina, one caller', work: byPool(theirs, payload), window: 1 }, { name: `piscina, ${MANY} callers`, work: byPool(theirs, payload), window: MANY },
    ];
    for (const { work, window } of columns) {
      if (await work(1) !== functions.compute(1)) throw new Error(`${name}: a result is wrong`);
      await drive(() => work(1), window, 2000);
    }
    const times: number[][] = columns.map(() => []);
    const callers: number[][] = columns.map(() => []);
    for (const us of lengths) {
      const [steps, total] = [us * perUs, Math.max(CALLS_MIN, Math.round(ROUND_MS * 1000 / (us + 10)))];
      const costs = columns.map(() => [] as Cost[]);
      const sides = columns.map(({ name: side, work, window }, k): Side => ({ name: side, async measure() { const one = await cost(work, steps, window, Math.max(window, total)); costs[k]?.push(one); return one.us; } }));
      const results = await interleave(sides, rounds, { label: `${name}, tasks of ${us} us`, unit: 'us', better: 'lower' });
      for (const [k, result] of results.entries()) {
        times[k]?.push(median(result.rounds));
        callers[k]?.push(median((costs[k] as Cost[]).map(({ callerUs }) => callerUs)));
      }
      rows.push([`${name}, ${us} us`, ...results.map((result) => round3(median(result.rounds))), round3((callers[1] as number[]).at(-1) as number), round3((callers[2] as number[]).at(-1) as number)]);
    }
    const samples = (base: readonly number[], figures: readonly number[], share = 1): Sample[] => figures.map((other, k) => ({ us: lengths[k] as number, inPlace: base[k] as number * share, other }));
    const [hereUs, hereOwn] = [times[0] as number[], callers[0] as number[]];
    const against = (figures: readonly number[], share = 1): Sample[] => samples(hereUs, figures, share);
    for (const [who, one] of [['capriccio', 1], ['piscina', 3]] as const) {
      const [alone, many] = [times[one] as number[], times[one + 1] as number[]];
      const [freed, manyFreed, soon, pays] = [samples(hereOwn, callers[one] as number[]), samples(hereOwn, callers[one + 1] as number[]), against(alone, 1 + LITTLE), against(many)];
      const added = median(alone.map((us, k) => us - (hereUs[k] as number)));
      verdicts.push([`${name}: ${who}`, `${round3(added)} us`, showBreakEven(breakEven(freed), freed), showBreakEven(breakEven(soon), soon), showBreakEven(breakEven(manyFreed), manyFreed), showBreakEven(breakEven(pays), pays)]);
    }
    const [us, peer] = [against(times[2] as number[]), against(times[4] as number[])];
    found.push({ what: `${name}: ${MANY} calls at once take less time than in place, from tasks of`, figure: `${showBreakEven(breakEven(us), us)} (piscina ${showBreakEven(breakEven(peer), peer)})`, goal: '≤ piscina’s', isMet: breakEven(us) <= breakEven(peer) });
  }
  table(['us a task', 'in place', 'one caller', `${MANY} callers`, 'piscina, one', `piscina, ${MANY}`, 'our caller’s own', `our caller’s own, ${MANY}`], rows);
  console.log('');
  table(['a call is worth it from tasks of', 'one waits: adds', '… his thread has less to do', `… answer within ${LITTLE * 100} %`, `${MANY} wait: the thread has less to do`, `… on ${cores} cores less time a task`], verdicts);
  note('piscina with its fastest setting for many small tasks (atomics sync, 100 tasks a worker, FixedQueue, no timing). The caller’s own is processor time of his thread. “<”: from the shortest that was tried; “>”: not up to the longest.');
  return found;
};
