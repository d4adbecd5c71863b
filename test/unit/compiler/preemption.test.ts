/** Where threads are preempted, and where not: programs that would break under careless preemption, forms of loops, twins of synchronous functions. */
import assert from 'node:assert/strict';
import vm from 'node:vm';
import { describe, expect, test } from 'vitest';
import { compile } from '@capriccio/compiler';
import { setQuantum } from '../../../packages/worker/src/compiled/preemption.ts';
import * as threadApi from '../../../packages/worker/src/thread-api.ts';
import { bothWays, compiledProgram, undisturbed } from './preempted.ts';

const MARK = 'require("capriccio/thread").annotate(module, { preemptible: true });';
const LOOP = 'let s = 0; for (let i = 0; i < 40; i++) { s += i; }';

/** What becomes of the loops of a program's functions: who says so, or undefined. */
const saidOf = (source: string, name?: string): (string | undefined)[] => compile(source, { file: 'a.js' }).report.preemption.filter((one) => name === undefined || one.name === name).map(({ by }) => by);

describe('code that relies on running to completion', () => {
  const cases: Record<string, string> = {
    'a read before a local loop and a write after it': `module.exports = async function main() { await later(); const n = shared.n, e = shared.epoch; ${LOOP} shared.n = n + 1; log(shared.n, shared.epoch - e); return s };`,
    'the same with the write in an awaited call': `async function set(v) { ${LOOP} shared.n = v; log(shared.epoch - v) } module.exports = async function main() { await later(); const e = shared.epoch; await set(e); log(shared.n - shared.epoch); };`,
    'the same through a caller that awaits': `async function inner(e) { ${LOOP} log(shared.epoch - e); return s } module.exports = async function main() { await later(); return await inner(shared.epoch) };`,
    'the same with the caller two levels up': `async function inner(e) { ${LOOP} log(shared.epoch - e) } async function middle(e) { await inner(e) } module.exports = async function main() { await later(); await middle(shared.epoch) };`,
    'closures that share a variable': `module.exports = async function main() { let n = 0; const add = () => { n++ }; await later(); const e = shared.epoch; for (let i = 0; i < 40; i++) add(); log(n, shared.epoch - e) };`,
    'a loop that writes a variable which a closure reads': `let peek; module.exports = async function main() { let n = 0; peek = () => n; await later(); const e = shared.epoch; for (n = 0; n < 40; n++) {} log(peek(), shared.epoch - e) };`,
    'getters': `const o = { get v() { return shared.epoch } }; module.exports = async function main() { await later(); const a = o.v; ${LOOP} log(o.v - a); };`,
    'an operator that calls a method of an object': `const v = { valueOf() { return shared.epoch } }; async function run(x) { await later(); let s = 0; const a = +x; for (let i = 0; i < 40; i++) s += x; return s - 40 * a } module.exports = async function main() { log(await run(v)) };`,
    'a bound that is an object': `const v = { valueOf() { shared.n++; return 20 } }; async function run(n) { await later(); const e = shared.epoch; let s = 0; for (let i = 0; i < n; i++) s += i; log(shared.n, shared.epoch - e); return s } module.exports = async function main() { return run(v) };`,
    'an array that others have too': `const all = [1, 2, 3]; shared.all = all; module.exports = async function main() { await later(); const mine = all; const e = shared.epoch; for (const one of mine) { mine[0] += one } log(mine, shared.epoch - e) };`,
    'an array that has left by another name': `module.exports = async function main() { const a = []; shared.a = a; await later(); const e = shared.epoch; for (let i = 0; i < 40; i++) a.push(i); log(shared.a.length, shared.epoch - e) };`,
    'an iterator of one\'s own': `const it = { [Symbol.iterator]() { let k = 0; return { next() { return { done: k++ > 20, value: shared.epoch } }, return() { log('closed'); return {} } } } }; module.exports = async function main() { await later(); let first; for (const e of it) { first ??= e; if (e !== first) log('broken') } for (const e of it) break; };`,
    'arguments': `function run() { const e = arguments[0]; for (let i = 0; i < 40; i++) arguments[0] += i; return [arguments[0] - e, shared.epoch - e] } module.exports = async function main() { await later(); log(run(shared.epoch)) };`,
    'the state of a generator': `function* count() { for (;;) yield shared.epoch } module.exports = async function main() { await later(); const g = count(); const a = g.next().value; let s = 0; for (let i = 0; i < 40; i++) s += g.next().value - a; log(s) };`,
    'try and finally': `module.exports = async function main() { await later(); const e = shared.epoch; try { for (let i = 0; i < 40; i++) if (i === 30) throw new Error('x') } catch (error) { log(error, shared.epoch - e) } finally { log(shared.epoch - e) } };`,
    'a jump over an await': `module.exports = async function main() { for (let k = 0; k < 3; k++) { const e = shared.epoch; out: { for (let i = 0; i < 40; i++) if (i === 20) break out; await later() } log(shared.epoch - e) } };`,
    'the synchronous part of a call that nobody awaits': `${MARK} async function part() { let s = 0; for (let i = 0; i < 40; i++) s += i; shared.n = shared.epoch; await later(); } module.exports = async function main() { await later(); const e = shared.epoch; const p = part(); log(shared.n - e); await p };`,
    'the same of a handler\'s caller': `async function part() { let s = 0; for (let i = 0; i < 40; i++) s += i; return s } module.exports = async function main() { await later(); const e = shared.epoch; const p = part(); log(shared.epoch - e); return await p };`,
    'a marked function that unmarked code calls': `const { annotate } = require("capriccio/thread"); function heavy() { let s = 0; for (let i = 0; i < 40; i++) s += i; return s } annotate(heavy, { preemptible: true }); module.exports = async function main() { await later(); const n = shared.epoch; const s = heavy(); log(shared.epoch - n); return s };`,
    'another spelling of a variable in an inner scope': `module.exports = async function main() { await later(); let n = shared.epoch; { let n = 0; for (n = 0; n < 40; n++) {} log(n) } log(shared.epoch - n) };`,
    'property setters under __proto__': `module.exports = async function main() { await later(); const e = shared.epoch, o = {}; const p = { set x(v) { log(shared.epoch - e) } }; o['__proto__'] = p; for (let i = 0; i < 40; i++) o.x = i; };`,
    'a function that is assigned again': `let f = () => 1; module.exports = async function main() { f = () => shared.epoch; await later(); const e = f(); let s = 0; for (let i = 0; i < 40; i++) s += f() - e; log(s) };`,
  };
  for (const [name, source] of Object.entries(cases)) test(name, async () => { await undisturbed(source); });

  test('the meddler sees what is not atomic: marked, the first of them breaks', async () => {
    const { native, asThread } = await bothWays(`${MARK}${cases['a read before a local loop and a write after it'] as string}`);
    assert.equal(native.log[0], '1 0');
    assert.notEqual(asThread.log[0], native.log[0]);
  });
});

