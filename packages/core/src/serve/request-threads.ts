/**
 * Each request is a thread of its route's root: it waits in the root's entry queue for its turn, begins in a cell of its own, is cancelled when its
 * client goes away, and ends when its answer has left and its handler has settled. A request that answers at once never becomes a thread object.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createHistogram, type Histogram, type RecordableHistogram } from 'node:perf_hooks';
import { CapriccioError } from '@capriccio/shared';
import { Cell, LocalThread, RootLane, sharedNow, type Asker, type Entry, type Root, type Runtime } from '@capriccio/worker';
import type { WriteCoalescer } from '../http/coalesce.ts';
import { isThenable, warn, type Listener } from '../http/contain.ts';
import { RouteTable, type Route } from '../http/routes.ts';
import { whenEnded } from '../http/when-ended.ts';
import { STALE_AT_ONCE } from '../conductor/admission.ts';
import { Patiences } from '../conductor/patience.ts';
import { Settling } from '../conductor/settling.ts';
import { Bag, type Member } from './bag.ts';
import { HandOver, type Handed } from './hand-over.ts';
import { measureLater } from './later-segment.ts';
import { RouteAdmission, type Refusals } from './route-admission.ts';
import type { HostOptions, RouteOptions } from './serve-options.ts';
import { ShortRequests, type Queue, type ShortRoute } from './short-requests.ts';
import type { Unserved } from './unserved-report.ts';

/** A root whose requests take longer than this on average must not keep other answers waiting in a held write, microseconds. */
const FLUSH_BEFORE_US = 200;

/** What requests need of a worker; and where they may be handed over, the whole of it, and the number of the server. */
export type RequestRuntime = Pick<Runtime, 'scheduler' | 'laneClock'>;
export interface Fronts { readonly runtime: Runtime; readonly server: number }

export class RequestThreads {
  readonly #runtime: RequestRuntime;
  readonly #listener: Listener;
  readonly #options: HostOptions;
  readonly #routes: RouteTable<RouteOptions>;
  readonly #roots: Queue[] = [];
  readonly #coalescer: WriteCoalescer;
  readonly #tell: (route: string, times: Histogram) => void;
  /** By route, while somebody observes. */
  readonly #times: RecordableHistogram[] = [];
  /** Undefined on a back lane, which hands nothing over. */
  readonly #handOver: HandOver | undefined;
  readonly #shorts: ShortRequests<Route<RouteOptions>> | undefined;
  readonly #clients = new Patiences();
  readonly #settling: Settling;
  readonly #refusals: Refusals = { atMs: -Infinity };
  #cell = new Cell();
  /** While draining every answer closes its connection. */
  #isDraining = false;
  /** Answers of requests that have begun and not ended. */
  readonly #open = new Bag<RequestEntry>();
  /** Requests that have come and not ended. */
  active = 0;
  readonly #unserved: Unserved;

