/**
 * Shapes: key lists that many objects share. One is published once, as a name, and travels as its number.
 *
 * The encoder's side is a trie of key names: an object's keys are walked, one step a key, and the node where the walk ends knows the
 * number. A string of the joined keys as the look-up, the obvious way, costs more than JSON does.
 *
 *   Bounds      SHAPES_MAX published, TRIE_NODES_MAX nodes, SHAPE_KEYS_MAX keys. What has no node is spelled out.
 *   Learning    a shape is published when it is met the second time, so that dictionaries (keys are data: ids, dates, names) leave the
 *               shared table alone. Their nodes still fill the trie. A full trie learns nothing, and costs a dictionary one failed look-up;
 *               after `patience` of these, what leads to no published shape is dropped (1 ms) and learning begins anew. When a round of
 *               that has published nothing, patience doubles: a program of dictionaries soon pays next to nothing for shapes.
 */
import { compileMaker, compileWriter, type FieldsWriter, type Maker } from './compiled-shapes.ts';
import { SHAPES_MAX, SHAPE_KEYS_MAX, SHAPE_PREFIX, TRIE_NODES_MAX } from './format.ts';

/** The encoder's table of names: a NameWriter. -1 says that it is full. */
export interface ShapeNames { intern(text: string): number }
/** The decoder's: a NameReader. Throws for a number that is none. */
export interface ShapeTexts { text(number: number): string }

const PATIENCE_MIN = 1_000;
const PATIENCE_MAX = 1 << 20;

/** A key list that some object begins with. */
export class TrieNode {
  readonly parent: TrieNode | null;
  readonly key: string;
  readonly depth: number;
  /** Some object has ended here before. */
  isMet = false;
  /** The number of the shape that ends here; -1 until it is published. */
  number = -1;
  /** Writes the fields of an object of this shape; null until it is published. */
  write: FieldsWriter | null = null;
  /** The child taken last: records come in runs. */
  lastKey: string | null = null;
  last: TrieNode | null = null;
  /** All children, once there are two. */
  children: Map<string, TrieNode> | null = null;

  constructor(parent: TrieNode | null, key: string) {
    this.parent = parent;
    this.key = key;
    this.depth = parent === null ? 0 : parent.depth + 1;
  }
}

export class ShapeTrie {
  readonly root: TrieNode = new TrieNode(null, '');
  readonly #names: ShapeNames;
  #nodeCount = 1;
  #shapeCount = 0;
  /** The table of names, or SHAPES_MAX, is reached: nothing is learnt any more. */
  #isClosed = false;
  /** Objects whose keys found no room since the last round, how many end the round, and the shapes at its beginning. */
  #turnedAway = 0;
  #patience = PATIENCE_MIN;
  #shapesBefore = 0;

  constructor(names: ShapeNames) { this.#names = names; }

  /** The node for one more key, undefined when there is no room for it. The caller has compared with `lastKey` already. */
  step(node: TrieNode, key: string): TrieNode | undefined {
    const child = node.children?.get(key);
    if (child === undefined) return this.#grow(node, key);
    node.lastKey = key;
    node.last = child;
    return child;
  }

  #grow(node: TrieNode, key: string): TrieNode | undefined {
    if (this.#isClosed || node.depth >= SHAPE_KEYS_MAX) return undefined;
    if (this.#nodeCount >= TRIE_NODES_MAX) {
      this.#turnedAway++;
      return undefined;
    }
    this.#nodeCount++;
    const child = new TrieNode(node, key);
    if (node.last !== null) (node.children ??= new Map([[node.last.key, node.last]])).set(key, child);
    node.lastKey = key;
    node.last = child;
    return child;
  }

  /** Publishes the shape that ends at `node`, which has no number yet, if it is met the second time and there is room. */
  settle(node: TrieNode): void {
    if (this.#isClosed || node.depth === 0) return;
    if (!node.isMet) {
      node.isMet = true;
      return;
    }
    const keys = keysTo(node);
    node.number = this.#names.intern(SHAPE_PREFIX + JSON.stringify(keys));
    this.#isClosed = node.number < 0 || ++this.#shapeCount >= SHAPES_MAX;
    if (node.number >= 0) node.write = compileWriter(keys);
  }

  /** Between two values: makes room when the trie has been full of keys that were data for long enough. */
  tidy(): void {
    if (this.#turnedAway < this.#patience) return;
    this.#turnedAway = 0;
    this.#patience = this.#shapeCount > this.#shapesBefore ? PATIENCE_MIN : Math.min(this.#patience * 2, PATIENCE_MAX);
    this.#shapesBefore = this.#shapeCount;
    this.#nodeCount = 0;
    this.#prune(this.root);
  }

  /** Keeps only what leads to a published shape; true if `node` does. At most SHAPE_KEYS_MAX levels deep. */
  #prune(node: TrieNode): boolean {
    const children = node.children === null ? (node.last === null ? [] : [node.last]) : [...node.children.values()];
    const kept = children.filter((child) => this.#prune(child));
    node.children = kept.length > 1 ? new Map(kept.map((child) => [child.key, child])) : null;
    node.last = kept[0] ?? null;
    node.lastKey = node.last === null ? null : node.last.key;
    node.isMet = false;
    const isUsed = node.number >= 0 || kept.length > 0 || node.parent === null;
    if (isUsed) this.#nodeCount++;
    return isUsed;
  }
}

/** The keys from the root to `end`. */
function keysTo(end: TrieNode): string[] {
  const keys: string[] = Array.from({ length: end.depth });
  for (let node = end; node.parent !== null; node = node.parent) keys[node.depth - 1] = node.key;
  return keys;
}

export interface Shape { readonly keys: readonly string[]; readonly make: Maker }

/** The decoder's side: from the numbers of one participant's shapes to makers. */
export class ShapeReader {
  readonly #names: ShapeTexts;
  readonly #shapes: (Shape | undefined)[] = [];

  constructor(names: ShapeTexts) { this.#names = names; }

  /** Throws when the number is not that of a shape: the bytes are corrupt. */
  shape(number: number): Shape { return this.#shapes[number] ?? this.#read(number); }

  #read(number: number): Shape {
    const text = this.#names.text(number);
    if (!text.startsWith(SHAPE_PREFIX)) throw new Error(`name ${number} is no shape: the bytes of a value are corrupt`);
    const keys = JSON.parse(text.slice(SHAPE_PREFIX.length)) as string[];
    return this.#shapes[number] = { keys, make: compileMaker(keys) };
  }
}
