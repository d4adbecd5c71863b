/**
 * Where text went: a pass of the compiler is text to text, and its segments lead every offset of what it made back to what it was made of.
 * Pieces that were copied lead back offset by offset; text that was put in leads to the one offset it stands for, or nowhere.
 * Source maps and the lines of stack traces come from these. Offsets are UTF-16 units. Next: source-map.ts.
 */

/** A run of generated text, up to where the next begins. */
export interface Segment {
  /** Offset in the generated text. */
  readonly at: number;
  /** Offset in the original text of its first unit; NOWHERE for text that stands for nothing. */
  readonly original: number;
  /** Copied: the offset k further on leads to `original + k`. Otherwise all of it leads to `original`. */
  readonly isCopied: boolean;
}

/** Ascending by `at`, the first at 0; none for an empty text. */
export type Segments = readonly Segment[];

export interface Pass { readonly code: string; readonly segments: Segments }

export const NOWHERE = -1;

/** The segments of a text that was not changed, or only in place. */
export const identity = (length: number): Segments => (length === 0 ? [] : [{ at: 0, original: 0, isCopied: true }]);

/** The segment that holds an offset; undefined before the first. */
function segmentAt(segments: Segments, offset: number): Segment | undefined {
  let low = 0;
  let high = segments.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((segments[middle] as Segment).at <= offset) low = middle + 1;
    else high = middle;
  }
  return segments[low - 1];
}

/** The original offset behind a generated one; NOWHERE where there is none. */
export function originalOf(segments: Segments, offset: number): number {
  const segment = segmentAt(segments, offset);
  if (segment === undefined || segment.original === NOWHERE) return NOWHERE;
  return segment.isCopied ? segment.original + offset - segment.at : segment.original;
}

/**
 * Two passes as one: `outer` leads from the last text to the one between, `inner` from there to the first.
 * @param length  of the last text
 */
export function composeSegments(outer: Segments, inner: Segments, length: number): Segments {
  const composed: Segment[] = [];
  for (let k = 0; k < outer.length; k++) {
    const segment = outer[k] as Segment;
    const end = outer[k + 1]?.at ?? length;
    if (segment.original === NOWHERE || !segment.isCopied) {
      composed.push({ ...segment, original: segment.original === NOWHERE ? NOWHERE : originalOf(inner, segment.original) });
      continue;
    }
    for (let at = segment.at; at < end;) {                               // cut where the inner text was cut
      const between = segment.original + at - segment.at;
      const index = indexAt(inner, between);
      const found = inner[index];
      composed.push({ at, original: originalOf(inner, between), isCopied: found?.isCopied === true });
      const cut = inner[index + 1]?.at ?? Infinity;
      at += Math.min(cut - between, end - at);
    }
  }
  return composed;
}

function indexAt(segments: Segments, offset: number): number {
  const segment = segmentAt(segments, offset);
  return segment === undefined ? -1 : binaryIndex(segments, segment.at);
}
function binaryIndex(segments: Segments, at: number): number {
  let low = 0;
  let high = segments.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((segments[middle] as Segment).at < at) low = middle + 1;
    else high = middle;
  }
  return low;
}
