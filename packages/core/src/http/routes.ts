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
/**
 * Targets remembered, a generation. Not remembered, but worked out each time: longer ones (two thousand would be megabytes) and those with a
 * number of three digits or more, which seldom come twice. A look-up of a string that V8 has never seen costs 0.5 us, as much as the work.
 */
const MEMO_MAX = 2048;
const MEMO_CHARS_MAX = 256;
const UNIQUE = /\d{3}/;

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

  /** ~0.1 us for a target that was seen lately, else ~1 us. Throws nothing. */
  find(method: string, url: string): Route<Options> {
    const path = pathOf(url);
    if (path.length > MEMO_CHARS_MAX || UNIQUE.test(path)) return this.#workOut(method, path).route;
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
    const prefix = pattern?.prefix;
    const guessed = prefix === undefined ? guess(segments) : [...prefix, ...guess(segments.slice(prefix.length))];
    const asGuessed = this.#roots.get(nameFrom(method, guessed));
    if (asGuessed !== undefined) return { route: asGuessed, isFinal: true };
    const names = this.#limit(guessed, prefix?.length ?? 0);
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

const nameFrom = (method: string, names: readonly string[]): string => names.length === 1 && names[0] === '*' ? `${method} *` : `${method} /${names.join('/')}`;

function guess(segments: readonly string[]): string[] {
  const names: string[] = [];
  for (let n = 0; n < segments.length && n < SEGMENTS_MAX; n++) names.push(guessOne(segments[n]!, n === segments.length - 1));
  if (segments.length > SEGMENTS_MAX) names.push('*');
  return names;
}

/** What a character of a segment may be; everything else is text. */
const DIGIT = 1;
const HEX_LETTER = 2;
const LETTER = 4;
const SEPARATOR = 8;
const MARK = 16;
const kinds = new Uint8Array(128);
for (const [characters, kind] of [['0123456789', DIGIT], ['abcdefABCDEF', HEX_LETTER], ['ghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ', LETTER], ['-_.:,', SEPARATOR], ["~!$'()+*", MARK]] as const) {
  for (const character of characters) kinds[character.charCodeAt(0)] = kind;
}

/** user-42, order_7: a word and a number, apart. v1 and oauth2 are names. */
const WORD_AND_NUMBER = /^[a-z]+[-_]\d+$/i;
const UUID = /^[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}$/i;
const FILE = /^[^.].*\.([a-z0-9]{1,8})$/i;

/** A segment that stands for a thing becomes `:id`, a file `:file.ext`; what looks like a name in a program stays. */
function guessOne(segment: string, isLast: boolean): string {
  const { length } = segment;
  let found = 0;
  let digits = 0;
  let dot = -1;
  for (let n = 0; n < length; n++) {
    const code = segment.charCodeAt(n);
    const kind = code < 128 ? kinds[code]! : 0;
    if (kind === 0) return ':id';   // text, or something encoded
    if (kind === DIGIT) digits++;
    if (code === 46) dot = n;
    found |= kind;
  }
  if (digits > 0) {
    if ((found & ~(DIGIT | SEPARATOR)) === 0) return ':id';                                             // 42, 2024-05-01
    if ((found & ~(DIGIT | HEX_LETTER)) === 0 && length >= 8) return ':id';                             // a hash
    if (digits >= 2 && length >= 16 && dot === -1 && (found & MARK) === 0) return ':id';                // ULID, nanoid, a title with a date
    if ((found & SEPARATOR) !== 0 && (WORD_AND_NUMBER.test(segment) || length === 36 && UUID.test(segment))) return ':id';
  } else if (found === HEX_LETTER && length >= 16) {
    return ':id';
  }
  if (isLast && dot > 0) {
    const extension = FILE.exec(segment)?.[1];
    if (extension !== undefined) return `:file.${extension.toLowerCase()}`;
  }
  return length <= SEGMENT_CHARS_MAX ? segment : ':id';
}

const isPlaceholder = (name: string): boolean => name === '*' || name === ':id' || name === ':any' || name.startsWith(':file.');
