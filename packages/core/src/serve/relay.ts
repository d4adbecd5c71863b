/**
 * One request on its way to a back lane and back: what is sent there, and how the answer leaves on the client's connection. Next: back-host.ts, its other end.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { sharedNow, type RemoteThread } from '@capriccio/worker';
import type { Member } from './bag.ts';
import type { BodySources } from './body-sources.ts';
import type { Handed, HandOverHost } from './hand-over.ts';
import { ABORT, MORE, bufferOf, requestName, type Answer, type RequestArguments } from './lane-messages.ts';
import { writePiece } from './write-buffers.ts';

/** One request on its way there and back. */
export class Relay implements Member {
  place = -1;
  readonly #handed: Handed;
  readonly #host: HandOverHost;
  readonly #bodies: BodySources;
  readonly #used: (usedMs: number) => void;
  readonly #ended: (isAbandoned: boolean) => void;
  #thread: RemoteThread | undefined;
  #answer: Answer | undefined;
  #hasEnded = false;
  #body = 0;

  /** @param used  told what a lane has computed for its route, since it last told anybody, ms */
  constructor(handed: Handed, host: HandOverHost, bodies: BodySources, used: (usedMs: number) => void, ended: (isAbandoned: boolean) => void) {
    this.#handed = handed;
    this.#host = host;
    this.#bodies = bodies;
    this.#used = used;
    this.#ended = ended;
    handed.res.once('close', () => this.#closed());
  }

  /** Its body has come, and it waits for a lane or is there. */
  get isSent(): boolean { return this.#thread !== undefined; }
  get hasBegun(): boolean { return this.#hasEnded || (this.#thread !== undefined && this.#thread.status !== 'queued'); }

  begin(req: IncomingMessage): void {
    this.#bodies.gather(req, (body, number) => { this.#body = number; this.#send(body); });
  }

  #send(body: Uint8Array | undefined): void {
    if (this.#hasEnded) return;
    const { req, res, route: { name }, arrivedAt, deadlineMs } = this.#handed;
    if (res.headersSent) return;                                        // 413: it is answered
    const { runtime, server } = this.#host;
    const left = arrivedAt + deadlineMs - sharedNow();
    if (left <= 0) { this.#host.refuse(this.#handed); return; }
    const { socket } = req;
    const values: RequestArguments = [
      headOf(req), body, this.#body, runtime.me.id,
      [socket.remoteAddress, socket.remotePort, socket.remoteFamily, socket.localAddress, socket.localPort],
      arrivedAt, res.shouldKeepAlive,
    ];
    const target = runtime.caller.target(requestName(server, name), name);
    this.#thread = runtime.caller.spawn(target, values, { lane: 'back', isPatient: true, deadlineMs: Math.min(left, 2 ** 31 - 1) });
    this.#thread.join().then((answer) => this.#relay(answer as Answer), (error: unknown) => this.#failed(error));
  }

  #relay(answer: Answer): void {
    const { res } = this.#handed;
    const [bytes, state, keepsAlive, , , usedMs, isExpired] = answer;
    this.#answer = answer;
    this.#used(usedMs);
    if (this.#hasEnded) { this.#abort(); return; }
    if (res.headersSent) return;
    if (isExpired) this.#host.expired(this.#handed);
    const raw = typeof bytes === 'string' ? bytes : bufferOf(bytes);
    const headEnd = raw.indexOf('\r\n\r\n') + 4;
    if (headEnd < 4) { res.destroy(); return; }                         // cut before it had an answer
    sendHead(res, typeof raw === 'string' ? raw.slice(0, headEnd) : raw.toString('latin1', 0, headEnd), keepsAlive, state === 'more');
    const rest = typeof raw === 'string' ? raw.slice(headEnd) : raw.subarray(headEnd);
    if (state === 'done') {
      if (rest.length > 0) writePiece(res, rest, true);
      else res.end();
      return;
    }
    if (rest.length > 0) writePiece(res, rest, false);
    else res.flushHeaders();
    if (state === 'cut') { cut(res); return; }
    void this.#relayRest(answer);
  }

  /** An answer that is long, or takes its time: pulled at the pace at which the client takes it. */
  async #relayRest([, , , back, number]: Answer): Promise<void> {
    const { res } = this.#handed;
    const { caller } = this.#host.runtime;
    try {
      for (;;) {
        if (res.writableNeedDrain) await drained(res);
        if (this.#hasEnded) return;
        const [bytes, state, keepsAlive, , , usedMs, isExpired] = await caller.call(caller.target(MORE, 'lane more'), [number], { on: back }) as Answer;
        this.#used(usedMs);
        if (this.#hasEnded) return;
        if (isExpired) this.#host.expired(this.#handed);
        if (bytes.length > 0) writePiece(res, typeof bytes === 'string' ? bytes : bufferOf(bytes), false);
        if (state === 'more') continue;
        this.#answer = undefined;
        if (state === 'cut') { cut(res); return; }
        if (!keepsAlive) closeAfter(res);
        res.end();
        return;
      }
    } catch (error) {
      this.#answer = undefined;
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    if (this.#hasEnded) return;
    const { req, res } = this.#handed;
    const { code } = error as { code?: unknown };
    if (code === 'CAP_ERR_DEADLINE') this.#host.refuse(this.#handed);
    else this.#host.fail(req, res, code === 'CAP_ERR_WORKER_LOST' ? 502 : 503, error);
  }

  /** The answer has left, or the client has. */
  #closed(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const { req, res } = this.#handed;
    const isAbandoned = !res.writableFinished;
    if (isAbandoned) this.#abort();
    if (this.#body !== 0) this.#bodies.forget(this.#body);
    if (!req.complete && !req.destroyed) req.resume();                  // as node:http discards what a handler leaves
    this.#ended(isAbandoned);
  }

  #abort(): void {
    const { caller } = this.#host.runtime;
    if (this.#answer === undefined) this.#thread?.cancel();
    else if (this.#answer[1] === 'more') caller.call(caller.target(ABORT, 'lane abort'), [this.#answer[4]], { on: this.#answer[3] }).catch(ignore);
  }
}

/** Request line and headers, as they came. */
function headOf({ method, url, httpVersion, rawHeaders }: IncomingMessage): string {
  let head = `${method} ${url} HTTP/${httpVersion}\r\n`;
  for (let k = 0; k < rawHeaders.length; k += 2) head += `${rawHeaders[k]}: ${rawHeaders[k + 1]}\r\n`;
  return `${head}\r\n`;
}

/** The parts of a response that node:http keeps for itself. */
interface Outgoing extends ServerResponse { _header: string | null; _hasBody: boolean; _last: boolean }
const KEEPS_ALIVE = /\r\nConnection: keep-alive(?:\r\nKeep-Alive: [^\r]*)?(?=\r\n)/i;

/** Makes a response send what another wrote: its header as it is, and bytes that are framed already. */
function sendHead(response: ServerResponse, head: string, keepsAlive: boolean, isOpen: boolean): void {
  const res = response as Outgoing;
  const mustClose = !res.shouldKeepAlive && (keepsAlive || isOpen);     // the server drains since
  res._header = mustClose ? head.replace(KEEPS_ALIVE, '\r\nConnection: close') : head;
  res._hasBody = true;
  res.chunkedEncoding = false;
  res._last = mustClose || (!keepsAlive && !isOpen);
  res.statusCode = Number(head.slice(9, 12));
}
const closeAfter = (res: ServerResponse): void => { (res as Outgoing)._last = true; };

/** What was written leaves, and the client sees that the body is not whole. A pipelined answer that is not its turn yet is cut when it is: those before it are sound. */
function cut(res: ServerResponse): void {
  if (res.socket === null) res.once('socket', () => { process.nextTick(cut, res); });
  else res.socket.destroySoon();
}

function drained(res: ServerResponse): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const go = (): void => {
    res.off('drain', go).off('close', go);
    resolve();
  };
  res.on('drain', go).on('close', go);
  return promise;
}

const ignore = (): void => { /* its lane has died: nothing is left to be stopped */ };
