/**
 * Generated text in the making: slices of the source, text that is put in, and sequences of both. Flattening gives the text and its segments at once,
 * so nothing is ever moved without its place.
 */
import { NOWHERE, type Pass, type Segment } from '../segments.ts';

/** Source text from one offset to another. */
interface Slice { readonly start: number; readonly end: number }
/** Text that stands for an offset of the source: a stack frame in it is shown there. */
interface Stand { readonly text: string; readonly for: number }
export type Rope = string | Slice | Stand | readonly Rope[];

export const slice = (start: number, end: number): Slice => ({ start, end });
export const standing = (text: string, offset: number): Stand => ({ text, for: offset });

/** Text that was printed anew, each part of it standing for the place that it came from. */
export const standingFor = ({ text, places }: { readonly text: string; readonly places: readonly { at: number; original: number }[] }): Rope =>
  [text.slice(0, places[0]?.at ?? text.length), ...places.map(({ at, original }, k) => standing(text.slice(at, places[k + 1]?.at ?? text.length), original))];

/** The text of a rope over its source, with its segments. On a stack of its own: ropes nest as deeply as sources do. */
export function flatten(rope: Rope, source: string): Pass {
  const parts: string[] = [];
  const segments: Segment[] = [];
  let at = 0;
  const put = (text: string, original: number, isCopied: boolean): void => {
    if (text === '') return;
    const last = segments.at(-1);
    const goesOn = last !== undefined && last.isCopied === isCopied && (isCopied ? last.original + at - last.at === original : last.original === original);
    if (!goesOn) segments.push({ at, original, isCopied });
    parts.push(text);
    at += text.length;
  };
  const stack: Rope[] = [rope];
  for (let piece = stack.pop(); piece !== undefined; piece = stack.pop()) {
    if (typeof piece === 'string') put(piece, NOWHERE, false);
    else if (isSequence(piece)) for (let k = piece.length - 1; k >= 0; k--) stack.push(piece[k] as Rope);
    else if ('text' in piece) put(piece.text, piece.for, false);
    else put(source.slice(piece.start, piece.end), piece.start, true);
  }
  return { code: parts.join(''), segments };
}

const isSequence = (rope: Slice | Stand | readonly Rope[]): rope is readonly Rope[] => Array.isArray(rope);
