/**
 * The front's end of lanes: a request that has not begun, and whose root has proved long, goes to a back lane as a whole, and its answer comes back and
 * leaves on the client's connection, in its place among pipelined ones. What the app sees there is in back-host.ts.
 *
 *   gathered ──► handed over ──answer──► relayed ──► ended            a body that has come is sent along; of a large one the rest is pulled
 *                     └──client gone, deadline, lane died──► cancelled, 503, 502
 *
 * A request that had begun when its lane died is answered 502, also where its method is idempotent: what killed one lane would kill the next. One that had
 * not begun is taken by another lane and nobody notices.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { lanes, isLive, type Memory } from '@capriccio/shared';
import { sharedNow, type LaneClock, type RemoteThread, type Root, type Runtime } from '@capriccio/worker';
import type { Route } from '../http/routes.ts';
import { BodySources } from './body-sources.ts';
import { ABORT, MORE, bufferOf, requestName, type Answer, type RequestArguments } from './lane-messages.ts';
import type { RouteOptions } from './serve-options.ts';

/** Part of what its deadline leaves after its own time that a request may wait for a back lane, by the forecast; what would wait longer is refused at once. */
const WAIT_SHARE = 0.5;
/** Weight of the last request in the mean time that one takes. */
const SERVICE_WEIGHT = 0.2;

/** A request as the front has it. */
export interface Handed {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly root: Root;
  readonly route: Route<RouteOptions>;
  readonly arrivedAt: number;
  readonly deadlineMs: number;
}

export interface HandOverHost {
  readonly runtime: Runtime;
  readonly server: number;
  /** It could not begin in time. */
  refuse(res: ServerResponse, deadlineMs: number): void;
  /** It failed: the client is told so, if nothing has been sent. */
  fail(req: IncomingMessage, res: ServerResponse, status: 502 | 503, error: unknown): void;
  /** Its answer has left, or never will. */
  ended(handed: Handed): void;
}

export class HandOver {
  readonly #host: HandOverHost;
  readonly #clock: LaneClock | undefined;
  readonly #memory: Memory;
  readonly #bodies: BodySources;
  readonly #serviceMs = new Map<Root, number>();
  /** Requests that were handed over and are not answered. */
  #outstanding = 0;

  constructor(host: HandOverHost) {
    this.#host = host;
    const { runtime } = host;
    this.#clock = runtime.laneRouter === undefined ? undefined : runtime.laneClock;
    this.#memory = runtime.memory;
    this.#bodies = BodySources.of(runtime);
  }

  /** Whether a request of this root goes to a back lane now. One load of shared memory. */
  isForBack(root: Root, req: IncomingMessage): boolean {
    const clock = this.#clock;
    if (clock === undefined || clock.isBackLane || !clock.isBack(root.lane ??= clock.of(root.name))) return false;
    return this.#host.runtime.laneRouter?.isAvailable === true && req.headers.accept !== 'text/event-stream';
  }

  /** Hands a request over. */
  hand(handed: Handed): void {
    const { req, res, deadlineMs } = handed;
    if (!this.#mayWait(handed.root, deadlineMs)) {
      this.#host.refuse(res, deadlineMs);
      this.#host.ended(handed);
      return;
    }
    this.#outstanding++;
    new Relay(handed, this.#host, this.#bodies, (serviceMs) => {
      this.#outstanding--;
      if (serviceMs !== undefined) this.#learn(handed.root, serviceMs);
      this.#host.ended(handed);
    }).begin(req);
  }

  #learn(root: Root, serviceMs: number): void {
    const mean = this.#serviceMs.get(root);
    this.#serviceMs.set(root, mean === undefined ? serviceMs : mean + (serviceMs - mean) * SERVICE_WEIGHT);
  }

  /** Whether it will begin early enough, if every front has handed over as many as this one and the lanes share them. Where nothing is known its deadline decides. */
  #mayWait(root: Root, deadlineMs: number): boolean {
    const backs = lanes.backLaneCount(this.#memory);
    const serviceMs = this.#serviceMs.get(root);
    if (backs === 0 || serviceMs === undefined) return true;
    let fronts = -backs;
    for (let id = 1; id < this.#memory.layout.participantCount; id++) if (isLive(this.#memory, id)) fronts++;
    const waiting = this.#outstanding * Math.max(1, fronts) - backs;
    return waiting <= 0 || waiting * serviceMs / backs <= WAIT_SHARE * (deadlineMs - serviceMs);
  }
}

