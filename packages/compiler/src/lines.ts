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
    for (const match of text.matchAll(/\r\n?|[\n\u2028\u2029]/g)) this.#starts.push(match.index + match[0].length);
  }

  get count(): number { return this.#starts.length; }
  /** Offset at which a line begins. @param line  from 1 to `count` */
  startOf(line: number): number { return this.#starts[line - 1] as number; }

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
