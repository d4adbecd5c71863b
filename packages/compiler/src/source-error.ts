/** Parsing failed: the source is not JavaScript (nor TypeScript whose types can be stripped). */
export class SourceError extends SyntaxError {
  /** From 1. */
  readonly line: number;
  /** From 0. */
  readonly column: number;
  constructor(message: string, line: number, column: number, cause: unknown) {
    super(message, { cause });
    this.line = line;
    this.column = column;
  }
}
