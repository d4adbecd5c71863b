/**
 * A skewed load: of 400 tasks one in twenty computes 20 ms, the rest 0.1 ms; 32 are outstanding. How near to what the cores could do at best? That is
 * measured in the same rounds: the sum of the work, divided evenly beforehand, one piece on each core (two cores that compute side by side are slower
 * than one that computes alone).
 */
import { interleave, median, ratio, round3, showRatio, table, type Bench, type SideResult } from '../harness.ts';
import { bare, capriccio, piscina } from './contenders.ts';
import { roundsOfMs, runSkewed, skewedLoad } from './skewed.ts';

const OUTSTANDING = 32;

export const bench: Bench = async ({ cores, rounds }) => {
  await using ours = await capriccio(cores);
  await using theirs = piscina(cores);
  await using many = piscina(cores, { atomics: 'sync', tasks: 100 });
  await using plain = await bare(cores);
  const perMs = roundsOfMs();
  const load = skewedLoad(400, 20, 0.1).map((ms) => Math.round(ms * perMs));
  const sides = [ours, theirs, many, plain].map(({ name, call }) => ({ name, measure: () => runSkewed((task) => call('compute', task), load, OUTSTANDING) }));
  for (const { measure } of sides) await measure();
  const sum = load.reduce((all, task) => all + task, 0);
  const even = { name: 'divided evenly beforehand', measure: () => runSkewed((task) => plain.call('compute', task), Array.from({ length: cores }, () => sum / cores), cores) };
  const results = await interleave([...sides, even], Math.min(rounds, 7), { label: 'skewed load', unit: 'ms', better: 'lower' });
  const ideal = results.at(-1) as SideResult;
  table(['contender', 'ms', 'of the ideal'], results.map((result) => [result.name, round3(median(result.rounds)), result === ideal ? '' : showRatio(ratio(ideal, result))]));
  const share = ratio(ideal, results[0] as SideResult);
  return [{ what: 'skewed load, share of the ideal', figure: showRatio(share), goal: '≥ 0.95', isMet: share.median >= 0.95 }];
};
