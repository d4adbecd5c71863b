import { afterEach, describe, expect, test } from 'vitest';
import { evaluate, linked, short, stack, type Exports } from './linked.ts';

const DEEP = 1_000_000;
const compiled = (source: string): { native: Exports; linked: Exports } => ({ native: evaluate(source), linked: evaluate(linked(source).code) });

afterEach(() => { stack.configure({ framesMax: 4_194_304, isAlwaysShort: false }); });

describe('a million deep', () => {
  test('a parser of nested arrays, a printer and a comparison', { timeout: 60_000 }, () => {
    const made = compiled(`
      function value(p) { return p.s[p.i] === '[' ? array(p) : number(p); }
      function array(p) { const out = []; p.i++; if (p.s[p.i] === ']') { p.i++; return out; } for (;;) { out.push(value(p)); if (p.s[p.i++] === ']') return out; } }
      function number(p) { let n = 0; while (p.s[p.i] >= '0' && p.s[p.i] <= '9') n = n * 10 + +p.s[p.i++]; return n; }
      exports.parse = (s) => value({ s, i: 0 });
      exports.depth = (a) => { let n = 0; for (let at = a; Array.isArray(at); at = at[0]) n++; return n; };
      exports.equal = function equal(a, b) { return Array.isArray(a) ? Array.isArray(b) && a.length === b.length && a.every((x, k) => equal(x, b[k])) : a === b; };
      exports.print = (a) => { const out = []; const print = (x) => { if (Array.isArray(x)) { out.push('['); for (const y of x) print(y); out.push(']'); } else out.push(x); }; print(a); return out.length; };`);
    const text = `${'['.repeat(DEEP)}1${']'.repeat(DEEP)}`;
    expect(() => made.native['parse']?.(text)).toThrow(RangeError);
    const parsed = made.linked['parse']?.(text);
    expect(made.linked['depth']?.(parsed)).toBe(DEEP);
    const shorter = `${'['.repeat(DEEP / 10)}1${']'.repeat(DEEP / 10)}`;
    expect(made.linked['print']?.(made.linked['parse']?.(shorter))).toBe(2 * DEEP / 10 + 1);
    expect(made.linked['equal']?.(made.linked['parse']?.(shorter), made.linked['parse']?.(shorter))).toBe(true);
  });

  test('an error goes all the way up through the frames, and every finally runs', { timeout: 60_000 }, () => {
    const made = compiled('let left = 0; function f(n) { try { if (n === 0) throw new Error("bottom"); return f(n - 1); } finally { left += 1; } } exports.run = (n) => { try { f(n); } catch (error) { return [error.message, left]; } };');
    expect(made.linked['run']?.(DEEP)).toEqual(['bottom', DEEP + 1]);
  });

  test('through getters, constructors, map, forEach, reduce, call and apply', { timeout: 60_000 }, () => {
    const made = compiled(`
      class Chain { constructor(n) { this.next = n > 0 ? new Chain(n - 1) : null; } get size() { return this.next === null ? 0 : 1 + this.next.size; } }
      const nest = (n) => { let a = [0]; for (let k = 0; k < n; k++) a = [a]; return a; };
      const viaMap = (x) => Array.isArray(x) ? [x].map((y) => 1 + viaMap(y[0]))[0] : 0;
      const viaForEach = (x) => { let n = 0; if (Array.isArray(x)) x.forEach((y) => { n = 1 + viaForEach(y); }); return n; };
      const viaReduce = (x) => Array.isArray(x) ? x.reduce((sum, y) => sum + 1 + viaReduce(y), 0) : 0;
      function viaCall(x) { return Array.isArray(x) ? 1 + viaApply.call(this, x[0]) : 0; }
      function viaApply(x) { return Array.isArray(x) ? 1 + viaCall.apply(this, [x[0]]) : 0; }
      const viaMapOf = (m) => { let n = 0; if (m instanceof Map) m.forEach((v) => { n = 1 + viaMapOf(v); }); return n; };
      exports.run = (n) => { const a = nest(n - 1); let m = 0; for (let k = 0; k < n; k++) m = new Map([[1, m]]); return [new Chain(n).size, viaMap(a), viaForEach(a), viaReduce(a), viaCall(a), viaMapOf(m)]; };`);
    expect(made.linked['run']?.(50_000)).toEqual(Array(6).fill(50_000));
    expect(() => made.native['run']?.(50_000)).toThrow(RangeError);
  });

  test('the stack goes back to the native one: what follows is as fast and as shallow as before', () => {
    const made = compiled('function f(n) { return n === 0 ? 0 : 1 + f(n - 1); } exports.f = f;');
    expect(made.linked['f']?.(100_000)).toBe(100_000);
    const { switches } = stack;
    for (let k = 0; k < 1_000; k++) expect(made.linked['f']?.(100)).toBe(100);
    expect(stack.switches).toBe(switches);
  });
});

describe('without an end', () => {
  const endless = 'function ping(n) { return pong(n + 1); }\nfunction pong(n) { return ping(n + 1); }\nexports.run = () => ping(0);\nexports.caught = () => { try { return ping(0); } catch (error) { return error.code; } };';

  test('CAP_ERR_STACK names the functions of the cycle, with their lines', () => {
    stack.configure({ framesMax: 100_000 });
    const { linked: made } = compiled(endless);
    expect(() => made['run']?.()).toThrow(/100000 frames.*ping \(x\.js:1\).*pong \(x\.js:2\)|100000 frames.*pong \(x\.js:2\).*ping \(x\.js:1\)/);
    expect(made['caught']?.()).toBe('CAP_ERR_STACK');
    expect(made['caught']?.()).toBe('CAP_ERR_STACK');
  });

  test('by default it ends as well', { timeout: 60_000 }, () => {
    expect(compiled(endless).linked['caught']?.()).toBe('CAP_ERR_STACK');
  });

  test('each level may catch the error and go on', () => {
    stack.configure({ framesMax: 10_000 });
    const { linked: made } = compiled('let caught = 0; function f(n) { try { return f(n + 1); } catch (error) { caught += 1; return n; } } exports.run = () => [f(0) > 9_000, caught];');
    expect(made['run']?.()).toEqual([true, 1]);
  });

  test('through built-ins that stand on the native stack', () => {
    const { linked: made } = compiled('function f(n) { return "a".replace("a", () => f(n + 1)); } exports.run = () => f(0); function g(n) { return [1, 2].sort(() => g(n + 1)); } exports.sort = () => g(0);');
    expect(() => made['run']?.()).toThrow(RangeError);
    expect(() => made['sort']?.()).toThrow(RangeError);
  });
});

test('what is thrown into a frame, and returned from it, does not depend on where it runs', () => {
  const source = 'function f(n) { if (n % 7 === 3) { try { return g(n - 1); } catch (error) { return error + n; } } return g(n - 1) * 2; } function g(n) { if (n <= 0) throw 1; return f(n - 1) + 1; } exports.run = (n) => { try { return f(n); } catch (error) { return [error]; } };';
  const { native, linked: made } = compiled(source);
  for (let n = 0; n < 60; n++) {
    const expected = native['run']?.(n);
    expect(made['run']?.(n)).toEqual(expected);
    expect(short(() => made['run']?.(n))).toEqual(expected);
  }
});
