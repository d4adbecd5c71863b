/**
 * What one value costs: encode, one copy into shared memory as a payload block takes it, decode there; beside JSON and v8.serialize.
 * One thread, so no cache line is in flight. The sides take turns within each round, and the median over the rounds is printed.
 * Run: npm run bench -- micro/codec
 */
import { isDeepStrictEqual } from 'node:util';
import { deserialize, serialize } from 'node:v8';
import { Bench as Tinybench } from 'tinybench';
import { Decoder, Encoder, NameReader, NameWriter, allocateMemory, layOut, mapMemory } from '@capriccio/shared';
import { enter, median, round3, table, type Bench } from '../harness.ts';

/** Time of one side in one round, and before the first, ms: types that were not met before throw optimised code away. */
const SLICE_MS = 4;
/** Turns that are timed together: one of a number takes less than the clock can tell. */
const TURNS = 16;
const WARM_UP_MS = 150;

interface Side { readonly name: string; readonly turn: (value: unknown) => unknown }

const layout = layOut({ participantCount: 2, slotCount: 16, ringCount: 1, payloadBytes: 65_536, namesBytes: 65_536 });
const memory = mapMemory(allocateMemory(layout), layout);
const buffers = { numberOf: () => 0, bufferOf: () => undefined };
const encoder = new Encoder(new NameWriter(memory, 0), buffers);
const decoder = new Decoder(new NameReader(memory, 0), buffers);
const block = Buffer.from(new SharedArrayBuffer(1 << 20));

function encodeOnly(value: unknown): number { return encoder.encode(value, 'value'); }

function decodeOnly(length: number): unknown { return decoder.decode(block, 0, length); }

function capriccio(value: unknown): unknown {
  const length = encoder.encode(value, 'value');
  const scratch = encoder.scratch;
  if (length <= 256) for (let k = 0; k < length; k++) block[k] = scratch[k] as number;
  else scratch.copy(block, 0, 0, length);
  return decoder.decode(block, 0, length);
}

const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
const v8 = (value: unknown): unknown => deserialize(serialize(value));

const text = (length: number): string => 'abcdefghijklmnopqrstuvwxyz'.repeat(Math.ceil(length / 26)).slice(0, length);
const record = (k: number): object => ({ id: k, name: `user${k}`, ok: true, score: k * 1.5, tags: ['a', 'bb'] });

const values: Record<string, unknown> = {
  'number': 1.5,
  'string 100 B': text(100),
  'string 1 KB': text(1_024),
  'string 64 KB': text(65_536),
  'object, 5 fields': record(7),
  '14 objects, 1 KB': Array.from({ length: 14 }, (_, k) => record(k)),
  '900 objects, 64 KB': Array.from({ length: 900 }, (_, k) => record(k)),
  'Uint8Array 64 KB': new Uint8Array(65_536).fill(7),
  'Float64Array 1 KB': new Float64Array(128).fill(1.1),
};

/** Nanoseconds a value, a figure a round. */
async function measure(value: unknown, rounds: number): Promise<Map<string, number[]>> {
  const isBinary = ArrayBuffer.isView(value);
  const sides: Side[] = [{ name: 'capriccio', turn: capriccio }, { name: 'v8.serialize', turn: v8 }, ...isBinary ? [] : [{ name: 'JSON', turn: json }]];
  for (const side of sides) if (!isDeepStrictEqual(side.turn(value), value)) throw new Error(`${side.name} does not give the value back`);
  const length = encoder.encode(value, 'value');
  encoder.scratch.copy(block, 0, 0, length);
  sides.push({ name: 'encode', turn: encodeOnly }, { name: 'decode', turn: () => decodeOnly(length) });
  const samples = new Map(sides.map(({ name }) => [name, [] as number[]]));
  for (let round = 0; round < rounds; round++) {
    const bench = new Tinybench({ time: SLICE_MS, warmupTime: round === 0 ? WARM_UP_MS : 0, warmupIterations: 1, throws: true });
    for (const { name, turn } of sides) bench.add(name, () => { for (let k = 0; k < TURNS; k++) turn(value); });
    bench.runSync();
    for (const { name, result } of bench.tasks) if (result.state === 'completed') samples.get(name)?.push(result.latency.p50 * 1e6 / TURNS);
  }
  return samples;
}

export const bench: Bench = async ({ rounds }) => {
  const rows: string[][] = [];
  for (const [name, value] of Object.entries(values)) {
    const samples = await measure(value, rounds);
    for (const [side, ns] of samples) enter({ label: name, unit: 'ns', better: 'lower' }, { name: side, rounds: ns });
    const of = (side: string): string => (samples.has(side) ? round3(median(samples.get(side) as number[])) : '');
    const against = (side: string): string => (samples.has(side) ? `${round3(median(samples.get(side) as number[]) / median(samples.get('capriccio') as number[]))} x` : '');
    rows.push([name, of('encode'), of('decode'), of('capriccio'), of('JSON'), against('JSON'), of('v8.serialize'), against('v8.serialize')]);
  }
  table(['ns a value', 'encode', 'decode', 'all, with copy', 'JSON', '', 'v8', ''], rows);
  return [];
};
