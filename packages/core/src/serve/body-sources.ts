/** Bodies of requests that run on a back lane: gathered while they are small, so that no slow client holds a lane; pulled piece by piece when they are large. */
import type { IncomingMessage } from 'node:http';
import { CapriccioError } from '@capriccio/shared';
import type { Runtime } from '@capriccio/worker';
import { LANE, PIECE_BYTES, type BodyPiece } from './lane-messages.ts';

/** A body up to this size is waited for before its request is handed over. */
const GATHERED_BYTES = 64 * 1024;

const tables = new WeakMap<Runtime, BodySources>();

export class BodySources {
  readonly #sources = new Map<number, IncomingMessage>();
  #last = 0;

  private constructor(runtime: Runtime) {
    runtime.functions.provide(LANE, () => ({ fn: (number) => this.#next(number as number), rootName: `${LANE} body` }));
  }

  /** One table a worker. */
  static of(runtime: Runtime): BodySources {
    let table = tables.get(runtime);
    if (table === undefined) tables.set(runtime, table = new BodySources(runtime));
    return table;
  }

  /** Waits for a small body, or the beginning of a large one. @param take  gets its bytes, framed, and a number under which the rest is pulled; 0 without one. Not called when the client leaves */
  gather(req: IncomingMessage, take: (body: Uint8Array | undefined, number: number) => void): void {
    if (req.complete && req.readableLength === 0) { req.read(); take(isChunked(req) ? lastFrame(req) : undefined, 0); return; }
    const chunks: Buffer[] = [];
    let bytes = 0;
    const look = (): void => {
      for (let chunk = req.read() as Buffer | null; chunk !== null; chunk = req.read() as Buffer | null) { chunks.push(chunk); bytes += chunk.length; }
      if (!req.complete && bytes < GATHERED_BYTES) return;
      req.off('readable', look);
      const number = req.complete ? 0 : ++this.#last;
      if (number !== 0) this.#sources.set(number, req);
      take(framed(req, Buffer.concat(chunks), number === 0), number);
    };
    if (req.complete) { look(); return; }
    req.on('readable', look);
    look();
  }

  forget(number: number): void { this.#sources.delete(number); }

  async #next(number: number): Promise<BodyPiece> {
    for (;;) {
      const req = this.#sources.get(number);
      if (req === undefined || (req.destroyed && !req.complete)) throw new CapriccioError('CAP_ERR_CANCELLED', 'the client closed its connection before its request was complete');
      const chunk = (req.readableLength > PIECE_BYTES ? req.read(PIECE_BYTES) : req.read()) as Buffer | null;
      const isLast = req.complete && req.readableLength === 0;
      if (isLast) this.#sources.delete(number);
      if (chunk !== null || isLast) return [framed(req, chunk ?? Buffer.alloc(0), isLast), isLast];
      await readable(req);
    }
  }
}

const isChunked = (req: IncomingMessage): boolean => req.headers['transfer-encoding'] !== undefined;

/** Bytes as they came on the wire: chunked ones in chunks again, the trailers behind the last. */
function framed(req: IncomingMessage, bytes: Buffer, isLast: boolean): Uint8Array {
  if (!isChunked(req)) return bytes;
  const parts: Uint8Array[] = bytes.length === 0 ? [] : [Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')];
  if (isLast) parts.push(lastFrame(req));
  return Buffer.concat(parts);
}
function lastFrame({ rawTrailers }: IncomingMessage): Uint8Array {
  let text = '0\r\n';
  for (let k = 0; k < rawTrailers.length; k += 2) text += `${rawTrailers[k]}: ${rawTrailers[k + 1]}\r\n`;
  return Buffer.from(`${text}\r\n`, 'latin1');
}

/** More of it has come, or nothing will. */
function readable(req: IncomingMessage): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const go = (): void => {
    req.off('readable', go).off('end', go).off('close', go);
    resolve();
  };
  req.on('readable', go).on('end', go).on('close', go);
  return promise;
}