describe('what is proved', () => {
  test('a loop at the end of its segment, or from an await on', () => {
    assert.deepEqual(saidOf(`async function f(o) { const n = o.n; await o.save(n); ${LOOP} o.n = s; }`), ['proof']);
    assert.deepEqual(saidOf(`async function f(o) { const n = o.n; ${LOOP} await s; o.n = s; }`), ['proof']);
    assert.deepEqual(saidOf(`async function f(o) { const n = o.n; ${LOOP} o.n = s; }`), [undefined]);
    assert.deepEqual(saidOf(`async function f(o) { ${LOOP} o.n = s; }`), [undefined], 'the beginning of a function is no beginning of a segment');
  });

  test('a recursion that was taken to be proved and is refuted after all: the proof ends', () => {
    expect(saidOf('export function w(n) { if (n) w(n - 1); console.log(n) }')).toEqual([undefined]);
    expect(saidOf('export function c(n) { return n ? c(n - 1) : [() => n] }')).toEqual([undefined]);
    expect(saidOf('export function a(n) { for (const x = [n]; n;) b(n - 1); } export function b(n) { return n ? a(n) : [n.x] }')).toEqual([undefined, undefined]);
    expect(saidOf('export function f(n) { return n ? f(n - 1) : g(n) } export function g(n) { return f(n) + h() }')).toEqual([undefined, undefined]);
  });

  test('synchronous functions that touch nothing, recursion and calls of each other included', () => {
    assert.deepEqual(saidOf('function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2) }'), ['proof']);
    assert.deepEqual(saidOf('function even(n) { return n === 0 ? true : odd(n - 1) } function odd(n) { return n === 0 ? false : even(n - 1) }'), ['proof', 'proof']);
    assert.deepEqual(saidOf('let seen; function even(n) { return n === 0 ? true : odd(n - 1) } function odd(n) { seen = n; return n === 0 ? false : even(n - 1) }'), [undefined, undefined]);
    assert.deepEqual(saidOf('function gcd(a, b) { while (b) [a, b] = [b, a % b]; return a }'), ['proof']);
    assert.deepEqual(saidOf('function primes(n) { const out = []; for (let i = 2; i < n; i++) { let is = true; for (let j = 2; j * j <= i; j++) if (i % j === 0) is = false; if (is) out.push(i) } return out }'), ['proof']);
    assert.deepEqual(saidOf('export const hash = (text) => { let h = 7; for (let k = 0; k < 100; k++) h = Math.imul(h, 31) ^ text.charCodeAt(k); return h >>> 0 }'), ['proof']);
    assert.deepEqual(saidOf('function give(n) { for (let i = 0; i < n; i++); return { n } }'), [undefined]);
    assert.deepEqual(saidOf('function loose(o, n) { let s = 0; for (let i = 0; i < n; i++) s += id(o); return s } function id(o) { return o }'), [undefined], 'what another function returns may be an object');
  });

  const unproved: Record<string, string> = {
    'a property of a parameter': 'function f(o) { let s = 0; for (let i = 0; i < o.length; i++) s += o[i]; return s }',
    'a global variable': 'let n = 0; function f() { for (let i = 0; i < 9; i++) n++ }',
    'an import': 'import { n } from "./n.js"; function f() { let s = 0; for (let i = 0; i < 9; i++) s += n; return s }',
    'a regular expression, which has a state': 'function f(t) { let s = 0; for (let i = 0; i < 9; i++) if (/a/g.test(t)) s++; return s }',
    'a call of what is not known': 'function f() { for (let i = 0; i < 9; i++) g(i) }',
    'Math, assigned to': 'function f() { for (let i = 0; i < 9; i++) Math.x = i }',
    'a name of a built-in that is one\'s own': 'import Math from "./m.js"; function f() { let s = 0; for (let i = 0; i < 9; i++) s += Math.abs(i); return s }',
    'an element that is an object': 'function f() { const a = []; a.push({}); let s = 0; for (let i = 0; i < 9; i++) s += a[0]; return s }',
    'an array that is passed on': 'function f(g) { const a = [1]; g(a); let s = 0; for (let i = 0; i < 9; i++) s += a[0]; return s }',
    'performance.mark': 'function f() { for (let i = 0; i < 9; i++) performance.mark("x") }',
    'delete, in and instanceof': 'function f() { const o = {}; for (let i = 0; i < 9; i++) delete o.x }',
    'eval': 'function f(t) { for (let i = 0; i < 9; i++) eval(t) }',
  };
  for (const [name, source] of Object.entries(unproved)) test(`not: ${name}`, () => { assert.deepEqual(saidOf(source, 'f'), [undefined]); });
});

