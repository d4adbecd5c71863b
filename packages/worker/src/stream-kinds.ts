/**
 * Streams as results. A function that returns a stream of Node's or of the web is treated as a generator that yields its chunks (streams.ts), so values,
 * errors, back-pressure and closing are the same; its caller gets a stream of the kind that it returned.
 */
import { Readable } from 'node:stream';

export const GENERATOR = 0;
const NODE_BYTES = 1;
const NODE_OBJECTS = 2;
const WEB = 3;

/** What is read of a result that is a stream, and its kind. Undefined for any other. */
export function sourceOf(value: object): { readonly source: AsyncGenerator; readonly kind: number } | undefined {
  if (value instanceof Readable) return { source: value[Symbol.asyncIterator]() as AsyncGenerator, kind: value.readableObjectMode || value.readableEncoding !== null ? NODE_OBJECTS : NODE_BYTES };
  if (value instanceof ReadableStream) return { source: value[Symbol.asyncIterator]() as AsyncGenerator, kind: WEB };
  return undefined;
}

/** What the caller gets: the iterator itself, or a stream that reads it, and closes it when it is destroyed or cancelled. */
export function streamOf(values: AsyncIterableIterator<unknown, void, undefined>, kind: number): object {
  if (kind === WEB) return webStream(values);
  return kind === GENERATOR ? values : Readable.from(values, { objectMode: kind === NODE_OBJECTS, highWaterMark: kind === NODE_OBJECTS ? 1 : undefined });
}

/** Reads only when it is read: the window of the stream behind it is ahead already. */
function webStream(values: AsyncIterableIterator<unknown, void, undefined>): ReadableStream<unknown> {
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await values.next();
      if (done === true) controller.close();
      else controller.enqueue(value);
    },
    async cancel() { await values.return?.(); },
  }, { highWaterMark: 0 });
}
