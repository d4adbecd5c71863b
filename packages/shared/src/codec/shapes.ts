/**
 * Shapes: key lists that many objects share. One is published once, as a name, and travels as its number.
 *
 * The encoder's side is a trie of key names: an object's keys are walked, one step a key, and the node where the walk ends knows the
 * number. A string of the joined keys as the look-up, the obvious way, costs more than JSON does.
 *
 *   Bounds      SHAPES_MAX published, TRIE_NODES_MAX nodes, SHAPE_KEYS_MAX keys. Beyond, nodes are made but not kept, and keys are spelled out.
 *   Learning    a shape is published when it is met the second time, so that dictionaries (keys are data: ids, dates, names) leave the
 *               shared table alone. Their nodes still fill the trie; when it is full, `tidy` drops every path that leads to no
 *               published shape. It costs about 1 ms and comes at most once in 8,000 new keys.
 */
import { compileMaker, compileWriter, type FieldsWriter, type Maker } from './compiled-shapes.ts';
import { SHAPES_MAX, SHAPE_KEYS_MAX, SHAPE_PREFIX, TRIE_NODES_MAX } from './format.ts';

/** The encoder's table of names: a NameWriter. -1 says that it is full. */
export interface ShapeNames { intern(text: string): number }
/** The decoder's: a NameReader. Throws for a number that is none. */
export interface ShapeTexts { text(number: number): string }

/** A key list that some object begins with. */
export class TrieNode {
  readonly parent: TrieNode | null;
  readonly key: string;
  readonly depth: number;
  /** The first key looks like an array index, as the keys of an `arguments` object do. */
  readonly isIndexed: boolean;
  /** False beyond a bound: the node lives for one walk. */
  readonly isKept: boolean;
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

  constructor(parent: TrieNode | null, key: string, isKept: boolean) {
    this.parent = parent;
    this.key = key;
    this.depth = parent === null ? 0 : parent.depth + 1;
    this.isIndexed = parent !== null && (parent.parent === null ? startsWithDigit(key) : parent.isIndexed);
    this.isKept = isKept;
  }
}

export class ShapeTrie {
  readonly root: TrieNode = new TrieNode(null, '', true);
  readonly #names: ShapeNames;
  #nodeCount = 1;
  #shapeCount = 0;
  /** Nothing is added any more: the table of names, or one of the bounds, is reached by shapes in use. */
  #isClosed = false;
  #isFull = false;

  constructor(names: ShapeNames) { this.#names = names; }

  /** The node for one more key. The caller has compared with `lastKey` already. */
  step(node: TrieNode, key: string): TrieNode {
    const child = node.children?.get(key);
    if (child === undefined) return this.#grow(node, key);
    node.lastKey = key;
    node.last = child;
    return child;
  }

  #grow(node: TrieNode, key: string): TrieNode {
    const hasRoom = this.#nodeCount < TRIE_NODES_MAX;
    const child = new TrieNode(node, key, node.isKept && node.depth < SHAPE_KEYS_MAX && !this.#isClosed && hasRoom);
    if (!hasRoom) this.#isFull = true;
    if (!child.isKept) return child;
    this.#nodeCount++;
    if (node.last !== null) (node.children ??= new Map([[node.last.key, node.last]])).set(key, child);
    node.lastKey = key;
    node.last = child;
    return child;
  }

  /** Publishes the shape that ends at `node`, which has no number yet, if it is met the second time and there is room. */
  settle(node: TrieNode): void {
    if (!node.isKept || this.#isClosed) return;
    if (!node.isMet) {
      node.isMet = true;
      return;
    }
    const keys = keysTo(node);
    node.number = this.#names.intern(SHAPE_PREFIX + JSON.stringify(keys));
    this.#isClosed = node.number < 0 || ++this.#shapeCount >= SHAPES_MAX;
    if (node.number >= 0) node.write = compileWriter(keys);
  }

  /** Between two values: makes room when the trie has filled up with keys that were data. */
  tidy(): void {
    if (!this.#isFull || this.#isClosed) return;
    this.#isFull = false;
    this.#nodeCount = 0;
    this.#prune(this.root);
    // So many keys lead to shapes in use that pruning would come again and again.
    if (this.#nodeCount > TRIE_NODES_MAX / 2) this.#isClosed = true;
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

function startsWithDigit(key: string): boolean {
  const code = key.charCodeAt(0);
  return code >= 48 && code <= 57;
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
