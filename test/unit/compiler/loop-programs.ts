/**
 * Programs at random, from a seed, for preemption: functions full of loops of every form, some that touch nothing, some that touch what all threads share.
 * What touches it notes the epoch at the beginning of its segment and says when it has changed before the end: natively it never has.
 */
import { Random } from './programs.ts';

interface Place { readonly depth: number; readonly isAsync: boolean; readonly isPure: boolean; readonly names: readonly string[]; readonly labels: readonly string[]; readonly inLoop: boolean }

export class LoopProgramMaker {
  readonly #random: Random;
  #last = 0;
  /** Functions that have been written: name, whether it is asynchronous, whether it touches nothing. */
  readonly #functions: { name: string; isAsync: boolean; isPure: boolean }[] = [];

  constructor(seed: number) { this.#random = new Random(seed); }

  program(): string {
    const texts: string[] = [];
    for (let k = 0; k < 7; k++) {
      const isAsync = this.#random.chance(0.4);
      const isPure = !isAsync && this.#random.chance(0.6);
      texts.push(this.#fn(`f${k}`, isAsync, isPure));
      this.#functions.push({ name: `f${k}`, isAsync, isPure });
    }
    const calls = this.#functions.map(({ name, isAsync }) => `try { log("${name}", ${isAsync || this.#random.chance(0.5) ? 'fresh(await ' : '('}${name}(${this.#random.below(9)}, ${this.#random.pick(['3', '"t"', '[1, 2]', 'lively'])}))) } catch (e) { ${isAsync ? 'begun = 0; ' : ''}log(e) }`);
    return `let fuel = 100, begun = 0; const lively = { valueOf() { if (shared.epoch !== begun && begun > 0) log("broken by valueOf"); return 4 } };
class Box { #v = 0; get v() { touch(); return this.#v } set v(x) { touch(); this.#v = x } } const box = new Box(), kept = [1, 2, 3];
function fresh(v) { begun = 0; return v }
function touch() { shared.n++; if (begun > 0 && shared.epoch !== begun) log("broken") }
${texts.join('\n')}
module.exports = async function main() { await later(); ${calls.join('; ')}; return fuel };`;
  }

  /** A function whose segments check themselves: `begun` is the epoch at the first thing in a segment that touches, 0 between segments. */
  #fn(name: string, isAsync: boolean, isPure: boolean): string {
    const place: Place = { depth: 0, isAsync, isPure, names: ['a', 's'], labels: [], inLoop: false };
    const body = this.#statements(place);
    const head = isPure ? '' : 'if (--fuel < 0) return 0; ';
    return `${isAsync ? 'async ' : ''}function ${name}(a, b) { ${head}let s = 1; ${body}; return s }`;
  }

  #name(): string { return `v${this.#last++}`; }
  #value({ names }: Place): string { return this.#random.pick([...names, ...names, String(this.#random.below(9)), 'b']); }
  #sum(place: Place): string {
    return this.#random.pick([
      () => `${this.#value(place)} + ${this.#value(place)}`, () => `${this.#value(place)} * 3 % 1009`, () => `(${this.#value(place)} ^ ${this.#value(place)}) & 255`, () => `Math.max(${this.#value(place)}, 2)`,
      () => `\`\${${this.#value(place)}}\`.length`, () => `${this.#value(place)} > 3 ? 1 : 2`, () => this.#call(place) ?? '1',
    ])();
  }
  #call(place: Place): string | undefined {
    if (place.depth > 0 && (place.isPure || this.#random.chance(0.7))) return undefined;
    const possible = this.#functions.filter(({ isAsync, isPure }) => (place.isPure ? isPure : place.isAsync || !isAsync));
    if (possible.length === 0) return undefined;
    const { name, isAsync } = this.#random.pick(possible);
    const arg = this.#random.pick(['1', '2', ...place.isPure ? [] : [`${this.#value(place)} % 3 | 0`]]);
    if (!place.isAsync) return `${name}(${arg}, 1) % 97`;
    return isAsync || this.#random.chance(0.3) ? `fresh(await ${name}(${arg}, 1)) % 97` : `${name}(${arg}, 1) % 97`;
  }

  #statements(place: Place): string {
    let { names } = place;
    const lines: string[] = [];
    for (let n = 1 + this.#random.below(place.depth > 1 ? 2 : 4); n > 0; n--) {
      if (this.#random.chance(0.25)) {
        const name = this.#name();
        lines.push(`let ${name} = ${this.#sum({ ...place, names })}`);
        names = [...names, name];
      } else lines.push(this.#statement({ ...place, names }));
    }
    return lines.join(this.#random.chance(0.2) ? '\n;' : '; ');
  }

  #statement(place: Place): string {
    const assigned = place.names.filter((name) => name !== 'a');
    const simple: (() => string)[] = [() => `${this.#random.pick(assigned)} ${this.#random.pick(['=', '+=', '^='])} ${this.#sum(place)}`, () => 's = s * 7 % 10007'];
    if (place.inLoop) simple.push(() => `if (${this.#value(place)} % 4 == 1) ${this.#random.pick(['break', 'continue'])}${place.labels.length > 0 && this.#random.chance(0.5) ? ` ${this.#random.pick(place.labels)}` : ''}`);
    simple.push(() => `if (${this.#value(place)} % 11 == 7) ${place.isPure ? 'return s' : 'throw new Error("x" + s)'}`);
    if (!place.isPure) simple.push(() => '{ begun ||= shared.epoch; touch() }', () => 's += box.v; box.v = s', () => 'kept[1] += 1; s += kept[0]', () => 's += +lively', () => 's += [1, 2, 3].map((x) => { touch(); return x }).length');
    if (place.isAsync) simple.push(() => 'begun = 0; await later()', () => 'begun = 0; s += await later(2)', () => 'begun = 0; await null; begun = shared.epoch');
    if (place.depth > 1) return this.#random.pick(simple)();
    return this.#random.pick([...simple, ...this.#loops(place), ...this.#loops(place)])();
  }

  #loops(place: Place): (() => string)[] {
    const i = this.#name();
    const label = this.#name();
    const inner = (more: readonly string[], isLabelled = true): Place => ({ ...place, depth: place.depth + 1, names: [...place.names, ...more], labels: isLabelled ? [...place.labels, label] : place.labels, inLoop: true });
    const few = String(2 + this.#random.below(3));
    const arrays = place.isPure ? ['[1, 2, 3, s]'] : ['[1, 2, s]', 'kept', 'new Set([s, 2])', 'new Map([[s, 1]]).values()', '"text"', '(function* () { try { yield 1; touch(); yield 2 } finally { touch() } })()'];
    const loops = [
      () => `${label}: for (let ${i} = 0; ${i} < ${this.#random.pick([few, 'a', 'b'])} && ${i} < 5; ${i}++) { ${this.#statements(inner([]))} }`,
      () => `${label}: for (let ${i} = 0; ${i} < ${few}; ${i}++) { ${this.#statements(inner([]))} }`,
      () => `{ const m = a % 6; ${label}: for (let ${i} = 0; ${i} < m; ${i} += 2) { ${this.#statements(inner([]))} } }`,
      () => `{ let ${i} = ${few}; ${label}: while (${i}-- > 0) { ${this.#statements(inner([]))} } }`,
      () => `{ let ${i} = 0; ${label}: do { ${this.#statements(inner([]))} } while (${i}++ < ${few}) }`,
      () => `{ const l = []; for (let ${i} = 0; ${i} < ${few}; ${i}++) l.push(${i} * s); ${label}: for (const x of l) { s = (s + x) % 5003; ${this.#statements(inner([]))} } }`,
    ];
    if (place.isPure) return loops;
    loops.push(
      () => `${label}: for (const ${i} of ${this.#random.pick(arrays)}) { ${this.#statements(inner([]))} }`,
      () => `for (const ${i} in { x: 1, y: 2 }) { ${this.#statements(inner([], false))} }`,
      () => `try { ${label}: for (let ${i} = 0; ${i} < ${few}; ${i}++) { ${this.#statements(inner([]))} } } catch (e) { ${place.isAsync ? 'begun = 0; ' : ''}s += 1; touch() } finally { s += 2; ${place.isAsync ? 'begun = 0; await later()' : 'touch()'} }`,
      () => `{ const fs = []; for (let ${i} = 0; ${i} < ${few}; ${i}++) fs.push(() => ${i} + s); for (const f of fs) s = (s + f()) % 997 }`,
      () => `{ begun ||= shared.epoch; const n = shared.n; for (let ${i} = 0; ${i} < ${few}; ${i}++) { s = (s * 3 + ${i}) % 1013 } shared.n = n; touch() }`,
    );
    return loops;
  }
}