describe('marks', () => {
  const FN = 'async function f(o) { for (const x of o) o.n += x }';
  test('by any name under which annotate was imported, and for a whole module', () => {
    for (const [head, mark] of [
      ['import { annotate } from "capriccio/thread";', 'annotate(f, { preemptible: true })'],
      ['import { annotate as a } from "@capriccio/worker/thread";', 'a(f, { "preemptible": true })'],
      ['import * as t from "capriccio/thread";', 't.annotate(f, { preemptible: true })'],
      ['import { annotate } from "capriccio/thread"; const note = annotate;', '(note)(f, { preemptible: true })'],
      ['import { annotate } from "capriccio/thread";', 'annotate(import.meta, { preemptible: true })'],
    ] as const) assert.deepEqual(saidOf(`${head} ${FN} ${mark};`), ['mark'], `${head} ${mark}`);
    for (const [head, mark] of [
      ['const { annotate: a } = require("capriccio/thread");', 'a(f, { preemptible: true })'], ['const t = require("capriccio/thread");', 't.annotate(module, { preemptible: true })'], ['', 'require("capriccio/thread").annotate(f, { preemptible: true })'],
    ] as const) assert.deepEqual(compiledProgram(`${head} ${FN} ${mark};`).report.preemption.map(({ by }) => by), ['mark'], `${head} ${mark}`);
  });
  test('stackBound: a function of elsewhere calls nothing back, and its bytes are its callers\'; blocking: its calls are listed', () => {
    const source = (notes: string): string => `import { annotate } from "capriccio/thread"; import { big } from "./big.js"; ${notes} export function walk(n) { return n === 0 ? big(n) : walk(n - 1) + 1 }`;
    const [plain, bounded] = ['', 'annotate(big, { stackBound: 20000, blocking: true });'].map((notes) => compile(source(notes), { file: 'a.js' }).report);
    assert.deepEqual([plain?.stacks.unresolved.length, bounded?.stacks.unresolved.length], [1, 0]);
    assert.equal((bounded?.stacks.linked[0]?.frameBytes ?? 0) - (plain?.stacks.linked[0]?.frameBytes ?? 0), 20_000);
    assert.deepEqual(bounded?.preemption.filter(({ what }) => what === 'call'), [{ name: 'walk', line: 1, what: 'call', reason: 'big may block the core' }]);
  });
  test('annotate gives back what it is given, and refuses what it does not know', () => {
    const fn = (): void => undefined;
    assert.equal(threadApi.annotate(fn, { preemptible: true, stackBound: 100, blocking: false }), fn);
    assert.equal(threadApi.annotate(import.meta, {}), import.meta);
    for (const [target, notes] of [[null, {}], [5, {}], [fn, null], [fn, { preemtible: true }], [fn, { preemptible: 'yes' }], [fn, { stackBound: 0.5 }], [fn, { stackBound: -1 }]]) assert.throws(() => threadApi.annotate(target as never, notes as never), { code: 'CAP_ERR_OPTION' });
  });
  test('not by a function of another name or place, or a value that is not written out', () => {
    for (const [head, mark] of [
      ['import { annotate } from "./mine.js";', 'annotate(f, { preemptible: true })'], ['function annotate() {}', 'annotate(f, { preemptible: true })'],
      ['import { annotate } from "capriccio/thread"; const yes = true;', 'annotate(f, { preemptible: yes })'], ['import { annotate } from "capriccio/thread";', 'annotate(f, { preemptible: false })'],
    ] as const) assert.deepEqual(saidOf(`${head} ${FN} ${mark};`), [undefined], mark);
  });
});

