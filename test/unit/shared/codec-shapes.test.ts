import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { makeCodec } from './codec-harness.ts';

interface Node { readonly depth: number }
interface Trie { readonly root: Node; step(node: Node, key: string): Node | undefined; settle(node: Node): void; tidy(): void }
// Inside the package: its bounds show through the door only as time and memory.
const inside = new URL('../../../packages/shared/src/codec/shapes.ts', import.meta.url).href;
const { ShapeTrie } = await import(/* @vite-ignore */ inside) as { ShapeTrie: new (names: { intern(text: string): number }) => Trie };

describe('shapes', () => {
  test('are published when met again, and then cost their values only', () => {
    const { encoder, names } = makeCodec();
    const lengths = [1, 2, 3].map((k) => encoder.encode({ width: k, height: k }, 'value'));
    expect(lengths[1]).toBeLessThan(lengths[0] as number);
    expect(lengths[2]).toBe(lengths[1]);
    expect(names.intern('next')).toBe(1);
  });

  test('inside an object of the same shape that is not published yet', () => {
    const { roundTrip } = makeCodec();
    const tree = (depth: number): object => ({ left: depth === 0 ? null : tree(depth - 1), right: null });
    for (let k = 0; k < 3; k++) expect(roundTrip(tree(3))).toEqual(tree(3));
  });

  test('dictionaries do not fill the table, nor keep others from learning', () => {
    const { encoder, decoder, names } = makeCodec();
    let key = 0;
    for (let k = 0; k < 10_000; k++) {
      const dictionary = Object.fromEntries(Array.from({ length: 5 }, () => [`key ${key++}`, key]));
      const length = encoder.encode(dictionary, 'value');
      if (k % 100 === 0) expect(decoder.decode(encoder.scratch, 0, length)).toEqual(dictionary);
    }
    expect(names.intern('first')).toBe(0);
    const [once, , again] = [1, 2, 3].map(() => encoder.encode({ learnt: 1, late: 2 }, 'value'));
    expect(again).toBeLessThan(once as number);
  });

  test('are bounded in number and in keys, and beyond come spelled out', () => {
    const { names, roundTrip } = makeCodec({ namesBytes: 1 << 20 });
    for (let k = 0; k < 2_100; k++) for (let turn = 0; turn < 3; turn++) expect(roundTrip({ [`a${k}`]: 1, b: turn })).toEqual({ [`a${k}`]: 1, b: turn });
    expect(names.intern('after')).toBe(2_000);
    const wide = Object.fromEntries(Array.from({ length: 65 }, (_, k) => [`w${k}`, k]));
    const huge = Object.fromEntries(Array.from({ length: 70_000 }, (_, k) => [`h${k}`, k]));
    for (let turn = 0; turn < 3; turn++) expect(roundTrip([wide, huge])).toEqual([wide, huge]);
  });

  test('have no node beyond the bounds, until the trie is tidied', () => {
    const trie = new ShapeTrie({ intern: () => 0 });
    let node = trie.root;
    let depth = 0;
    for (let next = trie.step(node, 'k'); next !== undefined; next = trie.step(node, 'k')) {
      node = next;
      depth++;
    }
    expect(depth).toBe(64);
    const kept = trie.step(trie.root, 'kept');
    for (let k = 0; k < 2 && kept !== undefined; k++) trie.settle(kept);
    let count = 0;
    while (trie.step(trie.root, `k${count}`) !== undefined) count++;
    expect(count).toBe(16_000 - 66);
    for (let k = 0; k < 2_000; k++) trie.step(trie.root, `more ${k}`);
    expect(trie.step(trie.root, 'new')).toBeUndefined();
    trie.tidy();
    expect(trie.step(trie.root, 'new')).toBeDefined();
    expect(trie.step(trie.root, 'kept')).toBe(kept);
    expect(trie.step(trie.root, 'k0')).not.toBe(node);
  });

  test('are no shapes when their name is something else', () => {
    const { decoder, names } = makeCodec();
    expect([names.intern('F["a"]'), names.intern('S["a"]')]).toEqual([0, 1]);
    const bytes = (number: number): Buffer => Buffer.from([0, 16, number, 0, 0, 0, 0x85]);
    expect(decoder.decode(bytes(1), 0, 7)).toEqual({ a: 5 });
    for (const number of [0, 2, 255]) expect(() => decoder.decode(bytes(number), 0, 7)).toThrow(/corrupt/);
  });

  test('that values carry take no more bytes than keys that are spelled, and once a value', () => {
    const { encoder, roundTrip } = makeCodec({ carries: true });
    const one = { id: 1, name: 'n', ['ключ']: true };
    const spelled = encoder.encode(one, 'value');
    encoder.encode(one, 'value');
    for (let k = 0; k < 3; k++) expect(encoder.encode(one, 'value')).toBe(spelled);
    const values = 1 + 2 + 1;
    expect(encoder.encode([one, { ...one }, { ...one }], 'value')).toBe(1 + 5 + (spelled - 1) + 2 * (5 + values));
    for (let k = 0; k < 3; k++) expect(roundTrip([one, { other: one }, { ...one, more: [{ ...one }] }])).toEqual([one, { other: one }, { ...one, more: [{ ...one }] }]);
  });

  test('work where code may not be made from strings; and a module is refused', () => {
    const script = `
      import { Encoder, Decoder } from '@capriccio/shared';
      const texts = [];
      const names = { intern: (text) => texts.indexOf(text) >= 0 ? texts.indexOf(text) : texts.push(text) - 1, text: (number) => texts[number] };
      const buffers = { numberOf: () => 0, bufferOf: () => undefined };
      const encoder = new Encoder(names, buffers), decoder = new Decoder(names, buffers);
      let clone;
      for (let k = 0; k < 4; k++) clone = decoder.decode(encoder.scratch, 0, encoder.encode({ a: k, ['__proto__']: [k], 'q"': undefined }, 'value'));
      try { encoder.encode({ module: await import('node:path') }, 'value'); } catch (error) { console.log(error.message); }
      console.log(texts.length, JSON.stringify(clone), Object.keys(clone).join());`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--conditions=capriccio-source', '--disallow-code-generation-from-strings', '--input-type=module', '-e', script], { encoding: 'utf8', cwd: import.meta.dirname });
    expect(stderr).toBe('');
    expect(stdout).toBe('value.module is a module and cannot be cloned; pass the data it is made of instead, or list it in `transfer` if it is transferable\n1 {"a":3,"__proto__":[3]} a,__proto__,q"\n');
  });
});
