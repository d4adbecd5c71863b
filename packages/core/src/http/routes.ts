/**
 * Roots of requests: the name under which a request is scheduled, admitted and shown. A root should hold what costs alike, and there must not be
 * many: the scheduler keeps a queue and statistics for each. The framework's router is not asked (it has not run yet, and each
 * framework has its own), so the name is guessed from method and path, and the user's patterns correct the guess.
 */
import { Memo } from './memo.ts';
import { pathOf } from './request-path.ts';
import { RoutePatterns, segmentsOf } from './route-patterns.ts';

/** Segments that a name distinguishes; deeper ones become `*`. */
const SEGMENTS_MAX = 4;
/** A longer segment is somebody's text, not a name in a program. */
const SEGMENT_CHARS_MAX = 32;
const ROOTS_MAX = 256;
/** Different names below one parent, after which they are `:any`: titles of articles must not fill the table. */
const SIBLINGS_MAX = 64;
/** Once half of the table is taken a name must come this often to be taken in: scanners try each of thousands of paths once. */
const PROBATION_HITS = 3;
const PROBATION_MAX = 1024;
/** Targets remembered, a generation. Longer targets are worked out each time: two thousand of them would be megabytes. */
const MEMO_MAX = 2048;
const MEMO_CHARS_MAX = 256;

/** The root of a request; one object a root, for its whole life. */
export interface Route<Options> {
  /** 'GET /users/:id', the user's pattern, or 'other'. */
  readonly name: string;
  /** Dense: 0 is 'other', the user's patterns follow in their order, then what has been learned. */
  readonly index: number;
  readonly options: Options | undefined;
}

export interface RouteTableOptions { rootsMax?: number; siblingsMax?: number }

/** The name of a request's root by itself, without a table: bounded in length, not in number. */
export function routeOf(method: string, url: string): string {
  return nameFrom(method, guess(segmentsIn(pathOf(url))));
}

/**
 * The roots of one application, at most 256 of them (or one more than there are patterns). A pattern without `*` is a root itself. A
 * pattern with `*` gives its options to what is below it, which keeps roots of its own while there is room and then shares the
 * pattern's: `/*` with a deadline must not make one root of everything.
 */
export class RouteTable<Options> {
  readonly #patterns: RoutePatterns<Options>;
  readonly #roots: Map<string, Route<Options>> = new Map();
  readonly #siblings: Map<string, Set<string>> = new Map();
  readonly #memo: Memo<Route<Options>> = new Memo(MEMO_MAX);
  readonly #rootsMax: number;
  readonly #siblingsMax: number;
  readonly #probation: Map<string, number> = new Map();

