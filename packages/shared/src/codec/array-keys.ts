/**
 * What arrays have besides elements. Structured clone keeps holes and other own properties (`index` of a match, `columns` of a parsed
 * table), and no test in the language says in constant time that an array has none. Two that are nearly free:
 *   up to KEYS_MAX elements, Object.keys: 65 ns and 5 a key, and exact;
 *   beyond, util.inspect told to print no element: 0.7 us for any length, and what it prints is all that is left. A text other than
 *   the expected one (another version of Node, a subclass) only sends the array to the slow exact path. It cannot see an element that
 *   was made non-enumerable by defineProperty: such an element of a long array is cloned where structured clone leaves a hole.
 * Rejected: Object.values (2 to 10 ns an element, calls accessors), for…in (25 ns an element).
 */
import { inspect, type InspectOptions } from 'node:util';

const KEYS_MAX = 64;
const lastKeys: readonly string[] = Array.from({ length: KEYS_MAX + 1 }, (_, length) => String(length - 1));

/** Finds a hole too, and reads a sparse array of any length in no time. */
const includes = Array.prototype.includes;

const onlyProperties: InspectOptions = {
  maxArrayLength: 0, depth: 0, maxStringLength: 0, customInspect: false, showHidden: false, showProxy: false, getters: false,
  colors: false, compact: true, breakLength: Infinity, sorted: false, numericSeparator: false,
};

/** True when `array` has all its elements and no other own enumerable property. */
export function hasOnlyElements(array: readonly unknown[], length: number): boolean {
  if (length <= KEYS_MAX || includes.call(array, undefined)) return hasAllKeys(Object.keys(array), length);
  return inspect(array, onlyProperties) === `[ ... ${length} more items ]` || hasAllKeys(Object.keys(array), length);
}

/** As many keys as elements and the last one the last index: integer keys come first and ascend, so they are all there, and no other is. */
function hasAllKeys(keys: readonly string[], length: number): boolean {
  return keys.length === length && (length === 0 || keys[length - 1] === (lastKeys[length] ?? String(length - 1)));
}