/** One request on its way there and back. */
class Relay {
  readonly #handed: Handed;
  readonly #host: HandOverHost;
  readonly #bodies: BodySources;
  readonly #ended: (serviceMs: number | undefined) => void;
  #thread: RemoteThread | undefined;
  #answer: Answer | undefined;
  #hasEnded = false;
  #body = 0;
  #serviceMs: number | undefined;

  constructor(handed: Handed, host: HandOverHost, bodies: BodySources, ended: (serviceMs: number | undefined) => void) {
    this.#handed = handed;
    this.#host = host;
    this.#bodies = bodies;
    this.#ended = ended;
    handed.res.once('close', () => this.#closed());
  }

  begin(req: IncomingMessage): void {
    this.#bodies.gather(req, (body, number) => { this.#body = number; this.#send(body); });
  }

  #send(body: Uint8Array | undefined): void {
    if (this.#hasEnded) return;
    const { req, res, route: { name }, arrivedAt, deadlineMs } = this.#handed;
    if (res.headersSent) return;                                        // 413: it is answered
    const { runtime, server } = this.#host;
    const left = arrivedAt + deadlineMs - sharedNow();
    if (left <= 0) { this.#host.refuse(res, deadlineMs); return; }
    const { socket } = req;
    const values: RequestArguments = [
      headOf(req), body, this.#body, req.headers['transfer-encoding'] !== undefined, runtime.me.id,
      [socket.remoteAddress, socket.remotePort, socket.remoteFamily, socket.localAddress, socket.localPort],
      arrivedAt, res.shouldKeepAlive,
    ];
    const target = runtime.caller.target(requestName(server, name), name);
    this.#thread = runtime.caller.spawn(target, values, { lane: 'back', isPatient: true, deadlineMs: Math.min(left, 2 ** 31 - 1) });
    this.#thread.join().then((answer) => this.#relay(answer as Answer), (error: unknown) => this.#failed(error));
  }

  #relay(answer: Answer): void {
    const { res } = this.#handed;
    const [bytes, state, keepsAlive, , , serviceMs] = answer;
    this.#answer = answer;
    this.#serviceMs = serviceMs;
    if (this.#hasEnded) { this.#abort(); return; }
    if (res.headersSent) return;
    const raw = bufferOf(bytes);
    const headEnd = raw.indexOf('\r\n\r\n') + 4;
    if (headEnd < 4) { res.destroy(); return; }                         // cut before it had an answer
    sendHead(res, raw.toString('latin1', 0, headEnd), keepsAlive, state === 'more');
    const rest = raw.subarray(headEnd);
    if (state === 'done') { res.end(rest.length > 0 ? rest : undefined); return; }
    if (rest.length > 0) res.write(rest);
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
        const [bytes, state, keepsAlive] = await caller.call(caller.target(MORE, 'lane more'), [number], { on: back }) as Answer;
        if (this.#hasEnded) return;
        if (bytes.length > 0) res.write(bufferOf(bytes));
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
    const { req, res, deadlineMs } = this.#handed;
    const { code } = error as { code?: unknown };
    if (code === 'CAP_ERR_DEADLINE') this.#host.refuse(res, deadlineMs);
    else this.#host.fail(req, res, code === 'CAP_ERR_WORKER_LOST' ? 502 : 503, error);
  }

  /** The answer has left, or the client has. */
  #closed(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const { req, res } = this.#handed;
    if (!res.writableFinished) this.#abort();
    if (this.#body !== 0) this.#bodies.forget(this.#body);
    if (!req.complete && !req.destroyed) req.resume();                  // as node:http discards what a handler leaves
    this.#ended(this.#serviceMs);
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