  /** Throws CAP_ERR_OPTION when a key of `routes` is not a pattern, or two say the same. */
  constructor(routes: Readonly<Record<string, Options>> = {}, { rootsMax = ROOTS_MAX, siblingsMax = SIBLINGS_MAX }: RouteTableOptions = {}) {
    this.#patterns = new RoutePatterns(routes);
    this.#rootsMax = Math.max(rootsMax, this.#patterns.all.length + 1);
    this.#siblingsMax = siblingsMax;
    this.#add('other', undefined);
    for (const { key, options } of this.#patterns.all) this.#add(key, options);
  }

  /** Every root so far, by index. */
  get roots(): Route<Options>[] { return [...this.#roots.values()]; }

  /** One look-up in a Map for a target that was seen lately, else a few microseconds. Throws nothing. */
  find(method: string, url: string): Route<Options> {
    const path = pathOf(url);
    if (path.length > MEMO_CHARS_MAX) return this.#workOut(method, path).route;
    const key = method + path;
    const known = this.#memo.get(key);
    if (known !== undefined) return known;
    const { route, isFinal } = this.#workOut(method, path);
    if (isFinal) this.#memo.set(key, route);
    return route;
  }

  #workOut(method: string, path: string): { route: Route<Options>; isFinal: boolean } {
    const segments = segmentsIn(path);
    const pattern = this.#patterns.match(method, segments);
    const group = this.#roots.get(pattern?.key ?? 'other')!;
    if (pattern !== undefined && pattern.prefix === undefined) return { route: group, isFinal: true };
    const prefix = pattern?.prefix ?? [];
    const names = this.#limit([...prefix, ...guess(segments.slice(prefix.length))], prefix.length);
    const name = nameFrom(method, names);
    const known = this.#roots.get(name);
    if (known !== undefined) return { route: known, isFinal: true };
    if (this.#roots.size >= this.#rootsMax) return { route: group, isFinal: true };
    if (this.#roots.size >= this.#rootsMax / 2 && this.#isOnProbation(name)) return { route: group, isFinal: false };
    for (const [n, child] of names.entries()) this.#childrenOf(names.slice(0, n)).add(child);
    return { route: this.#add(name, pattern?.options), isFinal: true };
  }

  /** Replaces names that would be one too many below their parent. What the user wrote himself stays. */
  #limit(names: string[], from: number): string[] {
    const limited = names.slice(0, from);
    for (const name of names.slice(from)) {
      const children = this.#siblings.get(limited.join('/'));
      const isOneTooMany = children !== undefined && !children.has(name) && children.size >= this.#siblingsMax && !isPlaceholder(name);
      limited.push(isOneTooMany ? ':any' : name);
    }
    return limited;
  }

  #childrenOf(parent: string[]): Set<string> {
    const key = parent.join('/');
    let children = this.#siblings.get(key);
    if (children === undefined) this.#siblings.set(key, children = new Set());
    return children;
  }

  #isOnProbation(name: string): boolean {
    const hits = (this.#probation.get(name) ?? 0) + 1;
    if (hits >= PROBATION_HITS) {
      this.#probation.delete(name);
      return false;
    }
    if (this.#probation.size >= PROBATION_MAX) this.#probation.clear();
    this.#probation.set(name, hits);
    return true;
  }

  #add(name: string, options: Options | undefined): Route<Options> {
    const route = { name, index: this.#roots.size, options };
    this.#roots.set(name, route);
    return route;
  }
}

/** `OPTIONS *` and whatever else is no path is one segment of its own. */
const segmentsIn = (path: string): string[] => path.startsWith('/') ? segmentsOf(path) : ['*'];

const nameFrom = (method: string, names: readonly string[]): string => `${method} ${names[0] === '*' && names.length === 1 ? '*' : `/${names.join('/')}`}`;

function guess(segments: readonly string[]): string[] {
  const names = segments.slice(0, SEGMENTS_MAX).map((segment, n) => guessOne(segment, n === segments.length - 1));
  if (segments.length > SEGMENTS_MAX) names.push('*');
  return names;
}

const FILE = /^[^.].*\.([a-z0-9]{1,8})$/i;
const NUMBERS = /^[\d.,:_-]*\d[\d.,:_-]*$/;
const UUID = /^[\da-f]{8}-?(?:[\da-f]{4}-?){3}[\da-f]{12}$/i;
const HEX = /^(?=.*\d)[\da-f]{8,}$|^[\da-f]{16,}$/i;
/** user-42, order_7: a word and a number, apart. v1 and oauth2 are names. */
const WORD_AND_NUMBER = /^[a-z]+[-_]\d+$/i;
/** Keys as programs make them (ULID, nanoid, base64): long, with digits among the letters. */
const KEY = /^(?=(?:.*\d){2})[\w-]{16,}$/;
const NAME = /^[\w.~!$'()+-]+$/;

/** A segment that stands for a thing becomes `:id`, a file `:file.ext`; what looks like a name in a program stays. */
function guessOne(segment: string, isLast: boolean): string {
  if (NUMBERS.test(segment) || UUID.test(segment) || HEX.test(segment) || WORD_AND_NUMBER.test(segment) || KEY.test(segment)) return ':id';
  const extension = isLast ? FILE.exec(segment)?.[1] : undefined;
  if (extension !== undefined) return `:file.${extension.toLowerCase()}`;
  return segment.length <= SEGMENT_CHARS_MAX && NAME.test(segment) ? segment : ':id';
}

const isPlaceholder = (name: string): boolean => name === '*' || name === ':id' || name === ':any' || name.startsWith(':file.');
