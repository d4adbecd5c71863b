/** What compile gives besides code that runs: maps, reports, and an answer to any input. */
import { SourceMap as NodeSourceMap } from 'node:module';
import vm from 'node:vm';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NOWHERE, SourceError, compile, originalOf } from '@capriccio/compiler';
import { ProgramMaker } from './programs.ts';

describe('places', () => {
  const source = `import { a } from './a.js'; const é = 'ü', deep = { x: { async m() { return await a(é); } } };
// a comment
export async function f(x, y = await_(1)) {
  const first = await a(x); await deep.x.m(first,
    y);
  for await (const one of a(y)) { log(one); }
  return /* here */ first;
}
class C { async #p(q) { return await this.#p(q); } }
`;
  const made = compile(source, { file: 'a.js' });

  test('every word of the source leads back to itself, through the segments and through the map', () => {
    const map = new NodeSourceMap(made.map as never);
    const lines = made.code.split('\n');
    let checked = 0;
    lines.forEach((line, row) => {
      for (const match of line.matchAll(/(?:first|one|log|deep|here|export|class|é|return)/g)) {
        const offset = lines.slice(0, row).join('\n').length + Math.min(row, 1) + match.index;
        const original = originalOf(made.segments, offset);
        if (original === NOWHERE) continue;
        if (!source.startsWith(match[0], original)) continue;            // inside of text that stands for something
        checked++;
        const { originalLine, originalColumn } = map.findEntry(row, match.index) as { originalLine: number; originalColumn: number };
        const before = source.slice(0, original).split('\n');
        expect([originalLine, originalColumn]).toEqual([before.length - 1, before.at(-1)?.length]);
      }
    });
    expect(checked).toBeGreaterThan(15);
  });

  test('every line stays in its place', () => {
    expect(made.code.split('\n').length).toBe(source.split('\n').length);
    expect(made.code.split('\n')[1]).toBe('// a comment');
  });

  test('TypeScript: columns are those of the types\' own source', () => {
    const typed = 'enum E { a }\nexport async function f<T>(x: T): Promise<T> { const y: T = await g<T>(x); return y; }\nasync function g<T>(x: T): Promise<T> { throw new Error("here"); }\n';
    const { code, segments } = compile(typed, { file: 'a.ts' });
    expect(originalOf(segments, code.indexOf('throw new Error'))).toBe(typed.indexOf('throw new Error'));
  });
});

describe('the report', () => {
  test('and the map are made when they are asked for, by a class: a getter of an object literal has a map of its own in V8, which keeps the program alive', () => {
    const compiled = compile('export async function f(n) { await f(n - 1) }', { file: 'a.js' });
    for (const name of ['report', 'map']) expect([name, name in compiled, Object.hasOwn(compiled, name)]).toEqual([name, true, false]);
  });

  test('names every async function, whether it was compiled, and why not; and every point with its number', () => {
    const { report } = compile('async function f() { await 1 }\nasync function* g() { await 2 }\nconst h = () => xs.map(async (x) => await x);', { file: 'a.js' });
    expect(report.functions).toEqual([
      { name: 'f', line: 1, column: 0, isCompiled: true },
      { name: 'g', line: 2, column: 0, isCompiled: false, reason: 'async generator' },
      { name: '', line: 3, column: 23, isCompiled: false, reason: 'small closure' },
    ]);
    expect(report.points.map(({ functionName, line, column }) => [functionName, line, column])).toEqual([['f', 1, 21], ['g', 2, 22], ['<anonymous>', 3, 36]]);
  });
  test('without async functions nothing changes', () => {
    expect(compile('let x = 1;', { file: 'a.js' })).toMatchObject({ code: 'let x = 1;', hasChanged: false });
    expect(compile('let x: number = 1;', { file: 'a.ts' })).toMatchObject({ code: 'let x         = 1;', hasChanged: false });
  });
});

describe('any input', () => {
  const answer = (source: string, file = 'a.js'): string => {
    try { return compile(source, { file, kind: 'script', smallClosures: true }).code; } catch (error) {
      expect(error).toBeInstanceOf(SourceError);
      return '';
    }
  };
  const parses = (code: string): boolean => { try { return typeof new vm.Script(`(function () {${code}\n})`) === 'object'; } catch { return false; } };

  test('is compiled to what parses, or refused as a syntax error', () => {
    const program = fc.tuple(fc.nat(500), fc.array(fc.tuple(fc.nat(), fc.nat(30), fc.constantFrom('', 'await ', '(', '}', ';', 'async ', '\n', '/**/', '//', '`', 'yield', '=>', '...')), { maxLength: 3 }))
      .map(([seed, edits]) => edits.reduce((text, [at, length, put]) => text.slice(0, at % text.length) + put + text.slice((at % text.length) + length), new ProgramMaker(seed).program()));
    fc.assert(fc.property(program, (source) => { const code = answer(source); expect(code === '' || parses(code)).toBe(true); }), { numRuns: process.env['CAPRICCIO_LONG'] === '1' ? 20_000 : 150, seed: 7 });
    fc.assert(fc.property(fc.string({ maxLength: 60 }), (source) => { answer(source); answer(source, 'a.ts'); }), { numRuns: 300, seed: 7 });
  });

  test('nesting beyond what can be followed is refused, not a crash', () => {
    expect(answer(`async function f() { await ${'['.repeat(1e5)}${']'.repeat(1e5)} }`)).toBe('');
    expect(answer(`async function f() { return ${'(await '.repeat(3000)}1${')'.repeat(3000)} }`)).toSatisfy((code: string) => code === '' || parses(code));
    expect(answer(`async function f() {${'await x;'.repeat(30_000)}}`)).toContain('$c_value');
  });

  test('names that look like ours are left alone', () => {
    const code = answer('const $c_ = 1, $c__r = 2; async function f($c_call1) { await g($c_call1, $c_, $c__r) }');
    expect(code).toContain('$c___');
    expect(parses(code)).toBe(true);
  });
});
