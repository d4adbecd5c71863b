/** Connections that have ended, told to main once a turn of the event loop. */
export class Ends {
  readonly #tell: (count: number) => void;
  #count = 0;
  #isDue = false;
  constructor(tell: (count: number) => void) { this.#tell = tell; }

  /** @param count  -1: one that is about to end goes on under another socket */
  add(count: number): void {
    this.#count += count;
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      if (this.#count > 0) this.#tell(this.#count);
      this.#count = Math.min(0, this.#count);
    });
  }
}
