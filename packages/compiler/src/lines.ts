/** Lines of a text: from offsets to lines and columns. Lines end as JavaScript ends them: LF, CR, CRLF, and the two separators of Unicode. */

export interface Position {
  /** From 1. */
  readonly line: number;
  /** From 0, in UTF-16 units. */
  readonly column: number;
}

export class Lines {
  readonly #starts: number[] = [0];

  constructor(text: string) {
    if (text.includes('\r') || text.includes('\u2028') || text.includes('\u2029')) for (const match of text.matchAll(/\r\n?|[\n\u2028\u2029]/g)) this.#starts.push(match.index + match[0].length);
    else for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) this.#starts.push(at + 1);
  }

  /** Lines of a text that is not there any more. @param lengths  of each line but the last, with what ends it */
  static ofLengths(lengths: readonly number[]): Lines {
    const lines = new Lines('');
    for (const length of lengths) lines.#starts.push((lines.#starts.at(-1) as number) + length);
    return lines;
  }
  get lengths(): number[] { return this.#starts.slice(1).map((start, k) => start - (this.#starts[k] as number)); }

  get count(): number { return this.#starts.length; }

  positionOf(offset: number): Position {
    let low = 0;
    let high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#starts[middle] as number) <= offset) low = middle + 1;
      else high = middle;
    }
    return { line: low, column: offset - (this.#starts[low - 1] as number) };
  }

  /** The offset of a place; beyond the end of the text where there is no such line. */
  offsetOf({ line, column }: Position): number { return (this.#starts[line - 1] ?? Infinity) + column; }
}
