/**
 * What one value costs: encode, one copy into shared memory as a payload block takes it, decode there; beside JSON and v8.serialize.
 * One thread, so no cache line is in flight. The sides take turns within each round, and the median over the rounds is printed.
 * Run: node --conditions=capriccio-source packages/bench/src/micro/codec.ts
 */
import { isDeepStrictEqual } from 'node:util';
import { deserialize, serialize } from 'node:v8';
import { Decoder, Encoder, NameReader, NameWriter, allocateMemory, layOut, mapMemory } from '@capriccio/shared';

const ROUNDS = 15;
/** Time of one side in one round, and before the first, ms: types that were not met before throw optimised code away. */
const SLICE_MS = 4;
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

function median(samples: number[]): number {
  samples.sort((a, b) => a - b);
  return samples[samples.length >> 1] as number;
}

/** ns a turn. */
function time(turn: () => unknown, turns: number): number {
  const from = performance.now();
  for (let k = 0; k < turns; k++) turn();
  return ((performance.now() - from) * 1e6) / turns;
}

function turnsFor(turn: () => unknown): number {
  let turns = 1;
  while (time(turn, turns) * turns < SLICE_MS * 1e6 / 2) turns *= 2;
  return turns * 2;
}

function measure(value: unknown): Record<string, number> {
  const isBinary = ArrayBuffer.isView(value);
  const sides: Side[] = [{ name: 'capriccio', turn: capriccio }, { name: 'v8', turn: v8 }, ...(isBinary ? [] : [{ name: 'json', turn: json }])];
  for (const side of sides) if (!isDeepStrictEqual(side.turn(value), value)) throw new Error(`${side.name} does not give the value back`);
  for (let k = 0; k < 3; k++) capriccio(value);
  const length = encoder.encode(value, 'value');
  encoder.scratch.copy(block, 0, 0, length);
  sides.push({ name: 'encode', turn: encodeOnly }, { name: 'decode', turn: () => decodeOnly(length) });
  const plans = sides.map(({ name, turn }) => ({ name, run: () => turn(value), turns: turnsFor(() => turn(value)), samples: [] as number[] }));
  for (const { run } of plans) for (const from = performance.now(); performance.now() - from < WARM_UP_MS;) run();
  for (let round = 0; round < ROUNDS; round++) for (const plan of plans) plan.samples.push(time(plan.run, plan.turns));
  return Object.fromEntries(plans.map(({ name, samples }) => [name, median(samples)]));
}

console.log(`ns a value, median of ${ROUNDS} interleaved rounds, Node ${process.version}\n`);
console.log('value                 encode   decode  all, with copy     JSON  (ratio)       v8  (ratio)');
for (const [name, value] of Object.entries(values)) {
  const ns = measure(value);
  const cell = (side: string): string => (ns[side] === undefined ? '–' : ns[side].toFixed(0)).padStart(9);
  const ratio = (side: string): string => (ns[side] === undefined ? '' : `(${(ns[side] / (ns['capriccio'] as number)).toFixed(1)}x)`).padStart(9);
  console.log(`${name.padEnd(18)} ${cell('encode')}${cell('decode')}${cell('capriccio').padStart(16)}${cell('json')}${ratio('json')}${cell('v8')}${ratio('v8')}`);
}
