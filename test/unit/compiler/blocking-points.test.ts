import { describe, expect, test } from 'vitest';
import { SourceError, blockingPoints } from '@capriccio/compiler';

const shown = (source: string, file = 'a.js'): string[] => blockingPoints(source, { file }).map(({ form, functionName, line, column }) => `${line}:${column} ${form} in ${functionName}`);

describe('blocking points', () => {
  test('every form is found, with its function, line and column', () => {
    expect(shown([
      'const x = await 1;',
      'export async function f() { for await (const y of z) await y; }',
      'const g = async () => { await using r = await open(); };',
      'class C { async *m() { yield 1; yield* this.m(); } static async s() { await 0; } }',
      'export default { async k() { await 1; } };',
    ].join('\n'))).toEqual([
      '1:10 await in <top level>',
      '2:28 for await in f', '2:53 await in f',
      '3:24 await using in g', '3:40 await in g',
      '4:23 yield in C.m', '4:32 yield* in C.m', '4:70 await in C.s',
      '5:29 await in k',
    ]);
  });

  test('types are stripped in place: lines and columns are those of the source', () => {
    expect(shown('interface A { b: number }\nasync function f(a: A): Promise<void> { await (a as unknown as Promise<void>); }', 'a.ts')).toEqual(['2:40 await in f']);
  });

  test('numbers stay when lines move, and differ between points', () => {
    const before = blockingPoints('async function f() { await a; await b; }', { file: 'x.js' });
    const after = blockingPoints('// a comment\n\nasync function f() {\n  await a;\n  await b;\n}', { file: 'x.js' });
    expect(after.map(({ number }) => number)).toEqual(before.map(({ number }) => number));
    expect(new Set(before.map(({ number }) => number)).size).toBe(2);
    expect(blockingPoints('async function f() { await a; }', { file: 'y.js' })[0]?.number).not.toBe(before[0]?.number);
  });

  test('functions of one name have numbers of their own', () => {
    const points = blockingPoints('a(async () => { await 1; }); a(async () => { await 2; }); a(async () => { await 3; });', { file: 'x.js' });
    expect(new Set(points.map(({ number }) => number)).size).toBe(3);
  });

  test('what is no JavaScript is refused with its place', () => {
    expect(() => blockingPoints('async function f( {', { file: 'broken.js' })).toThrow(SourceError);
    try { blockingPoints('let a;\nlet b = ;', { file: 'broken.js' }); } catch (error) { expect(error).toMatchObject({ line: 2, column: 8 }); }
    expect(() => blockingPoints('enum A { B', { file: 'a.ts' })).toThrow(SourceError);
    expect(() => blockingPoints('<div/>', { file: 'a.jsx' })).toThrow(/JSX/);
  });

  test('many points are found, and nesting beyond what the parser can follow is an error, not a crash', () => {
    expect(blockingPoints(`async function f() { await ${'['.repeat(200)}${']'.repeat(200)}; }`, { file: 'deep.js' })).toHaveLength(1);
    expect(() => blockingPoints(`${'['.repeat(1e5)}${']'.repeat(1e5)}`, { file: 'deep.js' })).toThrow(SourceError);
    expect(blockingPoints(`async function f() { ${'await x;'.repeat(50_000)} }`, { file: 'many.js' })).toHaveLength(50_000);
  });

  test('commonjs and scripts have no top-level await', () => {
    expect(() => blockingPoints('await x;', { file: 'a.cjs', kind: 'commonjs' })).toThrow(SourceError);
    expect(blockingPoints('return; async () => { await x; }', { file: 'a.cjs', kind: 'commonjs' })).toHaveLength(1);
  });
});
