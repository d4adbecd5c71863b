/**
 * ResponseParser: bytes of one HTTP/1.1 connection in, whole responses out, however the bytes were split.
 *
 *   head ──► length ──► head            content-length
 *        ──► size ──► data ──► size …   chunked; a chunk of 0 leads to trailer ──► head
 *        ──► close                      neither: the body ends with the connection
 *
 * A benchmark's client must not be what is measured: bodies are kept as the slices that arrived and joined once, and
 * only lines (heads, chunk sizes) are copied when they are split.
 * Source: RFC 9112, sections 4 to 7.
 */

export interface HttpResponse {
  status: number;
  body: Buffer;
  /** False when the connection cannot carry another request. */
  keepAlive: boolean;
}

export class ProtocolError extends Error {
  override readonly name: string = 'ProtocolError';
}

const headBytesMax = 64 * 1024;
const bodyBytesMax = 64 * 1024 * 1024;
const empty: Buffer = Buffer.alloc(0);
const headEnd = '\r\n\r\n';
const lineEnd = '\r\n';

type State = 'head' | 'length' | 'size' | 'data' | 'trailer' | 'close';

export class ResponseParser {
  #state: State = 'head';
  #unread: Buffer = empty;
  #status = 0;
  #keepAlive = true;
  #body: Buffer[] = [];
  #bodyBytes = 0;
  #left = 0;
  readonly #noBody: () => boolean;

  /** @param noBody asked at each head: does the answer go to a HEAD request? */
  constructor(noBody: () => boolean = () => false) {
    this.#noBody = noBody;
  }

  /** True between responses: nothing of a next one has arrived. */
  get idle(): boolean {
    return this.#state === 'head' && this.#unread.length === 0;
  }

  /** The responses that `chunk` completes. Throws ProtocolError, after which the connection is of no use. */
  push(chunk: Buffer): HttpResponse[] {
    this.#unread = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
    const complete: HttpResponse[] = [];
    while (this.#step(complete));
    return complete;
  }

  /** The connection has ended: the response this completes, if its body was to end so. Throws when one was cut short. */
  end(): HttpResponse | undefined {
    if (this.#state === 'close') return this.#finish();
    if (this.idle) return undefined;
    throw new ProtocolError('the connection ended within a response');
  }

  /** One transition. False when it needs bytes that have not arrived. */
  #step(complete: HttpResponse[]): boolean {
    switch (this.#state) {
      case 'head': return this.#head(complete);
      case 'size': return this.#size();
      case 'trailer': return this.#trailer(complete);
      case 'length': {
        this.#take();
        if (this.#left > 0) return false;
        complete.push(this.#finish());
        return true;
      }
      case 'data': {
        this.#take();
        if (this.#left > 0 || this.#unread.length < lineEnd.length) return false;
        if (this.#line(lineEnd) !== '') throw new ProtocolError('a chunk is longer than its size says');
        this.#state = 'size';
        return true;
      }
      case 'close': {
        this.#left = this.#unread.length;
        this.#take();
        return false;
      }
    }
  }

  #head(complete: HttpResponse[]): boolean {
    const head = this.#line(headEnd);
    if (head === undefined) return false;
    const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1]);
    if (Number.isNaN(status)) throw new ProtocolError(`not a status line: ${JSON.stringify(head.slice(0, 60))}`);
    if (status >= 100 && status < 200) return true;
    this.#status = status;
    const connection = field(head, 'connection')?.toLowerCase();
    this.#keepAlive = head.startsWith('HTTP/1.1') ? connection !== 'close' : connection === 'keep-alive';
    const length = field(head, 'content-length');
    const bodyless = status === 204 || status === 304 || this.#noBody();
    if (bodyless) complete.push(this.#finish());
    else if (field(head, 'transfer-encoding')?.toLowerCase() === 'chunked') this.#state = 'size';
    else if (length === undefined) this.#state = 'close';
    else this.#expect(length, 10, 'length');
    return true;
  }

  #size(): boolean {
    const line = this.#line(lineEnd);
    if (line === undefined) return false;
    this.#expect(line.split(';', 1)[0] ?? '', 16, 'data');
    if (this.#left === 0) this.#state = 'trailer';
    return true;
  }

  #trailer(complete: HttpResponse[]): boolean {
    const line = this.#line(lineEnd);
    if (line === undefined) return false;
    if (line === '') complete.push(this.#finish());
    return true;
  }

  #expect(digits: string, radix: 10 | 16, next: State): void {
    const valid = radix === 10 ? /^\d{1,12}$/ : /^[\da-f]{1,8}$/i;
    if (!valid.test(digits.trim())) throw new ProtocolError(`not a length: ${JSON.stringify(digits.slice(0, 20))}`);
    this.#left = Number.parseInt(digits, radix);
    if (this.#bodyBytes + this.#left > bodyBytesMax) throw new ProtocolError(`a body of more than ${bodyBytesMax} bytes`);
    this.#state = next;
  }

  /** The text up to `end`, which is taken too; undefined when `end` has not arrived. */
  #line(end: string): string | undefined {
    const at = this.#unread.indexOf(end, 0, 'latin1');
    if (at === -1 && this.#unread.length > headBytesMax) throw new ProtocolError(`a head of more than ${headBytesMax} bytes`);
    if (at === -1) return undefined;
    const text = this.#unread.toString('latin1', 0, at);
    this.#unread = this.#unread.subarray(at + end.length);
    return text;
  }

  /** Moves what has arrived of the `left` bytes into the body. */
  #take(): void {
    const part = this.#unread.subarray(0, this.#left);
    if (part.length === 0) return;
    this.#body.push(part);
    this.#bodyBytes += part.length;
    if (this.#bodyBytes > bodyBytesMax) throw new ProtocolError(`a body of more than ${bodyBytesMax} bytes`);
    this.#left -= part.length;
    this.#unread = this.#unread.subarray(part.length);
  }

  #finish(): HttpResponse {
    const body = this.#body.length === 1 ? (this.#body[0] ?? empty) : Buffer.concat(this.#body);
    const response = { status: this.#status, body, keepAlive: this.#keepAlive && this.#state !== 'close' };
    this.#state = 'head';
    this.#body = [];
    this.#bodyBytes = 0;
    return response;
  }
}

/** The value of the first header field of that (lower-case) name. */
function field(head: string, name: string): string | undefined {
  return new RegExp(`\\r\\n${name}:[ \\t]*([^\\r]*)`, 'i').exec(head)?.[1]?.trimEnd();
}
