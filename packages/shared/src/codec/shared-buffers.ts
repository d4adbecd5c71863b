/** SharedArrayBuffers travel by number: one itself can be sent only by a port, and keeps its identity only where it is sent once. */

/** Shared buffers have numbers, for a SharedArrayBuffer itself can travel only by a port. */
export interface SharedBuffers {
  /** The number of `buffer`; the caller sees to it that the receiver learns which buffer that is. */
  numberOf(buffer: SharedArrayBuffer): number;
  /** The buffer of a number; undefined while it is not known here. */
  bufferOf(number: number): SharedArrayBuffer | undefined;
}

/** `decode` met the number of a shared buffer that is not known here yet. The caller waits for it and decodes again. */
export class MissingBufferError extends Error {
  override readonly name: string = 'MissingBufferError';
  readonly number: number;

  constructor(number: number) {
    super(`shared buffer ${number} is not known here yet; decode again when it is`);
    this.number = number;
  }
}
