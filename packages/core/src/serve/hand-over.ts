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
import { lanes, type Memory } from '@capriccio/shared';
import { LaneBalance, sharedNow, type LaneClock, type RemoteThread, type Root, type RootLane, type Runtime } from '@capriccio/worker';
import { ReturnRate } from '../conductor/return-rate.ts';
import type { Route } from '../http/routes.ts';
import { Bag, type Member } from './bag.ts';
import { BodySources } from './body-sources.ts';
import { ABORT, MORE, bufferOf, requestName, type Answer, type RequestArguments } from './lane-messages.ts';
import { LaneShares } from './lane-shares.ts';
import type { RouteOptions } from './serve-options.ts';

/** Part of its deadline that a request may spend with the back lanes, by the forecast; what would take longer is refused at once. */
const LANE_SHARE = 0.5;
/** How long a request waits for the first back lane to load its application, at most, ms: what gathers meanwhile comes all at once. */
const PARK_MS_MAX = 50;
/** Where its client has gone, what a request waits for on its lane counts here until the lane has told that it counts it now, ms. */
const ABANDONED_MS = 300;
/**
 * How soon it is seen whether lanes have begun what waits for them, while others wait here, and how long after that at most: twice as long each time that
 * nothing has begun. What other fronts have handed over is all that is looked for: an answer tells by itself that its lane is free; ms.
 */
const LOOK_MS = 2;
const LOOK_MS_MAX = 8;
/** Answers before their rate is believed: the first requests meet lanes whose code is cold. */
const KNOWN_MIN = 32;

/** A request as the front has it. */
export interface Handed {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly root: Root;
  readonly route: Route<RouteOptions>;
  readonly arrivedAt: number;
  readonly deadlineMs: number;
  /** How long its client waits, as far as is known: the deadline at most. */
  readonly patienceMs: number;
}

export interface HandOverHost {
  readonly runtime: Runtime;
  readonly server: number;
  /** It could not begin in time: the client is told. */
  refuse(handed: Handed): void;
  /** Its deadline has passed on its lane, whose answer says so. */
  expired(handed: Handed): void;
  /** No back lane has come in time: it begins in front, in its turn. */
  runInFront(handed: Handed): void;
  /** It is refused before it waits, as at any overload. */
  shed(handed: Handed, retryAfterMs: number): void;
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
  /** A back lane has the application. */
  #isOpen = false;
  /** Requests that wait for that, each with its patience. */
  readonly #parked = new Map<Handed, NodeJS.Timeout>();
  /** Handed over, and not seen to have begun. */
  readonly #unbegun = new Bag<Relay>();
  readonly #shares = new LaneShares<Root>();
  readonly #balance: LaneBalance | undefined;
  #look: NodeJS.Timeout | undefined;
  #lookMs = LOOK_MS;
  /** Handed over, and not ended: what they wait for is outside, as far as this worker is concerned. */
  readonly #visits = new Map<Handed, () => void>();
  /** Requests that were handed over and are not answered, and those that are. */
  #outstanding = 0;
  #answered = 0;
  /** Answers come as fast as the lanes take requests from this front, whatever else they do and however many run in one of them at a time. */
  readonly #rate: ReturnRate = new ReturnRate(sharedNow());

  constructor(host: HandOverHost) {
    this.#host = host;
    const { runtime } = host;
    this.#clock = runtime.laneRouter === undefined ? undefined : runtime.laneClock;
    this.#memory = runtime.memory;
    this.#balance = runtime.laneRouter === undefined ? undefined : new LaneBalance(runtime.memory);
    this.#bodies = BodySources.of(runtime);
  }

  /** Whether a request of this root goes to a back lane now. One load of shared memory. */
  isForBack(root: Root, req: IncomingMessage): boolean { return this.#isBack(root) && req.headers.accept !== 'text/event-stream' && (!this.#isKept(root) || (this.#hasPlace() && this.#host.runtime.laneRouter?.takesProbe() === true)); }
  #isBack(root: Root): boolean {
    const clock = this.#clock;
    return clock !== undefined && !clock.isBackLane && clock.isBack(root.lane ??= clock.of(root.name)) && this.#host.runtime.laneRouter?.isAvailable === true;
  }