describe('forms of loops, preempted at every turn', () => {
  const forms: Record<string, string> = {
    'for, bounded': 'for (let i = 0; i < 20; i++) r.push(i)',
    'for, to a bound that is no number': 'const n = 9n; for (let i = 0n; i < n; i++) r.push(String(i)); for (let i = 0n; i < 5; i++) r.push(String(i)); const o = { valueOf() { r.push("v"); return 3 } }; for (let i = 0; i < o; i++) r.push(i)',
    'for, to NaN and to a text': 'const a = NaN, b = "7"; for (let i = 0; i < a; i++) r.push(i); for (let i = 0; i <= b; i += 2) r.push(i)',
    'for, from a text': 'for (let i = "1"; i < 5; i++) r.push(i)',
    'for, with break and continue': 'for (let i = 0; i < 20; i++) { if (i === 3) continue; if (i === 12) break; r.push(i) }',
    'for, without parts': 'let i = 0; for (;;) { if (i++ > 20) break; r.push(i) } for (; i < 30;) i++; r.push(i); for (i = 0; i < 5; i += 1) r.push(i)',
    'for, to the length of what grows and shrinks': 'const xs = [1, 2, 3]; for (let i = 0; i < xs.length; i++) { r.push(xs[i]); if (xs[i] === 2) xs.push(9, 8); if (xs[i] === 9) xs.pop() } for (let i = 0; i < xs.length; i += 3) r.push(i)',
    'for, by a step that is a variable': 'function by(from, step) { for (let i = from * 1; i < 20 && i > -20; i += step) { r.push(i); if (r.length > 40) break } } by(1, 3); by(5, -4); by(2, 0.5); for (let s = 2; s < 5; s++) for (let i = s * s; i < 20; i += s) r.push(i)',
    'for, by a step that is no number, or nothing': 'function by(from, step, end) { for (let i = from + step; i < end; i += step) { r.push(String(i)); if (r.length > 30) break } } by(1n, 3n, 9n); by("a", "b", "ac"); by(1, "1", 500); by(3, 0, 4); by(1, NaN, 3); by(1, { valueOf() { r.push("v"); return 2 } }, 9)',
    'for, by a step that changes': 'let s = 1; for (let i = s + 0; i < 60; i += s) { r.push(i); s++ }',
    'for, with two variables': 'for (let i = 0, j = 20; i < j; i++, j--) r.push(i * j)',
    'for, with a variable that closures capture': 'const all = []; for (let i = 0; i < 9; i++) all.push(() => i); r.push(...all.map((f) => f()))',
    'for, whose body is a statement without a semicolon': 'for (let i = 0; i < 5; i++) r.push(i)\n[1].forEach((x) => r.push(x))',
    'for, whose condition has effects': 'let k = 20; for (; k--; ) r.push(k); for (let i = 0; r.push(i) && i < 30; i++);',
    'while': 'let k = 20; while (k-- > 0) { if (k % 3 === 0) continue; if (k === 4) break; r.push(k) }',
    'do': 'let k = 0; do { if (k === 3) continue; if (k === 15) break; r.push(k) } while (++k < 20)',
    'do, without braces or semicolon': 'let k = 0; do k++\nwhile (k < 9)\nr.push(k)',
    'for of, over an array that grows, shrinks and has holes': 'const xs = [1, , undefined, 4, 5, 6]; for (const x of xs) { r.push(x); if (x === 4) xs.length = 5; if (x === 5 && xs.length < 9) xs.push(7, 8) } for (const x of xs) { r.push(x); if (r.length > 14) xs.length = 1 }',
    'labels': 'a: b: for (let i = 0; i < 9; i++) { c: while (true) { for (const x of [1, 2, 3]) { if (i === 2) continue a; if (i === 5) break b; if (x === 2) break c; r.push(i, x) } } r.push(-i) }',
    'for of, over what the language has': 'for (const x of [1, , 3]) r.push(x); for (const [k, v] of new Map([[1, 2], [3, 4]])) r.push(k + v); for (const x of new Set([5, 6])) r.push(x); for (const x of new Float32Array(3)) r.push(x); for (const x of "añ😀") r.push(x)',
    'for of, over an array that grows and one that shrinks': 'const a = [1]; for (const x of a) if (x < 9) a.push(x + 1, x + 2); r.push(a.length); const b = [1, 2, 3, 4, 5, 6]; for (const x of b) { b.pop(); r.push(x) }',
    'for of, left early, closes iterators of one\'s own': 'function* g() { try { yield 1; yield 2; yield 3 } finally { r.push("closed") } } for (const x of g()) { r.push(x); if (x === 2) break } for (const x of g()) r.push(x); try { for (const x of g()) throw x } catch (e) { r.push(e) }',
    'for of, over subclasses and arrays with iterators of their own': 'class A extends Array {} for (const x of A.of(1, 2)) r.push(x); const a = [1, 2]; a[Symbol.iterator] = function* () { yield 7 }; for (const x of a) r.push(x); for (const x of new Proxy([1, 2], { get(o, k) { r.push(typeof k); return o[k] } })) r.push(x)',
    'for of, with continue': 'for (const x of [1, 2, 3, 4]) { if (x === 2) continue; r.push(x) }',
    'for of, to a target that is no declaration': 'let x, o = {}; for (x of [1, 2]) r.push(x); for (o.y of [3, 4]) r.push(o.y); for ([x] of [[5]]) r.push(x)',
    'for of, over nothing': 'try { for (const x of undefined) r.push(x) } catch (e) { r.push(e.name) } try { for (const x of 5) r.push(x) } catch (e) { r.push(e.name) }',
    'for in': 'for (const k in { a: 1, b: 2 }) r.push(k); let k; for (k in [7, 8]) r.push(k)',
    'returns out of loops': 'const f = () => { for (let i = 0; ; i++) for (const x of [1, 2]) if (i > 3) return i + x }; r.push(f())',
    'loops with awaits': 'for (let i = 0; i < 3; i++) { r.push(await later(i)); for (let j = 0; j < 3; j++) r.push(j) }',
    'loops in try and finally': 'try { for (let i = 0; i < 9; i++) { try { if (i === 5) throw new Error("x"); r.push(i) } finally { for (let j = 0; j < 2; j++) r.push("f") } } } catch (e) { r.push(e.message) }',
    'switch in a loop': 'for (let i = 0; i < 6; i++) switch (i) { case 2: continue; case 3: break; default: for (const x of [i]) r.push(x) }',
    'an if without braces': 'if (r) for (let i = 0; i < 3; i++) r.push(i); else while (true) r.push(0)',
    'one line': 'for (let i = 0; i < 3; i++) for (let j = 0; j < 3; j++) while (r.length < 5) r.push(i, j)',
    'many lines': 'for (\n let i = 0 // one\n ;\n i < 3; /* two\n lines */\n i++\n)\n{\n r.push(i)\n}\nwhile (\n r.length < 9\n)\n r.push(1)\ndo\n r.pop()\nwhile (\n r.length > 4\n)\nfor (const\n x\n of\n [1]\n)\n r.push(x)',
  };
  for (const [name, body] of Object.entries(forms)) {
    test(name, async () => {
      const { asThread } = await undisturbed(`${MARK} module.exports = async function main() { const r = [];\n${body}\n;log(r); return r.length };`);
      expect(asThread.epochs).toBeGreaterThan(1);
      if (!/await/.test(body)) {
        await undisturbed(`${MARK} function plain() { const r = [];\n${body}\n;return r } module.exports = async function main() { const r = plain(); log(r); return r.length };`);
        await undisturbed(`${MARK} function plain() { const r = [];\n${body}\n;return r } module.exports = async function main() { const r = await plain(); log(r); return r.length };`);
      }
    });
  }
});

