/** How long does one call take, alone: hot (one after the other), and after 5 ms of idleness? */
import { interleave, median, table, type Bench, type Finding } from '../harness.ts';
import { summarise } from '../load/percentiles.ts';
import { capriccio, piscina, type Contender } from './contenders.ts';

async function latencies(contender: Contender, count: number, idleMs: number): Promise<number[]> {
  const times: number[] = [];
  for (let k = 0; k < count; k++) {
    if (idleMs > 0) await new Promise((resolve) => { setTimeout(resolve, idleMs); });
    const began = performance.now();
    await contender.call('increment', k);
    times.push((performance.now() - began) * 1000);
  }
  return times;
}

export const bench: Bench = async ({ cores, rounds }) => {
  await using ours = await capriccio(cores);
  await using theirs = piscina(cores);
  await using sync = piscina(cores, { atomics: 'sync', tasks: 1 });
  const contenders = [ours, theirs, sync];
  const found: Finding[] = [];
  const rows: string[][] = [];
  for (const contender of contenders) await latencies(contender, 3000, 0);
  for (const [name, count, idleMs] of [['hot', 3000, 0], ['after 5 ms idle', 60, 5]] as const) {
    const tails = new Map<string, number[]>();
    const results = await interleave(contenders.map((contender) => ({
      name: contender.name,
      measure: async () => {
        const times = await latencies(contender, count, idleMs);
        tails.set(contender.name, [...tails.get(contender.name) ?? [], summarise(times).p99]);
        return summarise(times).p50;
      },
    })), rounds, { label: name, unit: 'us', better: 'lower' });
    for (const { name: who, rounds: p50s } of results) rows.push([name, who, median(p50s).toFixed(1), `${Math.min(...p50s).toFixed(1)}–${Math.max(...p50s).toFixed(1)}`, median(tails.get(who) ?? []).toFixed(0)]);
    const [us, ...peers] = results.map(({ rounds: p50s }) => median(p50s)) as [number, number, number];
    const best = Math.min(...peers);
    if (idleMs === 0) found.push({ what: 'round trip hot, p50', figure: `${us.toFixed(1)} us (best piscina ${best.toFixed(1)})`, goal: '≤ 5 us', isMet: us <= 5 });
    else found.push({ what: 'round trip after 5 ms idle, p50', figure: `${us.toFixed(1)} us (best piscina ${best.toFixed(1)})`, goal: "≤ piscina's", isMet: us <= best });
  }
  table(['', 'contender', 'p50 us', 'low–high', 'p99 us'], rows);
  return found;
};
