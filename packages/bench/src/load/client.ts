// One keep-alive connection with at most one request in flight: what a browser or a proxy holds open, without a library
// whose own work would be measured with the server's.
import { createConnection } from 'node:net';
import type { Socket } from 'node:net';
import { ResponseParser } from './parser.ts';
import type { HttpResponse } from './parser.ts';
import type { PlannedRequest } from './plan.ts';

export type Failure = 'connect' | 'reset' | 'timeout' | 'protocol';
export type Outcome = { response: HttpResponse } | { failure: Failure };
export interface WireRequest { bytes: Buffer; isHead: boolean }

export class Connection {
  readonly #socket: Socket;
  readonly #parser: ResponseParser = new ResponseParser(() => this.#isHead);
  #isHead = false;
  #connected = false;
  #done: ((outcome: Outcome) => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(target: { host: string; port: number }) {
    this.#socket = createConnection({ ...target, noDelay: true });
    this.#socket.on('connect', () => { this.#connected = true; });
    this.#socket.on('data', (chunk: Buffer) => { this.#receive(() => this.#parser.push(chunk)[0]); });
    this.#socket.on('end', () => { this.#receive(() => this.#parser.end()); this.#socket.destroy(); });
    this.#socket.on('error', () => { this.#fail(this.#connected ? 'reset' : 'connect'); });
    this.#socket.on('close', () => { this.#fail('reset'); });
  }

  /** False once the connection cannot carry another request. */
  get usable(): boolean {
    return !this.#socket.destroyed && this.#parser.idle;
  }

  /**
   * Sends one request. `done` is called exactly once, and never before this returns.
   * @param withinMs time left for the answer; when it is over the connection is given up, as an impatient client does
   */
  send(request: WireRequest, withinMs: number, done: (outcome: Outcome) => void): void {
    if (this.#done !== undefined) throw new Error('a request is in flight on this connection');
    this.#done = done;
    this.#isHead = request.isHead;
    this.#timer = setTimeout(() => { this.#fail('timeout'); }, Math.max(0, withinMs));
    if (this.#socket.destroyed) setImmediate(() => { this.#fail('reset'); });
    else this.#socket.write(request.bytes);
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(parse: () => HttpResponse | undefined): void {
    let response: HttpResponse | undefined;
    try {
      response = parse();
    } catch {
      return this.#fail('protocol');
    }
    if (response === undefined) return;
    // An answer that nobody asked for: whatever follows on this connection could not be matched to a request.
    if (this.#done === undefined || !response.keepAlive) this.#socket.destroy();
    this.#settle({ response });
  }

  #fail(failure: Failure): void {
    this.#socket.destroy();
    this.#settle({ failure });
  }

  #settle(outcome: Outcome): void {
    const done = this.#done;
    this.#done = undefined;
    clearTimeout(this.#timer);
    done?.(outcome);
  }
}

/** The bytes of a request, made once and sent many times. */
export function encodeRequest({ method, path, headers = {}, body }: PlannedRequest, host: string): WireRequest {
  const fields = { host, ...headers, ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }) };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return { bytes: Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body ?? ''}`), isHead: method === 'HEAD' };
}
