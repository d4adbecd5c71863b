/**
 * Programs at random, from a seed: async functions that call each other in every form, with loops, labels, try and finally, closures, classes, for
 * await, thenables and errors, each step logged. They end: loops and calls are counted.
 */
export class Random {
  #state: number;
  constructor(seed: number) { this.#state = seed >>> 0; }
  /** From 0 to below 1. Source: mulberry32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }
  below(n: number): number { return Math.floor(this.next() * n); }
  pick<T>(of: readonly T[]): T { return of[this.below(of.length)] as T; }
  chance(p: number): boolean { return this.next() < p; }
}

const FUNCTIONS = 5;
/** Calls of one program. */
const STEPS = 60;

/** Where a statement stands: what it may use. */
interface Place {
  readonly depth: number;
  readonly loop: number;
  readonly labels: readonly string[];
  readonly names: readonly string[];
  /** A call may be returned without an `await`. In a `try` or an iteration its callee would run beside what is left, in an order that nobody promises. */
  readonly endsInCalls: boolean;
  readonly isMethod: boolean;
}

export class ProgramMaker {
  readonly #random: Random;
  #last = 0;

  constructor(seed: number) { this.#random = new Random(seed); }

  program(): string {
    const functions = Array.from({ length: FUNCTIONS }, (_, k) => this.#fn(`f${k}`));
    const methods = ['m0', 'm1', '#p0', '#p1'].map((name) => `async ${name}(a, fuel) {${this.#body({ depth: 0, endsInCalls: true, loop: 0, labels: [], names: ['a', 'this.v'], isMethod: true })}}`);
    return `let steps = ${STEPS};\n${functions.join('\n')}\nclass K { v = 7; ${methods.join('\n')} async p0(a, fuel) { return await this.#p0(a, fuel) } async p1(a, fuel) { return this.#p1(a, fuel) } static async s(a, fuel) {${this.#body({ depth: 0, endsInCalls: true, loop: 0, labels: [], names: ['a'], isMethod: false })}} }
const k = new K(), thenable = (v) => ({ then(ok, no) { log("then"); typeof v === "number" && v % 3 === 0 ? no(v) : ok(v) } });
const o = { async m(a, fuel) {${this.#body({ depth: 0, endsInCalls: true, loop: 0, labels: [], names: ['a'], isMethod: false })}} };
const arrow = async (a, fuel) => {${this.#body({ depth: 0, endsInCalls: true, loop: 0, labels: [], names: ['a'], isMethod: false })}};
module.exports = async function main() { const all = []; for (let round = 0; round < 2; round++, steps = ${STEPS}) for (const f of [${Array.from({ length: FUNCTIONS }, (_, n) => `f${n}`).join()}, arrow]) try { all.push(await f(${this.#random.below(9)}, 5)) } catch (e) { log("main", e) } return all };`;
  }

  #fn(name: string): string {
    const params = this.#random.pick(['a, fuel', 'a, fuel, b = a + 1', '...[a, fuel]', 'a, fuel, { c = 2, ...d } = {}']);
    const body = this.#body({ depth: 0, endsInCalls: true, loop: 0, labels: [], names: ['a'], isMethod: false });
    return this.#random.chance(0.7) ? `async function ${name}(${params}) {${body}}` : `const ${name} = async ${this.#random.chance(0.5) ? `(${params}) =>` : `function (${params})`} {${body}};`;
  }

  #body(place: Place): string { return ` log(${this.#id()}, ${this.#value(place)}); if (--steps < 0 || fuel-- <= 0) return ${this.#value(place)};\n${this.#statements(place)}\nreturn ${this.#result(place)}; `; }
  #id(): string { return `"${(this.#last++).toString(36)}"`; }
  #name(): string { return `v${this.#last++}`; }

  #statements(place: Place): string {
    let names = place.names;
    const lines: string[] = [];
    for (let n = 1 + this.#random.below(place.depth > 2 ? 2 : 4); n > 0; n--) {
      if (this.#random.chance(0.3)) {
        const name = this.#name();
        lines.push(`${this.#random.pick(['const', 'let', 'var'])} ${name} = ${this.#expression({ ...place, names })}`);
        names = [...names, name];
      } else lines.push(this.#statement({ ...place, names, depth: place.depth + 1 }));
    }
    return lines.join(this.#random.chance(0.2) ? '\n' : ';\n');
  }

  #statement(place: Place): string {
    const block = (more: Partial<Place> = {}): string => `{ ${this.#statements({ ...place, ...more })} }`;
    const few = `${1 + this.#random.below(3)}`;
    const loop = { loop: place.loop + 1 };
    const simple = [
      () => `log(${this.#id()}, ${this.#expression(place)})`,
      () => `await ${this.#call(place)}`,
      () => (place.names.length > 1 ? `;[${this.#expression(place)}].forEach((x) => log(${this.#id()}, x))` : 'await null'),
      () => (place.labels.length > 0 && place.loop > 0 ? `if (${this.#expression(place)}) ${this.#random.pick(['break', 'continue'])} ${this.#random.pick(place.labels)}` : 'await later()'),
      () => (place.loop > 0 ? `if (${this.#value(place)} % 2) ${this.#random.pick(['break', 'continue'])}` : `log(${this.#id()})`),
      () => `if (${this.#value(place)} % 5 === 3) throw ${this.#random.pick([`new Error(${this.#id()})`, this.#value(place), `await fail(${this.#id()})`])}`,
      () => `if (${this.#value(place)} % 7 === 1) return ${this.#result(place)}`,
    ];
    if (place.depth > 4) return this.#random.pick(simple)();
    const i = this.#name();
    const label = this.#name();
    const inner = { ...loop, labels: [...place.labels, label] };
    return this.#random.pick([
      ...simple,
      () => `if (${this.#expression(place)}) ${block()} else ${block()}`,
      () => `${label}: for (let ${i} = 0; ${i} < ${few}; ${i}++) ${block({ ...inner, names: [...place.names, i] })}`,
      () => `${label}: for (const ${i} of [1, ${this.#expression(place)}, 3]) ${block({ ...inner, endsInCalls: false, names: [...place.names, i] })}`,
      () => `${label}: for await (const ${i} of ${this.#iterable(place)}) ${block({ ...inner, endsInCalls: false, names: [...place.names, i] })}`,
      () => `{ let ${i} = ${few}; ${label}: while (${i}-- > 0) ${block(inner)} }`,
      () => `{ let ${i} = 2; do ${block(loop)} while (await later(${i}-- > 0)) }`,
      () => `try ${block({ endsInCalls: false })} catch (e) { log(${this.#id()}, e); ${this.#statement({ ...place, depth: place.depth + 1 })} }`,
      () => `try ${block({ endsInCalls: false })} finally { log(${this.#id()}); ${this.#random.chance(0.5) ? 'await later()' : `await ${this.#call(place)}`} }`,
      () => `try ${block({ endsInCalls: false })} catch { await null } finally { log(${this.#id()}) }`,
      () => `switch (${this.#value(place)} % 3) { case await later(1): ${this.#statement({ ...place, depth: place.depth + 1, loop: 0, labels: [] })}; case 2: log(${this.#id()}); break; default: ${this.#statement({ ...place, depth: place.depth + 1, loop: 0, labels: [] })} }`,
      () => block(),
    ])();
  }

  #iterable(place: Place): string {
    return this.#random.pick([
      `[1, later(2), ${this.#expression(place)}]`,
      `(function* () { try { yield 1; yield later(2); yield 3 } finally { log(${this.#id()}) } })()`,
      `(async function* () { try { yield await later(1); yield 2 } finally { log(${this.#id()}); await null } })()`,
    ]);
  }

  #value(place: Place): string { return this.#random.pick([...place.names, String(this.#random.below(20)), '1']); }

  /** An expression that may wait. */
  #expression(place: Place): string {
    return this.#random.pick([
      () => this.#value(place),
      () => `${this.#value(place)} + (await ${this.#call(place)})`,
      () => `await ${this.#call(place)}`,
      () => `await ${this.#random.pick([this.#value(place), `later(${this.#value(place)})`, `Promise.resolve(${this.#value(place)})`, `thenable(${this.#value(place)})`, 'null'])}`,
      () => `(await ${this.#call(place)}) || (await ${this.#call(place)})`,
      () => `${this.#value(place)} ? await ${this.#call(place)} : ${this.#value(place)}`,
      () => `[${this.#value(place)}, await ${this.#call(place)}].length`,
      () => `(${this.#value(place)}, await ${this.#call(place)})`,
      () => `await (async () => { log(${this.#id()}); for (let i = 0; i < 2; i++) await later(${place.isMethod ? 'this.v' : '1'}); return ${this.#value(place)} })()`,
      () => `(await Promise.all([1, 2].map(async (x) => { await later(); return x + ${this.#value({ ...place, names: place.names.filter((name) => name !== 'arguments') })} }))).length`,
    ])();
  }

  /** What is returned: a call that is not awaited, as often as not. */
  #result(place: Place): string {
    if (!place.endsInCalls) return this.#expression(place);
    return this.#random.pick([
      () => this.#expression(place),
      () => this.#call(place),
      () => `${this.#value(place)} % 2 ? ${this.#call(place)} : ${this.#expression(place)}`,
      () => `(log(${this.#id()}), ${this.#value(place)} && ${this.#call(place)})`,
    ])();
  }

  #call(place: Place): string {
    const args = this.#random.pick([`${this.#value(place)}, fuel`, `...[${this.#value(place)}, fuel]`, `await later(${this.#value(place)}), fuel`]);
    const f = this.#random.pick(['f0', 'f1', 'f2', 'f3', 'f4', 'o.m', 'arrow', 'k.m0', 'k.m1', 'k.p0', 'k.p1', 'K.s', ...place.isMethod ? ['this.#p0', 'this.#p1', 'this.m0'] : [], '(0, o.m)', 'f0.bind(null)', 'o["m"]', 'o?.m']);
    return `${f}(${args})`;
  }
}
