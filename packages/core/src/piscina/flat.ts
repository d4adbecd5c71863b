/**
 * Values that may travel beside others in one message and still arrive as if each had come alone: small trees of plain data, none of whose
 * objects is met twice, for what is met twice in one message arrives as one object.
 */
const TEXT_MAX = 4096;
const OBJECTS_MAX = 64;
const KEYS_MAX = 64;

const isSmall = (value: unknown): boolean => {
  switch (typeof value) {
    case 'function': case 'symbol': return false;
    case 'string': return value.length <= TEXT_MAX;
    default: return true;
  }
};

/** The values of one message. */
export class Trees {
  readonly #met = new Set<object>();
  #left = 0;

  /** True when `value` may be one of them. What was met in one that may not stays met: the message ends there. */
  add(value: unknown): boolean {
    if (typeof value !== 'object' || value === null) return isSmall(value);
    this.#left = OBJECTS_MAX;
    return this.#addObject(value);
  }

  #addObject(object: object): boolean {
    if (this.#left-- === 0 || this.#met.has(object)) return false;
    this.#met.add(object);
    if (!Array.isArray(object)) {
      const prototype: unknown = Object.getPrototypeOf(object);
      if (prototype !== Object.prototype && prototype !== null) return false;
    }
    const values: unknown[] = Array.isArray(object) ? object : Object.values(object);
    return values.length <= KEYS_MAX && values.every((value) => (typeof value === 'object' && value !== null ? this.#addObject(value) : isSmall(value)));
  }
}
