/** A skewed load: of 400 tasks one in twenty spins 20 ms, the rest 0.1 ms; 32 are outstanding. How near to what the workers could do at best? */
import { interleave, median, round3, table, type Bench, type SideResult } from '../harness.ts';
import { bare, capriccio, piscina, type Contender } from './contenders.ts';

const TASKS = 400;
const LONG_MS = 20;
const SHORT_MS = 0.1;
const OUTSTANDING = 32;

/** The same order for everybody and every round: a fixed shuffle. */
function loads(): number[] {
  const list: number[] = Array.from({ length: TASKS }, (_, k) => (k % 20 === 0 ? LONG_MS : SHORT_MS));
  let state = 12_345;
  for (let k = list.length - 1; k > 0; k--) {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff;
    const other = state % (k + 1);
    [list[k], list[other]] = [list[other] as number, list[k] as number];
  }
  return list;
}

async function run(contender: Contender): Promise<number> {
  const list = loads();
  let next = 0;
  const one = async (): Promise<void> => { while (next < list.length) await contender.call('spin', list[next++]); };
  const began = performance.now();
  await Promise.all(Array.from({ length: OUTSTANDING }, one));
  return performance.now() - began;
}

export const bench: Bench = async ({ cores, rounds }) => {
  await using ours = await capriccio(cores);
  await using theirs = piscina(cores);
  await using many = piscina(cores, { atomics: 'sync', tasks: 100 });
  await using plain = await bare(cores);
  const contenders = [ours, theirs, many, plain];
  for (const contender of contenders) await run(contender);
  const results = await interleave(contenders.map((contender) => ({ name: contender.name, measure: () => run(contender) })), Math.min(rounds, 7), { label: 'skewed load', unit: 'ms', better: 'lower' });
  const idealMs = loads().reduce((sum, ms) => sum + ms, 0) / cores;
  table(['contender', 'ms', 'of the ideal'], results.map(({ name, rounds: times }) => [name, round3(median(times)), (idealMs / median(times)).toFixed(3)]));
  const [us] = results as [SideResult];
  const share = idealMs / median(us.rounds);
  return [{ what: 'skewed load, share of the ideal', figure: share.toFixed(3), goal: '≥ 0.95', isMet: share >= 0.95 }];
};
