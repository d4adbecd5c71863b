/**
 * Standard input of a program: main's, whose bytes come by port. As under `node` it is read from when somebody wants it, keeps the program while it is, and
 * ends that when it is paused; of a terminal it has the raw mode. Main's end is cli/program-input.ts.
 */
import { Readable } from 'node:stream';
import type { FromProgram } from './messages.ts';

/** What it needs of its worker. */
export interface InputHost {
  tell(message: FromProgram): void;
  /** The program does not end. @returns how to let go */
  hold(): () => void;
}

export class ProgramInput extends Readable {
  readonly fd = 0;
  /** Of a terminal only. */
  declare isTTY?: true;
  declare isRaw?: boolean;
  declare setRawMode?: (isRaw: unknown) => this;
  readonly #host: InputHost;
  #isWanted = false;
  #isReferenced = true;
  #letGo: (() => void) | undefined;

  constructor(host: InputHost, isTerminal: boolean) {
    super({ highWaterMark: 0 });                                         // as a terminal's: reads when somebody does, so that a pause is one
    this.#host = host;
    this.on('pause', () => process.nextTick(() => this.#stop()));        // as Node's does: resumed at once, it goes on
    if (!isTerminal) return;
    this.isTTY = true;
    this.isRaw = false;
    this.setRawMode = (isRaw) => {
      this.isRaw = Boolean(isRaw);
      host.tell({ event: 'raw', isRaw: this.isRaw });
      return this;
    };
  }

  override _read(): void { this.#want(true); }
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#want(false);
    done(error);
  }

  /** @param bytes  undefined: that was the end */
  arrive(bytes: Uint8Array | undefined): void {
    this.#isWanted = false;                                              // one piece for each time that it asks, so nothing piles up here
    if (!this.destroyed) this.push(bytes === undefined ? null : Buffer.from(bytes.buffer));
    this.#keep();
  }

  ref(): this { return this.#refer(true); }
  unref(): this { return this.#refer(false); }
  #refer(isReferenced: boolean): this {
    this.#isReferenced = isReferenced;
    this.#keep();
    return this;
  }

  #stop(): void {
    if (this.readableFlowing === true || !this.#isWanted) return;
    (this as unknown as { _readableState: { reading: boolean } })._readableState.reading = false;   // else nobody asks again
    this.#want(false);
  }

  #want(isWanted: boolean): void {
    if (isWanted === this.#isWanted) return;
    this.#isWanted = isWanted;
    this.#host.tell({ event: 'input', isWanted });
    this.#keep();
  }

  #keep(): void {
    const keeps = this.#isWanted && this.#isReferenced;
    if (keeps) this.#letGo ??= this.#host.hold();
    else if (this.#letGo !== undefined) {
      this.#letGo();
      this.#letGo = undefined;
    }
  }
}