  /**
   * Whether a request of this root may begin: lanes take what waits for them in order of arrival, so no more than one a lane waits there, and the rest in
   * its route's queue here, where it has its share of the lanes and may still be refused.
   */
  hasRoom(root: Root): boolean {
    root.isAway = this.#isOpen && this.#isBack(root) && !this.#isKept(root);
    if (!root.isAway) { this.#shares.leave(root); return true; }
    if (this.#hasPlace() && this.#shares.isNext(root)) return true;
    this.#shares.wait(root);
    this.#lookSoon();
    return false;
  }
  #lookSoon(): void {
    if (this.#look !== undefined) return;
    this.#look = setTimeout(() => this.#lookAgain(), this.#lookMs);
    this.#lookMs = Math.min(LOOK_MS_MAX, 2 * this.#lookMs);
  }
  #isKept(root: Root): boolean { return this.#isOpen && this.#host.runtime.laneRouter?.keepsInFront(root.lane as RootLane) === true; }
  #hasPlace(): boolean {
    let waiting = 0;
    for (const relay of this.#unbegun) {
      if (relay.hasBegun) this.#unbegun.delete(relay);
      else if (relay.isSent) waiting++;
    }
    return waiting < Math.max(1, lanes.backLaneCount(this.#memory));
  }
  /** A lane that begins something tells nobody; and who is late is told so, whether there is room or not. */
  #lookAgain(): void {
    this.#look = undefined;
    const now = sharedNow();
    for (const root of this.#shares.waiting) {
      for (let first = root.entries.first; first?.isLate?.(now) === true; first = root.entries.first) {
        root.started++;                                                  // as of any that is taken from there: it will not begin
        root.entries.shift()?.begin();
      }
      if (root.isIdle) this.#shares.leave(root);
    }
    this.#giveWay(now);
    this.#host.runtime.scheduler.arm();
  }

  /** What runs in front gives way to lanes that are short of processors. It is looked at again for as long as anything does. */
  #giveWay(now: number): void {
    const balance = this.#balance;
    if (balance === undefined) return;
    const { roots } = this.#host.runtime.scheduler;
    let tickets = 0;
    for (const root of this.#shares.waiting) tickets += root.tickets;
    balance.look(now, tickets, roots.farthest);
    roots.limit = balance.limit;
    if (balance.limit === Infinity) return;
    this.#lookMs = LOOK_MS_MAX;
    this.#lookSoon();
  }

  /** Hands a request over; while no back lane has the application it waits a moment for one, and then runs in front. */
  hand(handed: Handed): void {
    const { root, arrivedAt, deadlineMs } = handed;
    if (root.downstream !== undefined) this.#visits.set(handed, root.downstream.visit());
    const clock = this.#clock as LaneClock;
    if (this.#isOpen || clock.verdictOf(root.lane ??= clock.of(root.name)).by === 'hand') { this.#send(handed); return; }
    const patienceMs = Math.max(0, arrivedAt + Math.min(PARK_MS_MAX, deadlineMs * LANE_SHARE) - sharedNow());
    this.#parked.set(handed, setTimeout(() => {
      this.#parked.delete(handed);
      this.#leave(handed);
      this.#host.runInFront(handed);
    }, patienceMs));
  }

  /** Whether a back lane has the application. */
  setLanes(isOpen: boolean): void {
    this.#isOpen = isOpen;
    if (!isOpen) return;
    for (const [handed, timer] of this.#parked) {
      clearTimeout(timer);
      this.#send(handed);
    }
    this.#parked.clear();
  }

  #send(handed: Handed): void {
    const { req, res, root, patienceMs } = handed;
    if (res.destroyed) { this.#end(handed); return; }             // its client has left while it waited
    if (!this.#mayWait(patienceMs)) {
      this.#host.shed(handed, Math.ceil(this.#rate.waitMs(this.#outstanding)));
      this.#end(handed);
      return;
    }
    this.#outstanding++;
    this.#lookMs = LOOK_MS;
    let paidMs = this.#shares.handOver(root);
    const relay = new Relay(handed, this.#host, this.#bodies, (usedMs) => {
      this.#shares.answered(root, usedMs, paidMs);
      root.awayUs = this.#shares.meanMsOf(root) * 1000;
      paidMs = 0;
    }, (isAbandoned) => {
      if (paidMs > 0) this.#shares.failed(root, paidMs);
      this.#unbegun.delete(relay);
      this.#outstanding--;
      this.#answered++;
      if (isAbandoned) setTimeout(() => this.#leave(handed), ABANDONED_MS).unref();
      else this.#leave(handed);
      this.#host.ended(handed);
    });
    this.#unbegun.add(relay);
    relay.begin(req);
  }

  #end(handed: Handed): void {
    this.#leave(handed);
    this.#host.ended(handed);
  }
  #leave(handed: Handed): void {
    this.#visits.get(handed)?.();
    this.#visits.delete(handed);
  }

  /** Whether it will be answered early enough. */
  #mayWait(patienceMs: number): boolean {
    this.#rate.look(sharedNow(), this.#answered, this.#outstanding);
    if (this.#answered < KNOWN_MIN || this.#outstanding <= lanes.backLaneCount(this.#memory)) return true;
    return this.#rate.waitMs(this.#outstanding) <= LANE_SHARE * patienceMs;
  }
}

/** One request on its way there and back. */
class Relay implements Member {
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
        const [bytes, state, keepsAlive, , , usedMs, isExpired] = await caller.call(caller.target(MORE, 'lane more'), [number], { on: back }) as Answer;
        this.#used(usedMs);
        if (this.#hasEnded) return;
        if (isExpired) this.#host.expired(this.#handed);
        if (bytes.length > 0) res.write(typeof bytes === 'string' ? bytes : bufferOf(bytes));
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
