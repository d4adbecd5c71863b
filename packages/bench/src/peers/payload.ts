/** What do payloads cost? The size comes back, eight calls are outstanding. */
import { calibrate, drive, interleave, median, ratio, round3, showRatio, table, type Bench, type Finding, type SideResult } from '../harness.ts';
import { bare, capriccio, piscina } from './contenders.ts';
import type { Transferable } from 'node:worker_threads';

const ROUND_MS = 250;
const WINDOW = 8;
const record = (k: number): object => ({ id: k, name: `user${k}`, ok: true, score: k * 1.5, tags: ['a', 'bb'] });

interface Payload { readonly name: string; readonly make: () => { value: unknown; transfer?: readonly Transferable[] }; readonly against: 'piscina' | 'bare'; readonly goal: number }
const small = Array.from({ length: 14 }, (_, k) => record(k));
const large = Array.from({ length: 900 }, (_, k) => record(k));
const bytes = new Uint8Array(65_536).fill(7);
const payloads: readonly Payload[] = [
  { name: '1 KB object', make: () => ({ value: small }), against: 'piscina', goal: 5 },
  { name: '64 KB object', make: () => ({ value: large }), against: 'piscina', goal: 1 },
  { name: '64 KB bytes copied', make: () => ({ value: bytes }), against: 'bare', goal: 1 },
  { name: '1 MiB transferred', make: () => { const value = new Uint8Array(2 ** 20); return { value, transfer: [value.buffer] }; }, against: 'bare', goal: 1 },
];

export const bench: Bench = async ({ cores, rounds }) => {
  await using ours = await capriccio(cores);
  await using single = piscina(cores);
  await using many = piscina(cores, { atomics: 'sync', tasks: 100 });
  await using plain = await bare(cores);
  const contenders = [ours, single, many, plain];
  const found: Finding[] = [];
  const rows: string[][] = [];
  for (const { name, make, against, goal } of payloads) {
    const calls = contenders.map((contender) => (): Promise<unknown> => { const { value, transfer } = make(); return contender.call('size', value, transfer); });
    const totals: number[] = [];
    for (const call of calls) { await drive(call, WINDOW, 200); totals.push(await calibrate(call, WINDOW, ROUND_MS)); }
    const results = await interleave(contenders.map((contender, k) => ({ name: contender.name, measure: () => drive(calls[k] as () => Promise<unknown>, WINDOW, totals[k] as number) })), rounds, { label: name, unit: 'calls/s' });
    const [us, first, second, base] = results as [SideResult, SideResult, SideResult, SideResult];
    for (const result of results) rows.push([name, result.name, round3(median(result.rounds)), result === us ? '' : `${showRatio(ratio(us, result))} x`]);
    const peer = against === 'bare' ? base : median(first.rounds) > median(second.rounds) ? first : second;
    found.push({ what: `${name} against ${peer.name}`, figure: `${showRatio(ratio(us, peer))} x`, goal: `≥ ${goal} x`, isMet: ratio(us, peer).median >= goal });
  }
  table(['', 'contender', 'calls/s', 'ours against it'], rows);
  return found;
};
