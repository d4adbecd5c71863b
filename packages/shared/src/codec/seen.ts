/**
 * Seen: numbers the objects of one value in the order they are met, so that the second meeting becomes a reference.
 *
 * Few objects are scanned (0.5 ns each), many go to a Map (25 to 40 ns each, for every fresh object needs an identity hash). Rejected:
 * hashing the bytes an object encodes to, which needs no identity hash but takes a shared object for two when a getter answers
 * differently the second time; a mark in the object, which changes its hidden class and cannot be set on a frozen one.
 */
const SCAN_MAX = 32;

export class Seen {
  count = 0;
  readonly #first: unknown[] = Array.from({ length: SCAN_MAX });
  #numbers: Map<unknown, number> | undefined;

  /** The number of `object` if it was met before; -1 if not, and then it is numbered now. */
  find(object: object): number {
    if (this.#numbers !== undefined) return this.#findAmongMany(this.#numbers, object);
    const first = this.#first;
    const count = this.count;
    for (let k = 0; k < count; k++) if (first[k] === object) return k;
    if (count === SCAN_MAX) return this.#findAmongMany(this.#numbers = new Map(first.map((met, k) => [met, k])), object);
    first[count] = object;
    this.count = count + 1;
    return -1;
  }

  #findAmongMany(numbers: Map<unknown, number>, object: object): number {
    const number = numbers.get(object);
    if (number !== undefined) return number;
    numbers.set(object, this.count++);
    return -1;
  }

  /** Lets go of everything, so that the encoder keeps no object of a user alive. */
  clear(): void {
    this.#first.fill(undefined, 0, Math.min(this.count, SCAN_MAX));
    this.#numbers = undefined;
    this.count = 0;
  }
}
