/**
 * A bounded memory of answers, in two generations: when the young one is full it becomes the old one, and what is asked for again is carried
 * over. Two Map look-ups at most, no list to keep in order, and what is in use survives.
 */
export class Memo<Value> {
  readonly #max: number;
  #young: Map<string, Value> = new Map();
  #old: Map<string, Value> = new Map();

  /** @param max  entries a generation, so at most twice as many in all */
  constructor(max: number) {
    this.#max = max;
  }

  get(key: string): Value | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  set(key: string, value: Value): void {
    if (this.#young.size >= this.#max) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }

  get size(): number { return this.#young.size + this.#old.size; }
}