describe('twins of synchronous functions', () => {
  test('a marked one is preempted when marked code calls it, and an error in it names its callers', async () => {
    const source = `${MARK} function inner(n) { let s = 0; for (let i = 0; i < n; i++) s += i; if (n > 50) throw new Error('deep'); return s }
function outer(n) { return inner(n) + inner(n + 1) } function looped(n) { for (let i = 0; i < 3; i++) outer(n); return inner(n) }
module.exports = async function main() { await later(); log(looped(20)); try { looped(60) } catch (e) { log(e) } };`;
    const { asThread, byWrapper } = await undisturbed(source);
    assert.ok(asThread.epochs > 100 && byWrapper.epochs > 100, `preempted ${asThread.epochs} times`);
  });
  test('objects and promises that they return are not awaited', async () => {
    await undisturbed(`${MARK} function give(v) { for (let i = 0; i < 9; i++); return v } const thenable = { then() { log('then') } };
module.exports = async function main() { const a = give(thenable), b = give(Promise.resolve(1)); log(typeof a.then, b instanceof Promise); log(await b); };`);
  });
  test('recursion, this, defaults, destructured parameters, names and lengths are kept', async () => {
    await undisturbed(`${MARK} function fact(n) { for (let i = 0; i < 2; i++); return n === 0 ? 1 : n * fact(n - 1) } function sum({ a, b = 2 }, ...rest) { let s = a + b; for (const x of rest) s += x; return s }
const o = { v: 5, m: method }; function method(n = 3) { let s = 0; for (let i = 0; i < n; i++) s += this.v; return s } const arrow = (a, b) => { while (a < b) a++; return a };
module.exports = async function main() { log(fact(12), sum({ a: 1 }, 3, 4), o.m(), method.call({ v: 1 }, 4), await o.m(2), arrow(1, 9), arrow.name, arrow.length, sum.length, new Date(0).getTime()) };`);
  });
  test('deep recursion of a marked function', async () => {
    await undisturbed(`${MARK} function down(n) { for (let i = 0; i < 1; i++); return n === 0 ? 0 : 1 + down(n - 1) } module.exports = async function main() { return down(3000) };`);
  });
});

