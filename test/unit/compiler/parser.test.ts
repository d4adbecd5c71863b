/** The parser that makes our nodes accepts what acorn accepts and makes what acorn makes; and a text into which a pass has put something is parsed in part. */
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import { forEachChild, orderOf, type AnyNode } from '../../../packages/compiler/src/nodes.ts';
import { pointsOf } from '../../../packages/compiler/src/blocking-points.ts';
import { parseAgain, parseSource, type Parsed, type SourceKind } from '../../../packages/compiler/src/parse.ts';
import { linkStacks } from '../../../packages/compiler/src/stacks/link-stacks.ts';

const acorn = createRequire(new URL('../../../packages/compiler/package.json', import.meta.url))('acorn') as { parse(code: string, options: object): unknown };
const byAcorn = (code: string, kind: SourceKind): unknown => acorn.parse(code, { ecmaVersion: 'latest', sourceType: kind, allowHashBang: true, preserveParens: true, allowAwaitOutsideFunction: kind === 'module' });
const byUs = (code: string, kind: SourceKind): AnyNode => parseSource(code, { file: 'x.js', kind, typescript: false }).program as unknown as AnyNode;

/** Fields that passes write. */
const OURS = new Set(['up', 'owner', 'binding', 'info', 'vertex', 'list', 'isHot', 'isRepeated', 'facts']);
/** A tree as plain objects, in the order of its fields. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'bigint' || value instanceof RegExp) return String(value);
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value).filter(([key]) => !OURS.has(key)).map(([key, one]) => [key, plain(one)])) : value;
}

/** Every kind of node, and every way in which a token may end. */
const MODULE = `#!/usr/bin/env node
'use strict'
import d, { a as b, 'x y' as c, e } from 'm' with { type: 'json' }; import * as n from 'n'
export { b as bb, e }; export * from 'o'; export * as p from 'q' with { type: 'x' }; export default class extends d { static { var inBlock = 1; await_: for (;;) break await_ } }
export const [f, , ...g] = [1, , ...[2]], { h, i: { j = 1 }, ['k' + 1]: k, ...l } = {}; export function* m1() { yield; yield* m1(); const x = yield 1 }
class A extends (0, d) { #x = 1; static y; 'z' = 2; [n.q] = () => this.#x; get w() { return super.w } set w(v) { super.w = v } static async *gen() { for await (const one of this) yield one } constructor() { super(new.target); #x in this } }
async function o1({ a = 1, ...rest } = {}, ...more) { await using r = more; return await o1\`t\${a}\${\`\${rest}\`}x\`(a)?.b?.[0]?.(1) ?? a }
label: for (let q = 0, len = 1; q < len; q++) { if (q) continue label; else break label }
for (const key in {}) ; for (const of of []) ; for (var async2 of []) { } while (0) { } do debugger; while (0) if (1) { } else if (2) ; switch (1) { case 1: { } default: case 2: let inSwitch }
try { throw new Error } catch { } try { } catch ({ message }) { } finally { }
var re = /[/\\]]+(?<name>a|b)\\k<name>/giu, re2 = 4 / 2 / 1, big = 1_0n ** 2n, hex = 0xff, str = 'a\\u{1F600}\\x41\\
b', neg = -1 - -1 + +1, t = typeof void !~delete re.x, up = 1; up++; --up; (up) = 2; up ||= up &&= up ??= 3; up = (1, 2)
const \\u0061bc = 1, ünï = 2, 变 = 3, $_ = { __proto__: null, async, get, set, of: 1, async m() { }, *[n.g]() { }, async *ag() { }, get if() { return 1 }, set if(v) { }, 'q': 1, 2: 3, async }, async = 1, get = 1, set = 1, \\u{61}x = 1
const arrow = async x => x, arrow2 = async (x, y = async () => { await x }) => ({ x, y }), arrow3 = (x) => (y) => x + y, let1 = import.meta.url, dyn = import('x', { with: {} })
/* a comment \u2028 of two lines */ {} // the last\u2029;[1].x
a1: b1: ; ;[ünï, 变] = [变, ünï]\r\n;(function named() { return named ? class { } : class Named { } })()\r\n`;
const SCRIPT = "var let_ = 1, yield_ = 0; with (let_) { x = arguments } function f(a, a) { 'x'; 'use strict_'; return /=/.test(a) } 010 + '\\07'; <!-- html\n--> html\nif (1) function g() { }\nasync\nfunction h() { } yield\n/1/g; let\nz = 1";

const sources: [code: string, kind: SourceKind][] = [[MODULE, 'module'], [SCRIPT, 'script'], ["return 1; 'use strict'", 'commonjs'], ['', 'module'], ['// only', 'script']];
const here = new URL('.', import.meta.url);
const folder = new URL('../../../packages/compiler/src/stacks/', import.meta.url);

