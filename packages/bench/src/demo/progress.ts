// Where the run is: one line that is rewritten on a terminal, a plain line now and then elsewhere.

const plainEveryMs = 2_000;

export class Progress {
  readonly #stream: NodeJS.WriteStream;
  #lastPlainMs = 0;
  #hasLine = false;

  constructor(stream: NodeJS.WriteStream = process.stderr) {
    this.#stream = stream;
  }

  /** Something that changes often; where it cannot be rewritten, most are left out. */
  update(text: string): void {
    if (this.#stream.isTTY) {
      // A line that wraps could not be rewritten. Some terminals say they have no columns.
      this.#stream.write(`\r\u001b[K${text.slice(0, (this.#stream.columns || 80) - 1)}`);
      this.#hasLine = true;
    } else if (performance.now() - this.#lastPlainMs > plainEveryMs) {
      this.#lastPlainMs = performance.now();
      this.#stream.write(`${text}\n`);
    }
  }

  /** Something that stays. */
  line(text: string): void {
    this.clear();
    this.#stream.write(`${text}\n`);
  }

  clear(): void {
    if (this.#hasLine) this.#stream.write('\r\u001b[K');
    this.#hasLine = false;
  }
}
