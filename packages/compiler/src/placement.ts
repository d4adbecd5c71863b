/**
 * Where the lines of compiled files come from, for stack traces: the segments of a file with the beginnings of the lines on both sides, in a text
 * that the cache can hold. It is read only when somebody asks for a stack.
 */
import { Lines, type Position } from './lines.ts';
import { NOWHERE, originalOf, type Segment, type Segments } from './segments.ts';

/** Segments and original line lengths as numbers, each relative to the one before. */
export function encodePlaces(segments: Segments, source: string): string {
  const numbers: number[] = [];
  let [lastAt, lastOriginal] = [0, 0];
  for (const { at, original, isCopied } of segments) {
    numbers.push(at - lastAt, original === NOWHERE ? 2 : Number(isCopied), original === NOWHERE ? 0 : original - lastOriginal);
    lastAt = at;
    if (original !== NOWHERE) lastOriginal = original;
  }
  return JSON.stringify([numbers, new Lines(source).lengths]);
}

export class Places {
  readonly segments: Segments;
  readonly #generated: Lines;
  readonly #original: Lines;

  constructor(encoded: string, code: string) {
    const [numbers, lengths] = JSON.parse(encoded) as [number[], number[]];
    const segments: Segment[] = [];
    let [at, original] = [0, 0];
    for (let k = 0; k < numbers.length; k += 3) {
      const kind = numbers[k + 1] as number;
      at += numbers[k] as number;
      original += numbers[k + 2] as number;
      segments.push({ at, original: kind === 2 ? NOWHERE : original, isCopied: kind === 1 });
    }
    this.segments = segments;
    this.#generated = new Lines(code);
    this.#original = Lines.ofLengths(lengths);
  }

  /** Undefined where the generated text stands for nothing. */
  originalOf(place: Position): Position | undefined {
    const original = originalOf(this.segments, this.#generated.offsetOf(place));
    return original === NOWHERE ? undefined : this.#original.positionOf(original);
  }
}