describe('the parser', () => {
  test('makes the trees that acorn makes', () => {
    for (const [code, kind] of sources) expect(plain(byUs(code, kind))).toEqual(plain(byAcorn(code, kind)));
  });

  test('refuses what acorn refuses, at the same place, with the same words', () => {
    const wrong = ['a b', 'let a; let a', 'v\\u0061r x', '({ v\\u0061r: x })\nvar v\\u0061r', "'\\u{110000}'", '/(/', '/a/gg', '/(?<a>.)(?<a>.)/', '/\\u{1/u', 'class A { x() { this.#y } }', 'class A { x = arguments }', 'function* g() { var yield }', 'async function f() { var await }', 'await: 1', '"use strict"; var public', "'use strict'; 010", "'use strict'; eval = 1",
      'import a from "x"; import a from "y"', 'export { nothing }', 'export { a, b as a }; var a, b', 'x = ', '`${', '/* ', '"', 'if (1) let\na', 'enum', 'var enum', 'return', 'break', 'a: a: 1', 'for (const x of async of []) ;', '({ a = 1 })', '(a, b) = 1', 'a\n=> 1', '1++', 'new.target', 'super()', '#a', '@a', '\\', 'a\\', '\u{1F600}', 'a\u{1F600}', '1a', '0b2', 'a?.`b`', 'async (x = await 1) => 1', '-1 ** 2', 'a ?? b || c', 'delete x', 'class A extends B { constructor() { super.#x } }'];
    const problem = (parser: () => unknown): string => { try { parser(); return ''; } catch (error) { return (error as Error).message.replace('x.js: ', ''); } };
    for (const kind of ['module', 'script', 'commonjs'] as const) {
      expect(wrong.map((code) => problem(() => byUs(code, kind)))).toEqual(wrong.map((code) => problem(() => byAcorn(code, kind))));
    }
  });

  test('children are visited by the kind of a node as its fields name them', () => {
    const inFields = (node: AnyNode): AnyNode[] => Object.entries(node).flatMap(([key, value]) => (OURS.has(key) ? [] : Array.isArray(value) ? value as unknown[] : [value])).filter((one): one is AnyNode => typeof (one as AnyNode | null)?.type === 'string');
    const kinds = new Set<string>();
    for (const [code, kind] of sources) {
      const pending = [byUs(code, kind)];
      for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
        const visited: AnyNode[] = [];
        forEachChild(node, (child) => { visited.push(child); });
        expect(visited.map(({ type, start }) => `${node.type} ${type} ${start}`)).toEqual(inFields(node).map(({ type, start }) => `${node.type} ${type} ${start}`));
        kinds.add(node.type);
        pending.push(...visited);
      }
    }
    expect(kinds.size).toBe(73);                                         // all that nodes.ts names
    expect(() => { forEachChild({ type: 'JSXElement' } as unknown as AnyNode, () => { /* nothing */ }); }).toThrow('JSXElement is not known');
  });

  test('a tree in order: each node knows what is around it, and its function', () => {
    const program = byUs('function f(a = () => this) { return { a, b: [a] } } class C { m() { f() } x = f }', 'module');
    const { nodes, hasVar } = orderOf(program);
    expect(hasVar).toBe(false);
    expect(nodes.map(({ type }) => type).slice(0, 5)).toEqual(['Program', 'ClassDeclaration', 'ClassBody', 'PropertyDefinition', 'MethodDefinition']);
    for (const node of nodes) forEachChild(node, (child) => { expect(child.up).toBe(node); expect(child.owner).toBe(node.type.includes('Function') ? node : node.owner); });
    expect(orderOf(byUs('{ for (var a of []) ; }', 'script')).hasVar).toBe(true);
  });
});

describe('a text that a pass has put something into', () => {
  const texts: [name: string, code: string, kind: SourceKind][] = [
    ['directives without semicolons', "'use strict'\nasync function a() { await b() }\nfunction c(n) { 'use strict'\n return n ? c(n - 1) : [async () => { await a() }] }\nmodule.exports = { a, c }\n", 'commonjs'],
    ['shared nodes of exports', 'import { a } from "./a.ts"; const b = 1; export { a, b };\nexport async function f() { await f() }\nexport function g(n) { return a(g(n - 1)) }', 'module'],
    ['what begins where something was put in', 'export function g(n) { return g(n - 1) }async function f() { await f() } /x/g.test(1)\n;{ let a = g }\n({ f }).f()\n`t`\nclass A { m() { return this.m() } static { async () => { await f() } } #p = 1; q() { return #p in this && this.q() } }', 'module'],
    ['arrow functions and parameters that are bound later', 'export const f = ({ a } = {}, [b], c = async () => { await a }) => b ? f({}, [a], c) : c, h = (x) => (y) => h(y)(x)\nexport const g = async () => { for (const x of [1]) await f(x) }\nlabel: for (;;) { switch (g) { case f: g(); break label; default: { const q = (n) => q(n - 1); q(1) } } }', 'module'],
    ...readdirSync(folder).map((file): [string, string, SourceKind] => [file, `${readFileSync(new URL(file, folder), 'utf8')}\nasync function last() { await last() }`, 'module']),
    ...readdirSync(here).filter((file) => file.endsWith('.ts')).map((file): [string, string, SourceKind] => [file, readFileSync(new URL(file, here), 'utf8'), 'module']),
  ];
  test.each(texts)('%s', (name, source, kind) => {
    const parsed = (): Parsed => parseSource(source, { file: name.endsWith('.ts') ? name : 'x.js', kind });
    const { code, program } = parsed();
    const { code: text, segments, closed = [] } = linkStacks(code, program, { file: 'x.js', kind, preemption: true });
    expect(plain(parseAgain(program, { code: text, segments }, kind))).toEqual(plain(byUs(text, kind)));
    // Bodies of twins are left out, and the points of all other functions have the numbers that they would have had.
    const pointsIn = (tree: unknown): unknown[] => pointsOf(tree as AnyNode, 'x.js', ({ start }) => ({ line: 1, column: start })).map(({ point }) => point).filter(({ form }) => form !== 'yield');
    const without = parseAgain(parsed().program, { code: text, segments, closed }, kind);
    expect(pointsIn(without)).toEqual(pointsIn(byUs(text, kind)));
    const count = (tree: unknown): number => JSON.stringify(plain(tree)).length;
    if (closed.length > 0) expect(count(without)).toBeLessThan(count(byUs(text, kind)));
  });
});
