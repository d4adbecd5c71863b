import { expect, test, describe } from 'vitest';
import { evaluate, linked, outcome, short, stack } from './linked.ts';

/** Each exports `run(log)`: it recurses a few levels and logs what it does, in order. */
const constructs: Record<string, string> = {
  'a declared function': 'function f(n, log) { log(n); return n === 0 ? "end" : `${n},${f(n - 1, log)}`; } exports.run = (log) => f(4, log);',
  'mutual recursion': 'function even(n) { return n === 0 ? true : odd(n - 1); } function odd(n) { return n === 0 ? false : even(n - 1); } exports.run = () => [even(7), odd(7)];',
  'a function expression that names itself': 'const f = function own(n) { return n === 0 ? [own.name, own === f] : own(n - 1); }; exports.run = () => f(3);',
  'an arrow with an expression, and an object as its body': 'const f = (n) => n === 0 ? 0 : 1 + f(n - 1); const g = (n) => ({ n, inner: n > 0 ? g(n - 1) : null }); exports.run = () => [f(3), g(2)];',
  'methods, this, and a computed one': 'const key = "walk"; const o = { n: 1, [key](d) { return d === 0 ? this.n : this[key](d - 1) + this.n; }, m(d) { return d === 0 ? [this === o] : this.m(d - 1); } }; exports.run = () => [o.walk(3), o.m(2)];',
  'classes: methods, super, static, private, accessors': `
    class A { #n = 1; static count(n) { return n === 0 ? [this.name] : this.count(n - 1); } #deep(n) { return n === 0 ? this.#n : this.#deep(n - 1) + 1; } run(n) { return this.#deep(n); } walk(n) { return n === 0 ? "A" : this.walk(n - 1) + "a"; } }
    class B extends A { walk(n) { return "b" + super.walk(n) + super["walk"](0); } get size() { return this.next === undefined ? 1 : 1 + this.next.size; } set total(n) { this.sum = (this.sum ?? 0) + n; if (n > 0) this.total = n - 1; } }
    exports.run = () => { const b = new B(); b.next = new B(); b.next.next = new B(); b.total = 4; return [A.count(3), B.count(2), b.run(3), b.walk(2), b.size, b.sum]; };`,
  'super in an arrow inside of a method': 'class A { m(n) { return n; } } class B extends A { m(n) { const up = (k) => super.m(k); return n === 0 ? up(7) : [n].map((k) => this.m(k - 1) + super.m(1))[0]; } } exports.run = () => new B().m(3);',
  constructors: 'class T { constructor(n, log) { log(`in ${n}`); this.n = n; this.next = n > 0 ? new T(n - 1, log) : null; log(`out ${n}`); } depth() { return this.next === null ? 0 : 1 + this.next.depth(); } } function F(n) { if (n === 3) return { own: n }; this.n = n; this.next = n > 0 ? new F(n - 1) : undefined; } exports.run = (log) => { const t = new T(3, log); return [t instanceof T, t.depth(), JSON.stringify(new F(2)), JSON.stringify(new F(4)), new F(1).constructor === F]; };',
  'a constructor of a derived class stays native': 'class A { constructor(n) { this.n = n; } } class B extends A { constructor(n) { super(n); this.next = n > 0 ? new B(n - 1) : null; } } exports.run = () => JSON.stringify(new B(3));',
  'arguments, mapped and not': 'function f(n) { const before = arguments.length; n -= 1; return n < 0 ? [before] : [arguments[0], ...f(n, 1, 2)]; } function g(n) { "use strict"; n -= 1; return n < 0 ? [] : [arguments[0], ...g(n)]; } exports.run = () => [f(3, 9), g(3)];',
  'defaults, patterns, rest': `
    function f(n, { a, b: [c, ...d] = [1, 2] } = { a: n }, ...rest) { return n === 0 ? [a, c, d, rest] : f(n - 1, n % 2 ? { a: c } : undefined, ...rest, n); }
    function g(n = 3, log, next = log("default")) { log(n); return n === 0 ? "end" : g(n - 1, log); }
    const h = ({ n, x = n }) => n === 0 ? x : h({ n: n - 1 });
    exports.run = (log) => [f(3), f.length, g(undefined, log), g.length, h({ n: 2 }), h.length];`,
  'a default that is a function has its name': 'function f(n, g = () => 1, { h = function () {} } = {}) { return n === 0 ? [g.name, h.name, g()] : f(n - 1); } exports.run = () => f(2);',
  'spread and holes': 'function f(n, ...xs) { return n === 0 ? [...xs, , 1,].length : f(...[n - 1], ...xs, n); } exports.run = () => f(3);',
  'optional calls and chains': `
    const o = { n: 3, f(k) { return k === 0 ? undefined : { g: (j) => o?.f?.(j) ?? j, k } } , step(k) { return k === 0 ? null : this.missing?.(k) ?? this?.["step"]?.(k - 1)?.never; } };
    function f(n, log) { const x = n > 2 ? undefined : { f, n, deep: { f } }; log(n); return n === 0 ? "end" : x?.deep.f(n - 1, log) ?? (f)?.(n - 1, log); }
    exports.run = (log) => [o.f(3)?.g?.(2)?.k, o.step(3), f(4, log)];`,
  'a chain keeps this and does not call what is not there': 'const o = { n: 2, a: { v: 5, get(k) { return k === 0 ? this.v : this?.get?.(k - 1); } }, b: undefined, f(k) { return k === 0 ? [o.a?.get(2), o.b?.get(f()), (o?.a).get(1)] : this.f(k - 1); } }; const f = () => { throw new Error("called"); }; exports.run = () => o.f(2);',
  'tagged templates': 'function tag(strings, n) { return n === 0 ? strings.raw.join("|") : tag`a${n - 1}\\n${n}b`; } const o = { sep: "-", tag(s, n) { return n === 0 ? this.sep : o.tag`${n - 1}`; } }; exports.run = () => [tag`x${3}y`, o.tag`${2}`];',
  'templates over lines': 'function f(n) { return n === 0 ? `a\n  b\\\n c ${1}\n` : f(n - 1); } exports.run = () => f(2);',
  'strings and regular expressions': 'function f(n) { return n === 0 ? ["a\\\nb", "\u2028", /[/\\]]\\n/.test("]\\n"), 0x1f, 1n, 1..toString()] : f(n - 1); } exports.run = () => f(2);',
  'try, catch, finally': `
    function f(n, log) { try { log(\`try \${n}\`); if (n === 0) throw new TypeError("bottom"); return f(n - 1, log); } catch (error) { log(error.message); if (n === 2) return "caught"; throw new Error(\`from \${n}\`, { cause: error }); } finally { log(\`finally \${n}\`); } }
    function g(n) { try { if (n > 0) return g(n - 1); throw 1; } catch { return n; } finally { if (n === 1) return "overruled"; } }
    exports.run = (log) => [f(3, log), g(3)];`,
  'an error that nobody catches': 'function f(n, log) { try { if (n === 0) throw new RangeError("mine"); f(n - 1, log); } finally { log(n); } } exports.run = (log) => f(3, log);',
  'loops, labels, switch': `
    function f(n, log) { let sum = 0; outer: for (const x of [1, 2, 3]) { for (let k = 0; ; k++) { if (k === 2) continue outer; if (x === 3) break outer; sum += n > 0 ? f(n - 1, log) : k; } } for (const key in { a: 1, b: 2 }) log(key + n); let k = 2; do { k -= 1; } while (n > 0 && k > 0 && f(0, log) < 0); while (k++ < 1) sum += 1; switch (sum % 3) { case 0: { sum += 1; } case 1: sum += 10; break; default: sum -= 1; } return sum; }
    exports.run = (log) => f(2, log);`,
  'closures over the variables of each level': 'function f(n, made) { const level = n; let count = 0; made.push(() => [level, count++]); if (n > 0) f(n - 1, made); count += 10; return made; } exports.run = () => f(2, []).map((g) => [g(), g()]);',
  'functions and classes declared inside': 'function f(n) { return inner(n) + new C(n).v; function inner(k) { return k === 0 ? 0 : 1 + f(k - 1); } } class C { constructor(n) { this.v = n; } } function g(n) { class D { m() { return n === 0 ? 0 : g(n - 1) + 1; } x = n; static s = n; } return new D().m() + D.s; } exports.run = () => [f(3), g(3)];',
  'recursion inside of a function inside': 'function outer(xs) { let seen = 0; function walk(x) { seen += 1; return Array.isArray(x) ? x.map(walk).reduce((a, b) => a + b, 0) : x; } const deep = (x) => Array.isArray(x) ? 1 + Math.max(...x.map(deep)) : 0; return [walk(xs), seen, deep(xs), Array.isArray(xs[0]) ? outer(xs[0]) : 0]; } exports.run = () => outer([[1, [2, [3]]], 4]);',
  'new.target, eval, with and arguments.callee stay native': 'function F(n) { this.t = new.target === F; this.next = n > 0 ? new F(n - 1) : 0; } function g(n) { return n === 0 ? eval("n") : g(n - 1); } function h(n) { with ({ m: n }) return m === 0 ? 0 : h(m - 1); } function k(n) { return n === 0 ? 0 : arguments.callee(n - 1); } exports.run = () => [JSON.stringify(new F(2)), g(2), h(2), k(2)];',
  'generators and async functions stay native': 'function* g(n) { if (n > 0) { yield n; yield* g(n - 1); } } async function a(n) { return n === 0 ? 0 : a(n - 1); } function f(n) { return n === 0 ? [...g(3)] : f(n - 1); } exports.run = () => [f(2), a(2) instanceof Promise];',
  'not a function': 'const o = { x: 1, f(n) { return n === 0 ? this.x() : this.f(n - 1); } }; exports.run = () => o.f(2);',
  'not a function, found out after the arguments': 'const o = { f(n, log) { return n === 0 ? this.gone(log("argument")) : this.f(n - 1, log); } }; exports.run = (log) => o.f(2, log);',
  'order: callee, key, arguments': 'const o = (log) => ({ get m() { log("callee"); return (n) => { log(`called ${n}`); return n === 0 ? 0 : o(log)[(log("key"), "m")]((log("argument"), n - 1)); }; } }); exports.run = (log) => o(log).m(2);',
  'the object of a call is held while its key and arguments are computed': 'const make = (name) => ({ name, m(n) { return n === 0 ? this.name : make(name + n)[k(n)](make("x").m(0) && n - 1); } }); function k(n) { return n > 0 && make("y").m(0) ? "m" : "m"; } exports.run = () => make("a").m(3);',
  'compound assignment reads first': 'const o = { n: 1 }; function f(k) { if (k === 0) { o.n = 100; return 1; } o.n += f(k - 1); let x = 1; x *= 2 ** f(0); return o.n + x; } exports.run = () => [f(2), o.n];',
  'assignment patterns with properties': 'function f(n) { const o = {}; [o.a, { x: o["b"] = 2 }, ...o.c] = n === 0 ? [1, {}, 3, 4] : [f(n - 1).a, { x: n }, n]; return o; } exports.run = () => JSON.stringify(f(2));',
  'declarations after use, and vars in blocks': 'exports.run = () => [f(3), typeof late]; if (true) { function late() { return 1; } } function f(n) { if (n > 0) { var v = f(n - 1); { let v2 = 1; v += v2; } } return v === undefined ? 0 : v; }',
  'a declared function that is reassigned': 'function f(n) { return n === 0 ? "old" : f(n - 1); } const old = f; exports.run = () => { const a = f(2); f = (n) => n === 0 ? "new" : old(n - 1); return [a, f(2), old(1)]; };',
  'call, apply, bind': 'function f(n) { return n === 0 ? this.x : n % 3 === 0 ? f.call(this, n - 1) : n % 3 === 1 ? f.apply(this, [n - 1]) : Reflect.apply(f, this, [n - 1]); } exports.run = () => [f.call({ x: 1 }, 7), f.bind({ x: 2 })(4)];',
  'this of a sloppy function called plainly': 'function f(n) { return n === 0 ? this === globalThis : f(n - 1); } function g(n) { "use strict"; return n === 0 ? this : g(n - 1); } exports.run = () => [f(2), g(2)];',
  'getters on prototypes, and of values': 'class N { constructor(next) { this.next = next; } get depth() { return this.next === null ? 0 : 1 + this.next.depth; } } const p = { get up() { return this === root ? 0 : 1 + Object.getPrototypeOf(this).up; } }; const root = Object.create(p); exports.run = () => [new N(new N(new N(null))).depth, Object.create(Object.create(root)).up];',
  'an error in a getter of null': 'const o = { get a() { return this.b === undefined ? null.a : this.b.a; } }; exports.run = () => { o.b = Object.create(o, { b: { value: undefined } }); return o.a; };',
  'comma, void, delete, typeof, in': 'function f(n) { const o = { a: 1 }; return n === 0 ? [(1, 2), void 0, delete o.a, typeof nothing, "a" in o, -(-1), +(+"2"), !(!1), 2 ** -(1)] : (0, f)(n - 1); } exports.run = () => f(2);',
  'nullish and logical assignments': 'function f(n, o = {}) { o.a ??= n; o.b ||= n && f(n - 1); o.a &&= o.a + 1; return n === 0 ? o.a : o.a + o.b; } exports.run = () => f(3);',
};

describe('compiled as native', () => {
  for (const [name, source] of Object.entries(constructs)) {
    test(name, () => {
      const native = outcome(evaluate(source));
      const { code } = linked(source);
      expect(code.split('\n').length, 'lines stay in place').toBe(source.split('\n').length);
      expect(outcome(evaluate(code)), 'on the native stack').toEqual(native);
      const before = stack.switches;
      expect(short(() => outcome(evaluate(code))), 'on heap frames').toEqual(native);
      if (!name.endsWith('native')) expect(stack.switches, 'a twin has run').toBeGreaterThan(before);
    });
  }
});