describe('cancellation', () => {
  const load = (source: string, shared: { log: unknown[] }): (() => Promise<unknown>) => {
    const module = { exports: undefined as unknown };
    vm.compileFunction(compiledProgram(source).code, ['module', 'require', 'shared', 'later'])(module, () => threadApi, shared, () => new Promise((resolve) => { setImmediate(resolve); }));
    return module.exports as () => Promise<unknown>;
  };
  const body = 'module.exports = async function main() { shared.log.push("in"); await null; let s = 0; for (let i = 0; i < 2000; i++) s += i; shared.log.push(s); await later(); shared.log.push("after"); };';
  test.each([['a marked loop is left in the middle', MARK + body, ['in']], ['one that is proved ends: the cancellation waits for the next await', body, ['in', 1_999_000]]])('%s', async (_name, source, expected) => {
    const shared = { log: [] as unknown[] };
    const main = load(source, shared);
    setQuantum(0);
    try {
      const thread = threadApi.spawn(main);
      const other = threadApi.spawn(async () => { for (let k = 0; k < 20; k += shared.log.length) await threadApi.yieldNow(); thread.cancel(); });
      await other.join();
      await assert.rejects(thread.join(), { code: 'CAP_ERR_CANCELLED' });
    } finally {
      setQuantum(1);
    }
    assert.deepEqual(shared.log, expected);
  });
});

test('the hook that makes every look preempt is off outside of these tests', () => { setQuantum(1); });
