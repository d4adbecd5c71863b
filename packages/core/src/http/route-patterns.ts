/**
 * Patterns of `ServeOptions.routes`: 'GET /render/:id', '/search', '/static/*'. A trie of segments, so a look-up costs the depth of the path and
 * not the number of patterns. A literal segment goes before a parameter, a parameter before the rest; a pattern with a method before one
 * without; HEAD is answered by GET. A trailing slash and empty segments count for nothing, case counts.
 */
import { CapriccioError } from '@capriccio/shared';

/** A pattern that was found. */
export interface Pattern<Options> {
  /** As the user wrote it. */
  readonly key: string;
  readonly options: Options;
  /** The literal beginning that a pattern of the form `/a/b/*` has, segment by segment; undefined for one without `*`. */
  readonly prefix: readonly string[] | undefined;
}

interface Node<Options> {
  readonly literal: Map<string, Node<Options>>;
  parameter: Node<Options> | undefined;
  /** By method, '' for any: patterns that end here, and patterns that end here in `*`. */
  readonly here: Map<string, Pattern<Options>>;
  readonly rest: Map<string, Pattern<Options>>;
}

const SYNTAX = '[METHOD ]/segment/:parameter/*, `*` last';

export class RoutePatterns<Options> {
  readonly #root: Node<Options> = emptyNode();
  readonly all: readonly Pattern<Options>[];

  /** Throws CAP_ERR_OPTION for a key that is not a pattern, and for two that say the same. */
  constructor(routes: Readonly<Record<string, Options>>) {
    this.all = Object.entries(routes).map(([key, options]) => this.#add(key, options));
  }

  /** @param segments  decoded, none empty */
  match(method: string, segments: readonly string[]): Pattern<Options> | undefined {
    return this.all.length === 0 ? undefined : search(this.#root, method, segments, 0);
  }

  #add(key: string, options: Options): Pattern<Options> {
    const match = /^(?:([A-Z][A-Z-]*) +)?(\/\S*)$/.exec(key.trim());
    if (match === null) throw invalid(key, `is not of the form ${SYNTAX}`);
    const [, method = '', path = ''] = match;
    const segments = segmentsOf(path);
    const isRest = segments.at(-1) === '*';
    if (isRest) segments.pop();
    let node = this.#root;
    for (const segment of segments) {
      if (segment.includes('*')) throw invalid(key, '`*` may only be the whole of the last segment');
      if (!segment.startsWith(':')) node = getOrMake(node.literal, segment, emptyNode<Options>);
      else if (/^:\w+$/.test(segment)) node = node.parameter ??= emptyNode();
      else throw invalid(key, `${segment} is no parameter: a name of letters, digits and _ follows the colon`);
    }
    const place = isRest ? node.rest : node.here;
    if (place.has(method)) throw invalid(key, `says the same as ${place.get(method)!.key}`);
    const pattern = { key: key.trim(), options, prefix: isRest ? segments : undefined };
    place.set(method, pattern);
    return pattern;
  }
}

/** Depth first, the most specific way first. What it visits is bounded by the nodes of the trie. */
function search<Options>(node: Node<Options>, method: string, segments: readonly string[], depth: number): Pattern<Options> | undefined {
  const segment = segments[depth];
  if (segment === undefined) return byMethod(node.here, method) ?? byMethod(node.rest, method);
  const literal = node.literal.get(segment);
  return (literal && search(literal, method, segments, depth + 1))
    ?? (node.parameter && search(node.parameter, method, segments, depth + 1))
    ?? byMethod(node.rest, method);
}

function byMethod<Options>(patterns: Map<string, Pattern<Options>>, method: string): Pattern<Options> | undefined {
  if (patterns.size === 0) return undefined;
  return patterns.get(method) ?? (method === 'HEAD' ? patterns.get('GET') : undefined) ?? patterns.get('');
}

/** @param path  without a query; segments that cannot be decoded stay as they are */
export function segmentsOf(path: string): string[] {
  const segments: string[] = [];
  const isEncoded = path.includes('%');
  for (let start = 0; start < path.length;) {
    let end = path.indexOf('/', start);
    if (end === -1) end = path.length;
    if (end > start) segments.push(isEncoded ? decode(path.slice(start, end)) : path.slice(start, end));
    start = end + 1;
  }
  return segments;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function getOrMake<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  let value = map.get(key);
  if (value === undefined) map.set(key, value = make());
  return value;
}

const emptyNode = <Options>(): Node<Options> => ({ literal: new Map(), parameter: undefined, here: new Map(), rest: new Map() });

function invalid(key: string, why: string): CapriccioError {
  return new CapriccioError('CAP_ERR_OPTION', `routes: ${JSON.stringify(key)} ${why}`);
}
