/**
 * Shapes, the encoder's side: a trie of key names. An object is walked in `for…in`, one step a key, and the node where the walk ends
 * knows the number under which the key list is published in the table of names; the number is patched in after the values.
 * A string of joined keys as the look-up, the obvious way, costs more than JSON does.
 *
 *   Bounds      SHAPES_MAX published, TRIE_NODES_MAX nodes, SHAPE_KEYS_MAX keys. Beyond, nodes are made but not kept, and keys are spelled out.
 *   Learning    a shape is published when it is met the second time, so that dictionaries (keys are data: ids, dates, names) leave the
 *               shared table alone. Their nodes still fill the trie; when it is full, `prune` drops every path that leads to no
 *               published shape. It costs about 1 ms and comes at most once in 8,000 new keys.
 */
import type { NameWriter } from '../names.ts';
import { SHAPES_MAX, SHAPE_KEYS_MAX, SHAPE_PREFIX, TRIE_NODES_MAX } from './format.ts';

/** A key list that some object begins with. */
export class TrieNode {
  readonly parent: TrieNode | null;
  readonly key: string;
  readonly depth: number;
  /** The first key looks like an array index, as the keys of an `arguments` object do. */
  readonly isIndexed: boolean;
  /** The number of the shape that ends here; -1 until it is published. */
  number = -1;
  /** Some object has ended here before. */
  isMet = false;
  isKept: boolean;
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

/** The keys from the root to `end`. */
export function keysTo(end: TrieNode): string[] {
  const keys: string[] = Array.from({ length: end.depth });
  for (let node = end; node.parent !== null; node = node.parent) keys[node.depth - 1] = node.key;
  return keys;
}

export class ShapeTrie {
  readonly root: TrieNode = new TrieNode(null, '', true);
  readonly #names: NameWriter;
  #nodeCount = 1;
  #shapeCount = 0;
  #isClosed = false;
  #isFull = false;

  constructor(names: NameWriter) { this.#names = names; }

  /** The node for one more key. The caller has compared with `lastKey` already. */
  step(node: TrieNode, key: string): TrieNode {
    const child = node.children?.get(key);
    if (child === undefined) return this.#grow(node, key);
    node.lastKey = key;
    node.last = child;
    return child;
  }

  #grow(node: TrieNode, key: string): TrieNode {
    const isKept = node.isKept && node.depth < SHAPE_KEYS_MAX && !this.#isClosed && this.#nodeCount < TRIE_NODES_MAX;
    const child = new TrieNode(node, key, isKept);
    if (!isKept) {
      this.#isFull ||= this.#nodeCount >= TRIE_NODES_MAX;
      return child;
    }
    this.#nodeCount++;
    if (node.last !== null) (node.children ??= new Map([[node.last.key, node.last]])).set(key, child);
    node.lastKey = key;
    node.last = child;
    return child;
  }

  /** The number of the shape that ends at `node`; -1 when its keys must be spelled out. */
  settle(node: TrieNode): number {
    if (node.number >= 0 || !node.isKept || this.#isClosed) return node.number;
    if (!node.isMet) {
      node.isMet = true;
      return -1;
    }
    node.number = this.#names.intern(SHAPE_PREFIX + JSON.stringify(keysTo(node)));
    this.#isClosed = node.number < 0 || ++this.#shapeCount >= SHAPES_MAX;
    return node.number;
  }

  /** Between two values: makes room when the trie has filled up with keys that were data. */
  tidy(): void {
    if (!this.#isFull) return;
    this.#isFull = false;
    this.#nodeCount = 0;
    this.#prune(this.root);
    // So many keys lead to shapes in use that pruning would come again and again: what is known stays, nothing is added.
    if (this.#nodeCount > TRIE_NODES_MAX / 2) this.#isClosed = true;
  }

  /** Keeps only what leads to a published shape; true if `node` does. At most SHAPE_KEYS_MAX levels deep. */
  #prune(node: TrieNode): boolean {
    const children = node.children === null ? (node.last === null ? [] : [node.last]) : [...node.children.values()];
    const kept = children.filter((child) => this.#prune(child));
    node.children = kept.length > 1 ? new Map(kept.map((child) => [child.key, child])) : null;
    node.last = kept[0] ?? null;
    node.lastKey = node.last === null ? null : node.last.key;
    node.isMet = node.number >= 0;
    const isUsed = node.number >= 0 || kept.length > 0 || node.parent === null;
    if (isUsed) this.#nodeCount++;
    return isUsed;
  }
}

function startsWithDigit(key: string): boolean {
  const code = key.charCodeAt(0);
  return code >= 48 && code <= 57;
}
