/**
 * All peers beside each other: throughput of tiny tasks, of objects and bytes, latency, and a skewed load. Each measure has all contenders open at once
 * and asks them in turn, so that the machine's drift is everybody's. Where a peer is ahead of ours, the findings say so.
 */
import { calibrate, drive, interleave, median, note, ratio, round3, showRatio, table, type Bench, type Finding, type SideResult } from '../harness.ts';
import { openContender, openers, type Contender } from './contenders.ts';
import { roundsOfMs, runSkewed, skewedLoad } from './skewed.ts';

const ROUND_MS = 150;
const OURS = 'capriccio';

interface Measure { readonly label: string; readonly unit: string; readonly better: 'higher' | 'lower'; prepare(contender: Contender): Promise<() => Promise<number>> }

const record = (k: number): object => ({ id: k, name: `user${k}`, ok: true, score: k * 1.5, tags: ['a', 'bb'] });
const kilobyte = Array.from({ length: 14 }, (_, k) => record(k));

/** Calls a second with `window` of them outstanding. */
const rate = (label: string, window: number, call: (contender: Contender, k: number) => Promise<unknown>): Measure => ({
  label, unit: 'calls/s', better: 'higher',
  async prepare(contender) {
    const one = (k: number): Promise<unknown> => call(contender, k);
    await drive(one, Math.min(window, 100), 500);
    const total = await calibrate(one, window, ROUND_MS);
    return () => drive(one, window, total);
  },
});

async function latency(contender: Contender, count: number, idleMs: number): Promise<number> {
  const times: number[] = [];
  for (let k = 0; k < count; k++) {
    if (idleMs > 0) await new Promise((resolve) => { setTimeout(resolve, idleMs); });
    const began = performance.now();
    await contender.call('increment', k);
    times.push((performance.now() - began) * 1000);
  }
  return median(times);
}

/** Of 100 tasks one in twenty computes 20 ms, the rest 0.1 ms. */
const perMs = roundsOfMs();
const skewed = skewedLoad(100, 20, 0.1).map((ms) => Math.round(ms * perMs));

const measures: readonly Measure[] = [
  rate('tiny tasks, window 100', 100, (contender, k) => contender.call('increment', k)),
  rate('tiny tasks, window 1,000', 1000, (contender, k) => contender.call('increment', k)),
  rate('1 KB object, window 8', 8, (contender) => contender.call('size', kilobyte)),
  rate('64 KB bytes copied, window 8', 8, (contender) => contender.call('size', new Uint8Array(65_536))),
  { label: 'round trip, hot', unit: 'us', better: 'lower', prepare: async (contender) => { await latency(contender, 1000, 0); return () => latency(contender, 500, 0); } },
  { label: 'round trip, after 5 ms idle', unit: 'us', better: 'lower', prepare: async (contender) => () => latency(contender, 20, 5) },
  { label: 'skewed load', unit: 'ms', better: 'lower', prepare: async ({ call }) => () => runSkewed((task) => call('compute', task), skewed, 16) },
];

export const bench: Bench = async ({ cores, rounds }) => {
  await using stack = new AsyncDisposableStack();
  const contenders: Contender[] = [];
  for (const name of Object.keys(openers)) {
    const contender = stack.use(await openContender(name, cores));
    if (await contender.call('increment', 41) !== 42 || await contender.call('size', kilobyte) !== 14) throw new Error(`${name} answers wrongly`);
    contenders.push({ ...contender, name });
  }
  const found: Finding[] = [];
  const columns = new Map<string, string[]>(contenders.map(({ name }) => [name, [name]]));
  for (const { label, unit, better, prepare } of measures) {
    const runs: (() => Promise<number>)[] = [];
    for (const contender of contenders) runs.push(await prepare(contender));
    const results = await interleave(contenders.map(({ name }, k) => ({ name, measure: runs[k] as () => Promise<number> })), rounds, { label, unit, better });
    const us = results[0] as SideResult;
    const factor = (peer: SideResult): ReturnType<typeof ratio> => (better === 'higher' ? ratio(us, peer) : ratio(peer, us));
    for (const result of results) columns.get(result.name)?.push(`${round3(median(result.rounds))}${result.name === OURS ? '' : ` (${round3(factor(result).median)} x)`}`);
    const peers = results.filter(({ name }) => name !== OURS && name !== 'the same thread');
    const best = peers.toSorted((a, b) => factor(a).median - factor(b).median)[0] as SideResult;
    found.push({ what: `${label}: ours against the best peer, ${best.name}`, figure: `${showRatio(factor(best))} x`, goal: '≥ 1 x', isMet: factor(best).median >= 1 });
  }
  note('In brackets: how many times better ours is.');
  table(['contender', ...measures.map(({ label, unit }) => `${label}, ${unit}`)], [...columns.values()]);
  return found;
};
