/** Changes to a text, put in at once: what was copied and what was put in is kept as segments. */
import { NOWHERE, type Pass, type Segment } from '../segments.ts';

export interface Edit {
  /** Offsets of what is taken out; equal for what is only put in. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** Where parts of `text` come from: ascending by `at`, offsets in it. */
  readonly places?: readonly { readonly at: number; readonly original: number }[];
  /** In `text`. */
  readonly closed?: readonly ClosedBody[];
}

/** The body of a twin in which no other function is: where its braces stand in a text, and whether it yields. Nothing else of it matters to a later pass. */
export interface ClosedBody { readonly start: number; readonly end: number; readonly hasYield: boolean }

/** A changed text, and where each change went: offsets in it, NOWHERE for those that were left out. */
export interface Edited extends Pass { readonly at: readonly number[] }

/** Makes the changes; those inside of what another takes out are left out. @param edits  in any order; of those at one offset, the first comes first */
export function applyEdits(source: string, edits: readonly Edit[]): Edited {
  const segments: Segment[] = [];
  const pieces: string[] = [];
  const went = edits.map(() => NOWHERE);
  let from = 0;
  let at = 0;
  const copy = (end: number): void => {
    if (end <= from) return;
    segments.push({ at, original: from, isCopied: true });
    pieces.push(source.slice(from, end));
    at += end - from; from = end;
  };
  for (const [edit, index] of edits.map((one, k) => [one, k] as const).toSorted(([a], [b]) => a.start - b.start)) {
    if (edit.start < from) continue;
    copy(edit.start);
    went[index] = at;
    if (edit.text !== '') {
      const places = edit.places ?? [];
      if (places[0]?.at !== 0) segments.push({ at, original: NOWHERE, isCopied: false });
      for (const place of places) {
        const last = segments.at(-1) as Segment;
        if (last.at === at + place.at) segments.pop();
        segments.push({ at: at + place.at, original: place.original, isCopied: false });
      }
      pieces.push(edit.text);
      at += edit.text.length;
    }
    from = edit.end;
  }
  copy(source.length);
  return { code: pieces.join(''), segments, at: went };
}
