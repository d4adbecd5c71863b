/** The views through which every structure reads and writes the arena. The model tests pass instrumented ones in their place. */
import type { Layout } from './layout.ts';

export interface Memory {
  readonly layout: Layout;
  readonly words: Int32Array;
  readonly floats: Float64Array;
  readonly bytes: Buffer;
}

/** Allocates a zeroed arena. The system commits a page when it is first touched, so a large bound costs little. */
export function allocateMemory(layout: Layout): SharedArrayBuffer {
  return new SharedArrayBuffer(Math.ceil(layout.totalWords / 2) * 8);
}

/** Maps an arena in this thread. */
export function mapMemory(buffer: SharedArrayBuffer, layout: Layout): Memory {
  return { layout, words: new Int32Array(buffer), floats: new Float64Array(buffer), bytes: Buffer.from(buffer) };
}
