/**
 * Conditional and range requests (RFC 9110, sections 13 and 14) for one representation with a weak validator: pure, from request headers to
 * what is to be sent. Precedence as in 13.2.2: If-None-Match before If-Modified-Since, both before Range.
 */

/** What is known of a file; strings are ready to be sent. */
export interface Representation {
  readonly size: number;
  /** Whole seconds, as HTTP dates are. */
  readonly modifiedSeconds: number;
  readonly lastModified: string;
  readonly etag: string;
}

/** The request headers that decide. */
export interface Conditions {
  readonly ifNoneMatch?: string | undefined;
  readonly ifModifiedSince?: string | undefined;
  readonly ifRange?: string | undefined;
  readonly range?: string | undefined;
}

export type Outcome = { readonly status: 200 } | { readonly status: 304 } | { readonly status: 416 } | { readonly status: 206; readonly start: number; /** inclusive */ readonly end: number };

const WHOLE: Outcome = { status: 200 };
const NOT_MODIFIED: Outcome = { status: 304 };
const UNSATISFIABLE: Outcome = { status: 416 };

export function outcomeOf(file: Representation, conditions: Conditions, allowRange: boolean): Outcome {
  const { ifNoneMatch, ifModifiedSince, ifRange, range } = conditions;
  if (ifNoneMatch !== undefined) {
    if (matches(ifNoneMatch, file.etag)) return NOT_MODIFIED;
  } else if (ifModifiedSince !== undefined && file.modifiedSeconds <= Date.parse(ifModifiedSince) / 1000) {
    return NOT_MODIFIED;
  }
  if (range === undefined || !allowRange) return WHOLE;
  // If-Range asks for a strong match: a weak tag never is one, a date is when it is the same.
  if (ifRange !== undefined && ifRange.trim() !== file.lastModified) return WHOLE;
  return rangeOf(range, file.size);
}

/** Weak comparison of an If-None-Match list with one tag. */
function matches(list: string, etag: string): boolean {
  if (list.trim() === '*') return true;
  const opaque = etag.replace(/^W\//, '');
  return list.split(',').some((tag) => tag.trim().replace(/^W\//, '') === opaque);
}

/** One range is honoured; several, or what cannot be understood, mean the whole (14.2 allows it). */
function rangeOf(header: string, size: number): Outcome {
  const match = /^\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*$/i.exec(header);
  if (match === null) return WHOLE;
  const [, first = '', last = ''] = match;
  if (first === '' && last === '') return WHOLE;
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? UNSATISFIABLE : { status: 206, start: size - length, end: size - 1 };
  }
  const start = Number(first);
  if (last !== '' && Number(last) < start) return WHOLE;
  if (start >= size) return UNSATISFIABLE;
  return { status: 206, start, end: last === '' ? size - 1 : Math.min(Number(last), size - 1) };
}
