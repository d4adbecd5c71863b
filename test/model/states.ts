/**
 * What the explorer knows a state by, and the states that it has met: for pruning in explore.ts.
 *
 * A state is 64 bits of hash, so two may be taken for one: among ten million states with a chance of one in 400,000.
 */

/** Two hashes of 32 bits, each with its own multipliers (those of MurmurHash3's finalisers). */
export class Digest {
  a = 0x2545f491;
  b = 0x5bd1e995;
  add(value: number): this {
    let a = Math.imul(this.a ^ value, 0x85ebca6b);
    a ^= a >>> 13;
    this.a = Math.imul(a, 0xc2b2ae35) ^ (a >>> 16);
    let b = Math.imul((this.b + value) | 0, 0xcc9e2d51);
    b ^= b >>> 15;
    this.b = Math.imul(b, 0x1b873593) ^ (b >>> 14);
    return this;
  }
  addAll(values: readonly number[]): this {
    this.add(values.length);
    for (const value of values) this.add(value);
    return this;
  }
  /** Anything that an operation may give: a number, a text, undefined, or what can be said in JSON. */
  addValue(value: unknown): this {
    if (typeof value === 'number') {
      if ((value | 0) === value) return this.add(value);
      float[0] = value;
      return this.add(halves[0] as number).add(halves[1] as number);
    }
    const text = value === undefined ? 'undefined' : typeof value === 'string' ? value : JSON.stringify(value, (_, part: unknown) => typeof part === 'bigint' ? `${part}n` : part);
    this.add(text.length);
    for (let at = 0; at < text.length; at++) this.add(text.charCodeAt(at));
    return this;
  }
}
const float = new Float64Array(1);
const halves = new Int32Array(float.buffer);

/** An open-addressing table from states to the fewest preemptions with which each has been met. */
export class Visited {
  #a = new Int32Array(1 << 12);
  #b = new Int32Array(1 << 12);
  /** One more than the fewest preemptions; 0 where there is nothing. */
  #fewest = new Uint8Array(1 << 12);
  size = 0;

  /** Whether the state was met before with no more preemptions: then all that follows from it has been explored, or is being. Else it is met now. */
  hasMet({ a, b }: Digest, preemptions: number): boolean {
    const at = this.#find(a, b);
    const fewest = this.#fewest[at] as number;
    if (fewest !== 0 && fewest <= preemptions + 1) return true;
    this.#a[at] = a;
    this.#b[at] = b;
    this.#fewest[at] = preemptions + 1;
    if (fewest === 0 && ++this.size * 2 > this.#a.length) this.#grow();
    return false;
  }

  #find(a: number, b: number): number {
    const last = this.#a.length - 1;
    let at = (a ^ b >>> 7) & last;
    while (this.#fewest[at] !== 0 && (this.#a[at] !== a || this.#b[at] !== b)) at = (at + 1) & last;
    return at;
  }

  #grow(): void {
    const [a, b, fewest] = [this.#a, this.#b, this.#fewest];
    this.#a = new Int32Array(a.length * 2);
    this.#b = new Int32Array(a.length * 2);
    this.#fewest = new Uint8Array(a.length * 2);
    for (let from = 0; from < a.length; from++) {
      if (fewest[from] === 0) continue;
      const to = this.#find(a[from] as number, b[from] as number);
      this.#a[to] = a[from] as number;
      this.#b[to] = b[from] as number;
      this.#fewest[to] = fewest[from] as number;
    }
  }
}