  /** @param fronts  the server and its worker, where long ones may be handed over: not on a back lane */
  constructor(runtime: RequestRuntime, listener: Listener, options: HostOptions, coalescer: WriteCoalescer, tell: (route: string, times: Histogram) => void, unserved: Unserved, fronts?: Fronts) {
    this.#tell = tell;
    this.#runtime = runtime;
    this.#settling = new Settling(runtime.scheduler);
    this.#listener = listener;
    this.#options = options;
    this.#routes = new RouteTable(options.routes);
    this.#coalescer = coalescer;
    this.#unserved = unserved;
    this.#handOver = fronts === undefined || runtime.laneClock === undefined ? undefined : new HandOver({
      ...fronts,
      refuse: ({ req, res, route, deadlineMs }) => this.#refuse(req, res, route, deadlineMs),
      expired: ({ req, route }) => unserved.expired(route.name, req),
      runInFront: (handed) => {
        const entry = handed as RequestEntry;
        entry.staysInFront = true;
        entry.root.entries.push(entry);
        runtime.scheduler.roots.activate(entry.root);
        runtime.scheduler.arm();
      },
      shed: ({ res, route }, retryAfterMs) => this.#shed(res, route, retryAfterMs),
      fail: (req, res, status, error) => this.#answerFailure(req, res, status, error),
      took: ({ req }, usedMs) => { this.#shorts?.took(req, usedMs); },
      ended: (handed) => {
        this.#answered(handed.route, handed.arrivedAt);
        if (handed.res.writableFinished) (handed as RequestEntry).admission.ended((handed as RequestEntry).begunAt);
        this.active--;
        this.#open.delete(handed as RequestEntry);
      },
    });
    this.#shorts = this.#handOver === undefined || fronts?.runtime.knowsUrls !== true ? undefined : new ShortRequests(fronts.runtime.memory, fronts.server, (name, route) => {
      const root = this.#rootNamed(name, route);
      root.lane = new RootLane(name, 0, true);
      root.whole = this.#roots[route.index]?.root;
      return this.#queueOf(root);
    });
  }

  /** From now on every answer closes its connection, also of requests that have begun. */
  drain(): void {
    this.#isDraining = true;
    for (const { res } of this.#open) if (!res.headersSent) res.shouldKeepAlive = false;
  }

  /** It is one of those that serve again. */
  resume(): void { this.#isDraining = false; }

  /** Whether a back lane has the application. */
  setLanes(isOpen: boolean): void { this.#handOver?.setLanes(isOpen); }

  /** A request has come: it begins in its turn. */
  add(req: IncomingMessage, res: ServerResponse): void {
    const route = this.#routes.find(req.method ?? 'GET', req.url ?? '/');
    const whole = this.#roots[route.index] ?? this.#rootOf(route);
    const short = this.#handOver?.isFoundLong(whole.root) === true ? this.#shorts?.find(route, req) : undefined;
    const { root, admission } = short ?? whole;
    const entry = new RequestEntry(this, root, admission, route, req, res);
    if (short !== undefined) { entry.short = short; entry.isLight = short.isLight; }
    this.#shedStale(entry);
    const waits = admission.isWaitedFor;
    const isEndless = waits && isStream(req);                            // headers are parsed when they are first asked for: not of every request
    const retryAfterMs = admission.arrives(entry.arrivedAt, isEndless ? Infinity : this.#deadlineOf(route));
    if (retryAfterMs !== undefined && (isEndless || !this.#shedFirst(entry, retryAfterMs))) { this.#shed(res, route, retryAfterMs); return; }
    if (waits) {
      res.once('close', () => {
        if (res.writableEnded) return;
        admission.gaveUp(sharedNow() - entry.arrivedAt);
        if (entry.isTaken) return;
        entry.isGone = true;
        admission.gone++;
      });
    }
    this.active++;
    this.#runtime.laneClock?.mark();                                     // its parsing is nobody's segment
    root.entries.push(entry);
    this.#runtime.scheduler.roots.activate(root);
    this.#runtime.scheduler.arm();
  }

  /** A request that begins at once: it has waited elsewhere, since `arrivedAt`. */
  run(req: IncomingMessage, res: ServerResponse, arrivedAt: number): void {
    const route = this.#routes.find(req.method ?? 'GET', req.url ?? '/');
    this.active++;
    const { root, admission } = this.#roots[route.index] ?? this.#rootOf(route);
    this.begin(new RequestEntry(this, root, admission, route, req, res, arrivedAt));
  }

  #rootOf(route: Route<RouteOptions>): Queue {
    this.#settling.began(sharedNow());
    const root = this.#rootNamed(route.name, route);
    const handOver = this.#handOver;
    if (handOver !== undefined) root.hasLaneRoom = () => handOver.hasRoom(root);
    const clock = this.#runtime.laneClock;
    if (clock !== undefined && route.options?.lane !== undefined) clock.setHand(root.lane ??= clock.of(root.name), route.options.lane);
    if (this.#options.observe) {
      const times = this.#times[route.index] = createHistogram();
      this.#tell(route.name, times);
    }
    return this.#roots[route.index] = this.#queueOf(root);
  }
  #rootNamed(name: string, { options }: Route<RouteOptions>): Root {
    const root = this.#runtime.scheduler.roots.named(name);
    if (options?.tickets !== undefined) root.give(options.tickets);
    return root;
  }
  #queueOf(root: Root): Queue { return { root, admission: new RouteAdmission(root, this.#runtime.scheduler.roots.active, this.#clients, this.#settling, this.#refusals) }; }
  /** @internal it could not be answered in time any more */
  isPast({ admission, req, route, arrivedAt }: RequestEntry, nowMs: number): boolean {
    const [ageMs, deadlineMs] = [nowMs - arrivedAt, this.#deadlineOf(route)];
    return (ageMs > deadlineMs || admission.isTooLate(ageMs, deadlineMs)) && !isStream(req);
  }
  #deadlineOf({ options }: Route<RouteOptions>): number { return options?.deadlineMs ?? this.#options.deadlineMs; }

  /** @internal its turn has come. @returns whether it has begun here */
  begin(entry: RequestEntry): boolean {
    const { root, admission, route, req, res, arrivedAt } = entry;
    this.#open.delete(entry);                                            // of those that come again
    entry.isTaken = true;
    if (entry.isGone) { entry.isGone = false; admission.gone--; }
    const begunAt = sharedNow();
    admission.left(begunAt);
    const deadlineMs = entry.deadlineMs = this.#deadlineOf(route);
    entry.patienceMs = admission.within(deadlineMs);
    if (this.#drops(entry, begunAt)) { this.#runtime.scheduler.dropped++; this.active--; return false; }
    if (!entry.staysInFront) admission.begins();
    entry.begunAt = begunAt;
    if (this.#isDraining) res.shouldKeepAlive = false;
    if (!entry.staysInFront && this.#goesToBack(entry)) {
      this.#open.add(entry);
      this.#handOver?.hand(entry);
      return false;
    }
    if (root.costUs > FLUSH_BEFORE_US) this.#coalescer.flushHeld();
    const cell = this.#cell;
    cell.prepare(this, entry);
    const result = cell.run(this.#listener, req, res);                  // contained: never throws
    if (!isThenable(result) && res.writableEnded) {
      const { thread } = cell;
      cell.settle();
      cell.thread = undefined;
      thread?.end('done', undefined, undefined);
      this.#answered(route, arrivedAt);
      this.active--;
      admission.endedAtOnce(begunAt);
      entry.short?.ended(req.url ?? '', this.#usedNow(entry), true);
      return true;
    }
    this.#cell = new Cell();
    const thread = cell.thread ??= this.makeThread(entry, cell);
    cell.settle();
    this.#measureLater(entry);
    this.#follow(thread, entry, result, deadlineMs);
    return true;
  }

  /** It has begun, and goes on later: sees to it that what it then computes is seen, where that is worth it. */
  #measureLater(entry: RequestEntry): void {
    const { root, res, short } = entry;
    const clock = this.#runtime.laneClock;
    if (clock === undefined) return;
    const lane = root.lane ??= clock.of(root.name);
    const { roots } = this.#runtime.scheduler;
    if (short === undefined) {
      if (clock.isToMeasure(lane)) measureLater(clock, roots, root, lane, res);
      return;
    }
    entry.usedMs = this.#usedNow(entry);
    if (short.watches()) measureLater(clock, roots, root, lane, res, (usedMs) => { entry.usedMs = Math.max(entry.usedMs, usedMs); entry.isWatched = true; });
  }

  /** What a request that is known to be short has computed in the piece of work that runs, which is its begin, ms: of the processor's time, for whoever is preempted is none that takes long. */
  #usedNow({ root }: RequestEntry): number { return this.#runtime.laneClock?.usedNow(root.lane as RootLane) ?? 0; }

  /** It begins: whether on a back lane. */
  #goesToBack({ root, req, short, isLight }: RequestEntry): boolean {
    if (short === undefined) return this.#handOver?.isForBack(root, req) === true;
    if (isLight) this.#handOver?.beginsShort();
    return false;
  }

  /** @returns whether it does not begin, though its turn has come */
  #drops(entry: RequestEntry, nowMs: number): boolean {
    const { route, req, res, deadlineMs } = entry;
    if (req.socket.destroyed || res.destroyed) return true;              // the client has gone: nobody would read the answer
    if (!this.isPast(entry, nowMs)) return false;
    this.#refuse(req, res, route, deadlineMs);
    return true;
  }

  #answered({ index }: Route<RouteOptions>, arrivedAt: number): void {
    this.#times[index]?.record(Math.max(1, Math.round((sharedNow() - arrivedAt) * 1000)));
  }

  /** @internal for its cells */
  makeThread(entry: RequestEntry, cell: Cell): LocalThread {
    const thread = new LocalThread(this.#runtime.scheduler, entry.root, entry.route.name);
    thread.status = 'running';
    thread.cell = cell;
    cell.asker = entry;
    return thread;
  }

  /** It goes on asynchronously: it ends when both its answer and its handler have. */
  #follow(thread: LocalThread, entry: RequestEntry, result: unknown, deadlineMs: number): void {
    const { admission, route, res, arrivedAt, begunAt } = entry;
    const { scheduler } = this.#runtime;
    thread.block(scheduler.clockMs);
    scheduler.live++;
    scheduler.hop();
    const { root } = entry;
    const { prepaidMs } = admission;
    if (prepaidMs > 0) scheduler.roots.prepay(root, prepaidMs);
    let open = isThenable(result) ? 2 : 1;
    const timer = route.options?.onDeadline === 'cancel'
      ? setTimeout(() => this.#expire(thread, entry), Math.max(0, arrivedAt + deadlineMs - sharedNow())) : undefined;
    const close = (): void => {
      if (--open > 0) return;
      if (timer !== undefined) clearTimeout(timer);
      thread.end('done', undefined, undefined);
      scheduler.hasEnded();
      if (prepaidMs > 0) scheduler.roots.repay(root, prepaidMs);
      admission.usedLater(thread.attainedUs / 1000);
      this.#answered(route, arrivedAt);
      this.active--;
      admission.ended(begunAt);
      entry.short?.ended(entry.req.url ?? '', Math.max(entry.usedMs, thread.attainedUs / 1000), entry.isWatched && res.writableFinished);
      this.#open.delete(entry);
    };
    this.#open.add(entry);
    let hasSettled = !isThenable(result);
    const settle = (): void => {
      if (hasSettled) return;
      hasSettled = true;
      close();
    };
    res.once('close', () => {
      if (!res.writableFinished) {
        thread.cancel(new CapriccioError('CAP_ERR_CANCELLED', `the client of ${route.name} closed its connection before it was answered`));
        if (!hasSettled) whenEnded(res, () => { if (thread.frame === undefined) settle(); });
      }
      close();
    });
    if (isThenable(result)) result.then(settle, settle);
  }

  /** Its budget is spent: the client is told, and the thread is cancelled. */
  #expire(thread: LocalThread, { route: { name }, req, res, deadlineMs }: RequestEntry): void {
    if (!res.writableEnded && !res.destroyed) this.#unserved.expired(name, req);
    if (!res.headersSent) this.#answer503(res, `The request was not answered within ${deadlineMs} ms.\n`);
    thread.cancel(new CapriccioError('CAP_ERR_DEADLINE', `${name} was not answered within ${deadlineMs} ms`));
  }

  /** Who has waited longest in a queue, if it may leave it; those before it whose clients have gone leave by the way. */
  #frontOf(root: Root, admission: RouteAdmission, nowMs: number): RequestEntry | undefined {
    for (let first = root.entries.first; first instanceof RequestEntry; first = root.entries.first) {
      if (!first.isGone) return first.mayLeave ? first : undefined;
      this.#takeOut(first);
      admission.gone--;
      admission.left(nowMs);
    }
    return undefined;
  }
  #takeOut(first: RequestEntry): void {
    first.root.entries.shift();
    first.isTaken = true;
    this.active--;
  }

  /** One has come that is refused: who has waited longest in its queue is, instead, unless that has waited for too long, or has no deadline. @returns whether one was */
  #shedFirst({ root, admission, arrivedAt: nowMs }: RequestEntry, retryAfterMs: number): boolean {
    const first = this.#frontOf(root, admission, nowMs);
    if (first === undefined || !admission.leavesInstead(nowMs, first.arrivedAt, this.#deadlineOf(first.route))) return false;
    this.#takeOut(first);                                                // the newcomer takes its place: the queue is never empty in between
    this.#shed(first.res, first.route, retryAfterMs);
    return true;
  }
  /** One has come: who has waited for too long leaves for it, where somebody is refused. */
  #shedStale({ root, admission, arrivedAt: nowMs }: RequestEntry): void {
    if (!admission.shedsStale(nowMs)) return;
    for (let left = STALE_AT_ONCE; left > 0; left--) {
      const first = this.#frontOf(root, admission, nowMs);
      if (first === undefined || !admission.isStale(nowMs, first.arrivedAt, this.#deadlineOf(first.route))) return;
      this.#takeOut(first);
      this.#shed(first.res, first.route, admission.takesBack(nowMs, first.arrivedAt));
    }
  }

  /** It is refused before it begins, and before its body is read. */
  #shed(res: ServerResponse, { name }: Route<RouteOptions>, retryAfterMs: number): void {
    this.#unserved.shed(name, retryAfterMs);
    this.#answer503(res, 'The server has more to do than it can do in time.\n', retryAfterMs);
  }

  /** A lane failed it. */
  #answerFailure(req: IncomingMessage, res: ServerResponse, status: 502 | 503, error: unknown): void {
    if (status === 502 || (error as { code?: unknown }).code === undefined) warn(error, req);
    if (res.headersSent) { res.destroy(); return; }
    if (status === 503) { this.#answer503(res, 'The request could not be run.\n'); return; }
    res.writeHead(502, { 'content-type': 'text/plain; charset=utf-8', ...this.#isDraining ? { connection: 'close' } : {} });
    res.end('The worker that ran the request has died.\n');
  }

  /** Its turn has not come in time. */
  #refuse(req: IncomingMessage, res: ServerResponse, { name }: Route<RouteOptions>, deadlineMs: number): void {
    this.#unserved.expired(name, req);
    this.#answer503(res, `The request could not begin within ${deadlineMs} ms.\n`);
  }
  #answer503(res: ServerResponse, text: string, retryAfterMs = 1000): void {
    res.writeHead(503, { 'content-type': 'text/plain; charset=utf-8', 'retry-after': String(Math.ceil(retryAfterMs / 1000)), ...this.#isDraining ? { connection: 'close' } : {} });
    res.end(text);
  }
}

/** Server-sent events have no deadline. */
const isStream = (req: IncomingMessage): boolean => req.headers.accept === 'text/event-stream';

class RequestEntry implements Entry, Handed, Member, Asker {
  readonly #threads: RequestThreads;
  readonly root: Root;
  readonly admission: RouteAdmission;
  readonly route: Route<RouteOptions>;
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly arrivedAt: number;
  deadlineMs = 0;
  patienceMs = 0;
  begunAt = 0;
  place = -1;
  /** Its turn has come; its client went before that. */
  isTaken = false;
  isGone = false;
  /** It has waited for a back lane long enough. */
  staysInFront = false;
  /** Where it waited, if it is known to be short and its route is not; and what it has computed, ms, all of it or what was seen by the way. */
  short: ShortRoute | undefined = undefined;
  isLight = false;
  usedMs = 0;
  isWatched = false;
  constructor(threads: RequestThreads, root: Root, admission: RouteAdmission, route: Route<RouteOptions>, req: IncomingMessage, res: ServerResponse, arrivedAt: number = sharedNow()) {
    this.arrivedAt = arrivedAt;
    this.#threads = threads;
    this.root = root;
    this.admission = admission;
    this.route = route;
    this.req = req;
    this.res = res;
  }
  get mayLeave(): boolean { return !this.staysInFront && !isStream(this.req); }
  /** Its client is slow to send or to read: what it waits for may be that. */
  get isSlow(): boolean { return !this.req.complete || this.res.writableNeedDrain; }
  begin(): void { if (!this.#threads.begin(this)) this.root.started--; }   // the scheduler has counted it; a back lane counts its own
  isLate(nowMs: number): boolean { return this.res.destroyed || this.#threads.isPast(this, nowMs); }
}
