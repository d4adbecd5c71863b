/**
 * Seen: numbers the objects of one value in the order they are met, so that the second meeting becomes a reference.
 *
 * Few objects are scanned (0.4 ns each), many go to a Set (25 ns each: every fresh object needs an identity hash). The list is made anew
 * for every value: a young array takes young objects without a write barrier, and dropping it keeps no object of a user alive.
 * Rejected: hashing the bytes that an object encodes to, which needs no identity hash but takes a shared object for two when a getter
 * answers differently the second time; a mark in the object, which changes its hidden class and cannot be set on a frozen one.
 */
const LIST_MAX = 64;
/** Up to here a loop beats the call of indexOf. */
const LOOP_MAX = 16;

export class Seen {
  #count = 0;
  #list: unknown[] | null = null;
  #many: Set<object> | null = null;
  /** Numbers of the many, made when the first of them is met again. */
  #numbers: Map<object, number> | null = null;

  /** The number of `object` if it was met before; -1 if not, and then it is numbered now. */
  find(object: object): number {
    const list = this.#list;
    const count = this.#count;
    if (list === null) return this.#many === null ? this.#begin(object) : this.#findAmongMany(this.#many, object);
    if (count <= LOOP_MAX) {
      for (let k = 0; k < count; k++) if (list[k] === object) return k;
    } else {
      const number = list.indexOf(object);
      if (number >= 0) return number;
    }
    if (count === LIST_MAX) return this.#leaveList(list as object[], object);
    if (count < list.length) list[count] = object;
    else list.push(object);
    this.#count = count + 1;
    return -1;
  }

  #begin(object: object): number {
    this.#list = [object, null, null, null, null, null, null, null];
    this.#count = 1;
    return -1;
  }

  #leaveList(list: object[], object: object): number {
    this.#list = null;
    this.#many = new Set(list);
    return this.#findAmongMany(this.#many, object);
  }

  #findAmongMany(many: Set<object>, object: object): number {
    const count = many.size;
    many.add(object);
    if (many.size === count) {
      this.#numbers ??= new Map([...many].map((member, number) => [member, number]));
      return this.#numbers.get(object) as number;
    }
    this.#numbers?.set(object, count);
    return -1;
  }

  /** Forgets everything. */
  clear(): void {
    if (this.#list !== null) this.#list = null;
    if (this.#many !== null) this.#many = this.#numbers = null;
    this.#count = 0;
  }
}
