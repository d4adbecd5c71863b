/**
 * The `mappings` of a source map, both ways: places as base-64 numbers, each relative to the one before (ECMA-426).
 */
import { Lines, type Position } from './lines.ts';
import { NOWHERE, type Segment, type Segments } from './segments.ts';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Writes mappings, in the order of the generated text. */
export class MappingsWriter {
  text = '';
  #line = 1;
  #isFirst = true;
  #column = 0;
  #originalLine = 0;
  #originalColumn = 0;

  add(generated: Position, original: Position): void {
    this.#begin(generated);
    this.text += digits(0) + digits(original.line - 1 - this.#originalLine) + digits(original.column - this.#originalColumn);
    this.#originalLine = original.line - 1;
    this.#originalColumn = original.column;
  }
  /** From here on the text stands for nothing. */
  addNowhere(generated: Position): void { this.#begin(generated); }

  #begin({ line, column }: Position): void {
    for (; this.#line < line; this.#line++) { this.text += ';'; this.#column = 0; this.#isFirst = true; }
    if (!this.#isFirst) this.text += ',';
    this.#isFirst = false;
    this.text += digits(column - this.#column);
    this.#column = column;
  }
}

/** A variable-length quantity: five bits a digit, the sign in the lowest bit of the first. */
function digits(value: number): string {
  let rest = value < 0 ? (-value << 1) | 1 : value << 1;
  let text = '';
  do {
    const five = rest & 31;
    rest >>>= 5;
    text += ALPHABET[rest > 0 ? five | 32 : five];
  } while (rest > 0);
  return text;
}

/** What is read of a source map with one source. */
export interface MapFields { readonly mappings: string }

/** The segments behind another tool's source map. Text that is the same on both sides up to the next mapping counts as copied. */
export function fromMappings({ mappings }: MapFields, code: string, source: string): Segments {
  const generated = new Lines(code);
  const original = new Lines(source);
  const segments: Segment[] = [];
  const [place, from] = [{ line: 0, column: 0 }, { line: 0, column: 0 }];
  for (const line of mappings.split(';')) {
    place.line++;
    place.column = 0;
    for (const mapping of line === '' ? [] : line.split(',')) {
      const [column, source, originalLine, originalColumn] = numbersOf(mapping);
      place.column += column as number;
      if (source !== undefined) { from.line += originalLine as number; from.column += originalColumn as number; }
      const at = generated.offsetOf(place);
      if (segments.at(-1)?.at === at) segments.pop();
      segments.push({ at, original: source === undefined ? NOWHERE : original.offsetOf({ line: from.line + 1, column: from.column }), isCopied: false });
    }
  }
  if (segments[0]?.at !== 0 && code !== '') segments.unshift({ at: 0, original: NOWHERE, isCopied: false });
  return segments.map((segment, k) => ({ ...segment, isCopied: isCopy(segment, segments[k + 1]?.at ?? code.length, code, source) }));
}

const isCopy = ({ at, original }: Segment, end: number, code: string, source: string): boolean => original !== NOWHERE && source.startsWith(code.slice(at, end), original);

function numbersOf(mapping: string): number[] {
  const numbers: number[] = [];
  for (let k = 0, value = 0, shift = 0; k < mapping.length; k++) {
    const five = ALPHABET.indexOf(mapping[k] as string);
    value |= (five & 31) << shift;
    shift += 5;
    if ((five & 32) !== 0) continue;
    numbers.push((value & 1) === 1 ? -(value >>> 1) : value >>> 1);
    value = shift = 0;
  }
  return numbers;
}
