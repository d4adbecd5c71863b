/**
 * The acceptor: main takes every new connection and hands the socket, untouched, to the worker that should have it. The kernel's own balancing
 * (reusePort) cannot see a stalled event loop and keeps dealing connections to it; this sees the workers' words and their event loops.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { board, roles, type Memory } from '@capriccio/shared';
import { sharedNow } from '@capriccio/worker';
import type { LiveWorker } from '../worker-set.ts';
import { listenOn } from './address.ts';

/** A worker in one turn for longer is not given a connection if another is free, ms. */
const BUSY_MS = 10;
/** A worker is looked at once in so long, ms. */
const SAME_LOOK_MS = 1;
/** How often connections that found every worker busy are tried again, and how long before they go to the least bad one, ms. */
const RETRY_MS = 2;
const WAIT_MS_MAX = 1000;
/** A refused client has so long to read why, ms. */
const REFUSAL_MS = 1000;

export interface AcceptorHost {
  readonly memory: Memory;
  /** Workers whose host is ready. */
  ready(): readonly LiveWorker[];
  /** Moves the socket. Throws when it cannot. */
  hand(worker: LiveWorker, socket: Socket): void;
}

export class Acceptor {
  readonly #host: AcceptorHost;
  readonly #server: Server;
  readonly #waiting: { socket: Socket; since: number }[] = [];
  /** Connections of this server that a worker has been handed and that have not ended, as far as it has told. */
  readonly #open = new Map<LiveWorker, number>();
  #retry: NodeJS.Timeout | undefined;

  constructor(host: AcceptorHost, connectionsMax: number) {
    this.#host = host;
    this.#server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => this.#place(socket, connectionsMax));
  }

  /** @returns the port. Rejects with CAP_ERR_OPTION. */
  listen(port: number, hostName: string): Promise<number> { return listenOn(this.#server, port, hostName); }

  close(): void {
    this.#server.close();
    clearTimeout(this.#retry);
    for (const { socket } of this.#waiting.splice(0)) if (!this.#tryPlace(socket, Infinity)) socket.destroy();   // it was accepted: whoever drains last answers it
  }

  #place(socket: Socket, connectionsMax: number): void {
    if (connectionsMax !== Infinity && this.#openCount() >= connectionsMax) { refuseConnection(socket); return; }
    if (this.#waiting.length > 0 || !this.#tryPlace(socket, 0)) this.#wait(socket);
  }

  #tryPlace(socket: Socket, waitedMs: number): boolean {
    const worker = this.#choose(waitedMs);
    if (worker === undefined) return false;
    try {
      this.#host.hand(worker, socket);
    } catch {
      if (!socket.destroyed) return false;                             // the worker died in between: another will do
      return true;
    }
    worker.handed = (worker.handed + 1) | 0;
    this.#open.set(worker, (this.#open.get(worker) ?? 0) + 1);
    return true;
  }

  #wait(socket: Socket): void {
    this.#waiting.push({ socket, since: sharedNow() });
    this.#retry ??= setTimeout(() => this.#tryWaiting(), RETRY_MS);
  }
  #tryWaiting(): void {
    this.#retry = undefined;
    while (this.#waiting.length > 0) {
      const { socket, since } = this.#waiting[0] as { socket: Socket; since: number };
      const waitedMs = sharedNow() - since;
      if (!socket.destroyed && !this.#tryPlace(socket, waitedMs > WAIT_MS_MAX ? Infinity : waitedMs)) break;
      this.#waiting.shift();
    }
    if (this.#waiting.length > 0) this.#retry = setTimeout(() => this.#tryWaiting(), RETRY_MS);
  }

  /** The least loaded of those that react, as far as one who has waited so long may expect it; with Infinity, of all. */
  #choose(waitedMs: number): LiveWorker | undefined {
    let best: LiveWorker | undefined;
    let bestLoad = Infinity;
    const now = sharedNow();
    for (const worker of this.#host.ready()) {
      if (waitedMs !== Infinity && this.#isStalled(worker, now, BUSY_MS + waitedMs)) continue;
      const { runnable, queued } = board.readLoad(this.#host.memory, worker.id);
      const load = this.#connectionsOf(worker) + 4 * (runnable + queued);
      if (load < bestLoad) { best = worker; bestLoad = load; }
    }
    return best;
  }

  /**
   * True unless it waits in its event loop at this moment, or has moved in the last `ms`, as far as was seen. A worker in JavaScript that was not looked at
   * lately may have begun to stall: the next look, RETRY_MS later, tells. Where all are busy, who has waited for longer is content with less: a worker whose
   * turns take 30 ms each is none that stalls.
   */
  #isStalled(worker: LiveWorker, now: number, ms: number): boolean {
    const { memory } = this.#host;
    if (roles.roleOf(memory, worker.id) !== roles.FRONT || board.busyForMs(memory, worker.id, now) > ms) return true;
    const seen = this.#seen.get(worker.id);
    if (seen !== undefined && now - seen.at < SAME_LOOK_MS) return now - seen.movedAt > ms;
    const { idle } = worker.thread.performance.eventLoopUtilization();
    const tick = board.readTick(memory, worker.id);
    const isIdle = worker.thread.performance.eventLoopUtilization().idle > idle;
    let movedAt = seen?.movedAt ?? -Infinity;
    if (isIdle) movedAt = now;
    else if (seen !== undefined && (seen.tick !== tick || seen.idle !== idle)) movedAt = now - seen.at <= BUSY_MS ? now : seen.at;
    this.#seen.set(worker.id, { tick, idle, at: now, movedAt });
    return now - movedAt > ms;
  }
  /** What was seen of each worker at the last look, and when it has moved, at the latest that is certain. */
  readonly #seen = new Map<number, { tick: number; idle: number; at: number; movedAt: number }>();

  /** Open ones, and those on their way. */
  #connectionsOf({ id, handed }: LiveWorker): number {
    const { memory } = this.#host;
    const coming = (handed - board.readTaken(memory, id)) | 0;           // read first: one that comes in between is counted twice rather than not at all
    return board.readLoad(memory, id).connections + coming;
  }
  /** Of this server: another's are not counted here. */
  #openCount(): number {
    let sum = this.#waiting.length;
    for (const count of this.#open.values()) sum += count;
    return sum;
  }
  /** So many of a worker's connections have ended. Told only where they are limited. */
  ended(worker: LiveWorker, count: number): void { this.#open.set(worker, Math.max(0, (this.#open.get(worker) ?? 0) - count)); }

  /** A worker has died, and its connections with it. */
  forget(worker: LiveWorker): void {
    this.#seen.delete(worker.id);
    this.#open.delete(worker);
  }
}

/** There are as many connections as `limits.connections` allows: an answer without a request, which clients take for that of their first, and the end. */
export function refuseConnection(socket: Socket): void {
  socket.on('error', () => { /* it has left already */ });
  socket.end('HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
  socket.resume();
  setTimeout(() => socket.destroy(), REFUSAL_MS).unref();
}
