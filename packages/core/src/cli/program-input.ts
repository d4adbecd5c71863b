/** Main's end of a program's standard input: reads when the program does, and puts a terminal into the mode that it asks for. The other end is program/input.ts. */
import { describeFailure } from '@capriccio/shared';
import type { ToProgram } from '../program/messages.ts';

export class ProgramInputGiver {
  readonly #tell: (message: ToProgram) => void;
  #hasBegun = false;

  constructor(tell: (message: ToProgram) => void) { this.#tell = tell; }

  want(isWanted: boolean): void {
    if (isWanted) {
      if (!this.#hasBegun) this.#begin();
      process.stdin.resume();
    } else if (this.#hasBegun) process.stdin.pause();
  }

  setRaw(isRaw: boolean): void {
    if (process.stdin.isTTY && process.stdin.isRaw !== isRaw) process.stdin.setRawMode(isRaw);
  }

  /** The program has ended: the terminal is as it was. */
  close(): void {
    if (!this.#hasBegun && !process.stdin.isRaw) return;
    this.setRaw(false);
    process.stdin.off('data', this.#onData).destroy();
  }

  readonly #onData = (chunk: Buffer): void => {
    process.stdin.pause();                                               // until it asks again
    this.#tell({ order: 'input', bytes: new Uint8Array(chunk) });        // alone in its buffer, which is what is copied
  };

  #begin(): void {
    this.#hasBegun = true;
    process.stdin.on('data', this.#onData).once('end', () => this.#tell({ order: 'input' }))
      .on('error', (error) => this.#tell({ order: 'unreadable', failure: describeFailure(error) }));
  }
}
