import { SourceMap as NodeSourceMap } from 'node:module';
import { describe, expect, test } from 'vitest';
import * as fc from 'fast-check';
import { NOWHERE, blockingPoints, composeSegments, identity, originalOf, toSourceMap, type Segment, type Segments } from '@capriccio/compiler';

/** A pass made by hand: pieces of the source, or new text that stands for an offset. */
type Piece = [from: number, to: number] | { text: string; for: number };
function pass(source: string, pieces: Piece[]): { code: string; segments: Segments } {
  let code = '';
  const segments: Segment[] = [];
  for (const piece of pieces) {
    const text = Array.isArray(piece) ? source.slice(...piece) : piece.text;
    if (text === '') continue;
    segments.push(Array.isArray(piece) ? { at: code.length, original: piece[0], isCopied: true } : { at: code.length, original: piece.for, isCopied: false });
    code += text;
  }
  return { code, segments };
}

describe('segments', () => {
  test('a copied offset leads back to itself, inserted text to what it stands for', () => {
    const { code, segments } = pass('await f(x)', [{ text: 'call(', for: 0 }, [6, 7], { text: ',', for: NOWHERE }, [8, 9]]);
    expect(code).toBe('call(f,x');
    expect([...code].map((_, at) => originalOf(segments, at))).toEqual([0, 0, 0, 0, 0, 6, NOWHERE, 8]);
    expect(originalOf(identity(3), 2)).toBe(2);
    expect(originalOf(identity(0), 0)).toBe(NOWHERE);
  });

  test('two passes compose to what looking twice gives', () => {
    const piecesOf = (length: number) => fc.array(fc.oneof(
      fc.tuple(fc.nat(length), fc.nat(length)).map(([a, b]): Piece => [Math.min(a, b), Math.max(a, b)]),
      fc.record({ text: fc.string({ minLength: 1, maxLength: 4 }), for: fc.integer({ min: NOWHERE, max: length - 1 }) }),
    ), { minLength: 1, maxLength: 8 });
    fc.assert(fc.property(fc.string({ minLength: 1, maxLength: 30 }).chain((source) => piecesOf(source.length).map((pieces) => ({ source, first: pass(source, pieces) })))
      .chain(({ source, first }) => (first.code === '' ? fc.constant({ source, first, second: { code: '', segments: [] as Segments } }) : piecesOf(first.code.length).map((pieces) => ({ source, first, second: pass(first.code, pieces) })))), ({ first, second }) => {
      const composed = composeSegments(second.segments, first.segments, second.code.length);
      for (let at = 0; at < second.code.length; at++) {
        const between = originalOf(second.segments, at);
        expect(originalOf(composed, at)).toBe(between === NOWHERE ? NOWHERE : originalOf(first.segments, between));
      }
    }), { seed: 1, numRuns: 300 });
  });

  test('the source map leads every token to its line and column', () => {
    const source = 'let a = 1;\nlet b = await g(a);\n';
    const at = source.indexOf('await');
    const made = pass(source, [[0, at], { text: '(yield\nx(', for: at }, [at + 6, at + 10], { text: '))', for: NOWHERE }, [at + 10, source.length]]);
    const map = new NodeSourceMap(toSourceMap(made, source, 'a.js') as never);
    const generatedG = made.code.indexOf('g(a)') - made.code.indexOf('x(');
    expect(map.findEntry(2, generatedG)).toMatchObject({ originalLine: 1, originalColumn: at - 11 + 6, originalSource: 'a.js' });
    expect(map.findEntry(2, generatedG + 2)).toMatchObject({ originalLine: 1, originalColumn: at - 11 + 8 });
    expect(map.findEntry(0, 6)).toMatchObject({ originalLine: 0, originalColumn: 6 });
    expect(map.findEntry(1, 8)).toMatchObject({ originalLine: 1, originalColumn: 8 });
  });

  test('TypeScript that cannot be stripped keeps its places too', () => {
    const source = 'enum A { x = 1 }\nclass B {\n  constructor(private a: Promise<A>) {}\n  async f() { return (await this.a) as A; }\n}\nnamespace N { export const run = async () => { await 1; }; }\n';
    expect(blockingPoints(source, { file: 'a.ts' }).map(({ functionName, line, column }) => [functionName, line, column])).toEqual([
      ['B.f', 4, source.split('\n')[3]?.indexOf('await')], ['<anonymous>', 6, source.split('\n')[5]?.indexOf('await')],
    ]);
  });
});
