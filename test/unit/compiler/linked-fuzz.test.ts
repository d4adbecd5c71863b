import { expect, test } from 'vitest';
import { evaluate, linked, outcome, short, stack } from './linked.ts';

/** Thousands with CAPRICCIO_LONG=1. */
const PROGRAMS = Number(process.env['FUZZ_PROGRAMS'] ?? (process.env['CAPRICCIO_LONG'] === '1' ? 4000 : 200));
const SEED = Number(process.env['FUZZ_SEED'] ?? 20_031_019);

/** mulberry32 */
function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** A program of a few functions that call each other, methods and closures of each other, with less fuel each time. */
function programOf(seed: number): string {
  const random = randomOf(seed);
  const pick = <T>(items: readonly T[]): T => items[random(items.length)] as T;
  const count = 2 + random(4);
  const call = (depth: number): string => {
    const k = random(count);
    const args = `fuel - 1, ${expression(depth + 1)}`;
    return pick([`f${k}(${args})`, `o.m${k}(${args})`, `o?.m${k}?.(${args})`, `f${k}.call(o, ${args})`, `[${expression(depth + 1)}, 2].map((x) => f${k}(fuel - 1, x))[0]`, `[1, ${expression(depth + 1)}].reduce((s, x) => s + o.m${k}(fuel - 1, x), 0)`, `new C${k}(${args}).v`, `o["m" + ${k}](...[${args}])`, `f${k}\`\${${expression(depth + 1)}}\``, `(n => f${k}(fuel - 1, n))(${expression(depth + 1)})`, `o.g${k}`]);
  };
  const expression = (depth: number): string => {
    if (depth > 3) return pick(['a', '1', 'fuel', 'b']);
    return pick([() => 'a', () => String(random(9)), () => `(${expression(depth + 1)} ${pick(['+', '-', '*', '|', '<', '&&', '||', '??'])} (${expression(depth + 1)}))`, () => call(depth), () => call(depth), () => `(${expression(depth + 1)} ? ${expression(depth + 1)} : ${call(depth)})`, () => `(b = ${expression(depth + 1)}, b)`, () => `\`\${${expression(depth + 1)}}\`.length`, () => `log(${expression(depth + 1)})`])();
  };
  const statement = (depth: number): string => {
    if (depth > 2) return `b += ${expression(1)};`;
    return pick([
      () => `b += ${expression(0)};`, () => `if (${expression(1)}) { ${statement(depth + 1)} } else { ${statement(depth + 1)} }`, () => `return ${expression(0)};`,
      () => `try { ${statement(depth + 1)} ${statement(depth + 1)} } catch (e) { log("c" + e); ${statement(depth + 1)} } finally { log("f" + b); ${random(4) === 0 ? statement(depth + 1) : ''} }`,
      () => `throw ${expression(1)};`, () => `for (const x of [1, ${expression(1)}]) { b += x; ${random(3) === 0 ? 'if (b > 5) break;' : ''} ${statement(depth + 1)} }`,
      () => `switch (${expression(1)}) { case 1: ${statement(depth + 1)} case 2: b++; break; default: ${statement(depth + 1)} }`,
      () => { const label = `l${random(1e6)}`; return `${label}: for (let i = 0; i < 2; i++) { ${statement(depth + 1)} if (i === ${random(2)}) continue ${label}; b++; }`; }, () => `{ const { length = ${expression(1)} } = [${expression(1)}]; b += length; }`,
    ])();
  };
  const body = (): string => `if (fuel <= 0) return a; ticks(); log(fuel); let b = a; ${Array.from({ length: 1 + random(3) }, () => statement(0)).join(' ')} return b;`;
  const parameters = (): string => pick(['fuel, a', 'fuel, a', 'fuel, a = fuel', 'fuel, a = log("d")', 'fuel, ...[a]']);
  const functions = Array.from({ length: count }, (_, k) => pick([`function f${k}(${parameters()}) { if (typeof fuel === "object") fuel = 1; ${body()} }`, `const f${k} = (${parameters()}) => { if (typeof fuel === "object") fuel = 1; ${body()} };`, `const f${k} = function own(${parameters()}) { if (typeof fuel === "object") fuel = 1; ${body()} };`]));
  const classes = Array.from({ length: count }, (_, k) => `class C${k} { constructor(fuel, a) { this.v = (() => { ${body()} })(); } }`);
  const methods = Array.from({ length: count }, (_, k) => `m${k}(${parameters()}) { ${body()} }, get g${k}() { const fuel = --this.fuel, a = ${k}; ${body()} }`);
  return `let left = 300; const ticks = () => { if (left-- < 0) throw "spent"; };\nexports.run = (log0) => { const log = (x) => { log0(String(x)); return typeof x === "number" ? x : 1; };\n${functions.join('\n')}\n${classes.join('\n')}\nconst o = { fuel: 3, ${methods.join(',\n')} };\nreturn String(f0(4, 1)); };`;
}

test(`${PROGRAMS} programs, from seed ${SEED}`, { timeout: 600_000 }, () => {
  const { switches } = stack;
  for (let k = 0; k < PROGRAMS; k++) {
    const source = programOf(SEED + k);
    const native = outcome(evaluate(source));
    const { code, report } = linked(source);
    expect(report.skipped, `seed ${SEED + k}`).toBeUndefined();
    expect(outcome(evaluate(code)), `on the native stack, seed ${SEED + k}:\n${source}`).toEqual(native);
    expect(short(() => outcome(evaluate(code))), `on heap frames, seed ${SEED + k}:\n${source}`).toEqual(native);
  }
  expect(stack.switches - switches).toBeGreaterThan(PROGRAMS / 2);
});
