/**
 * Main's hand in lanes: starts back lanes when a root first needs one and one more while work for them waits and a processor is free for it, at most one a core
 * and others for those that are blocked in the kernel; knows the roots whose verdict has changed, for stats() and for warnings. That they are replaced when they die, and ended
 * with the pool, is worker-set.ts.
 */
import { stat } from 'node:fs/promises';
import { isLive, lanes, parker, type Memory } from '@capriccio/shared';
import { LaneClock, LaneHunger, LaneRoom, LaneRouter, sharedNow, type LaneMessage, type Verdict } from '@capriccio/worker';
import type { LiveWorker, WorkerSet } from '../worker-set.ts';

/** Roots that are remembered by name. */
const NAMES_MAX = 1024;
/** After so long it is looked again whether a processor is free: who asks is a lane between two pieces of work, and the next may take long; ms. */
const AGAIN_MS = 400;

export interface BackLanesHost {
  readonly memory: Memory;
  readonly workers: WorkerSet;
  readonly isOn: boolean;
  /** What is long may run in front while they starve, and no more of them are started where processors are short. */
  readonly seesHunger: boolean;
  /** Most back lanes: one a core, and others for those that are blocked. */
  readonly countMax: () => number;
  warn(message: string): void;
  /** No back lane can be started. */
  onGivenUp(): void;
}

/** What stats() says of lanes. */
export interface LaneStats {
  /** Back lanes that take work. */
  readonly back: number;
  /** Roots that are, or have been, judged to be long, or that somebody has put into a lane. */
  readonly roots: readonly RootLaneStats[];
}
export interface RootLaneStats extends Verdict {
  readonly name: string;
  /** Workers that run it in front though it goes to back lanes, for hardly a request of theirs is short. */
  readonly keptBy: readonly number[];
}

export class BackLanes {
  readonly #host: BackLanesHost;
  readonly #clock: LaneClock;
  readonly #names = new Set<string>();
  readonly #pinned = new Set<string>();
  readonly #keptBy = new Map<string, Set<number>>();
  readonly router: LaneRouter;
  readonly #room: LaneRoom;
  #started = 0;
  #isStarting = false;
  #again: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(host: BackLanesHost, room: LaneRoom = new LaneRoom(host.memory)) {
    this.#host = host;
    this.#room = room;
    this.#clock = new LaneClock(host.memory, false, { onChange: (name) => this.#changed(name) });
    this.router = new LaneRouter(host.memory, this.#clock, () => this.want(), host.seesHunger ? new LaneHunger(host.memory) : undefined);
    if (!host.isOn) lanes.setLanes(host.memory, lanes.UNAVAILABLE);
  }

  /** A worker has something to say. */
  receive(message: LaneMessage): void {
    if (message.event === 'want') this.want();
    else if (message.event === 'kept') this.#kept(message.name, message.worker, message.isKept);
    else this.#changed(message.name);
  }

  #kept(name: string, worker: number, isKept: boolean): void {
    const by = this.#keptBy.get(name);
    if (!isKept) by?.delete(worker);
    else if (by !== undefined) by.add(worker);
    else if (this.#keptBy.size < NAMES_MAX) this.#keptBy.set(name, new Set([worker]));
  }
  /** A worker is dead. */
  forget(worker: number): void { for (const by of this.#keptBy.values()) by.delete(worker); }

  #changed(name: string): void {
    if (this.#names.size < NAMES_MAX) this.#names.add(name);
    if (this.#clock.verdictOf(this.#clock.of(name)).by === 'pinned' && !this.#pinned.has(name)) {
      this.#pinned.add(name);
      this.#host.warn(`${name} takes long, and its handler uses its socket in a way that cannot be moved to a back lane: it stays in front, where it delays others; say lane: 'front' for it to be told no more`);
    }
  }

  /**
   * One more, unless one is about to be ready, there are enough, or no processor is free for it. @param isBlocked  one is blocked in the kernel: its place is taken
   * @returns false: there are none, and will not be
   */
  want(isBlocked: boolean = false): boolean {
    const { memory, countMax, seesHunger } = this.#host;
    if (lanes.stateOfLanes(memory) === lanes.UNAVAILABLE) return false;
    if (this.#isStarting || this.#started >= countMax()) return true;
    if (this.#started > 0 && !isBlocked && seesHunger && !this.#room.isThere(sharedNow())) { this.#askAgain(); return true; }
    lanes.setLanes(memory, lanes.OPEN);
    this.#isStarting = true;
    void this.#startOne();
    return true;
  }

  /** Work waited, and no processor was free: as long as no lane sleeps it may still be so. */
  #askAgain(): void {
    const { memory } = this.#host;
    this.#again ??= setTimeout(() => {
      this.#again = undefined;
      if (!this.#isClosed && lanes.busyBackLaneCount(memory) >= lanes.backLaneCount(memory)) this.want();
    }, AGAIN_MS).unref();
  }

  /** It has loaded what the pool serves: it takes work from now on. */
  join({ id, serial }: LiveWorker): void {
    const { workers } = this.#host;
    if (workers.get(id)?.serial === serial) workers.post(id, { kind: 'service', service: 'join', body: undefined });
  }

  async #startOne(): Promise<void> {
    // libuv's threads are made by their first user and inherit its priority: that must not be a back lane's.
    await stat('/').catch(() => { /* whatever it says, the threads are there */ });
    this.#host.workers.startBack(this.#started++);
  }

  /** A back lane takes work. @returns whether it has taken the place of one that died */
  ready(): boolean {
    const isReplacement = !this.#isStarting;
    this.#isStarting = false;
    return isReplacement;
  }

  /** The pool closes: none is wanted any more. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#again);
  }

  /** Back lanes die before they are ready: nobody waits for them any longer. */
  giveUp(reason: string): void {
    if (lanes.stateOfLanes(this.#host.memory) === lanes.UNAVAILABLE) return;
    const { memory } = this.#host;
    lanes.setLanes(memory, lanes.UNAVAILABLE);
    for (let id = 1; id < memory.layout.participantCount; id++) if (isLive(memory, id)) parker.wakeHard(memory, id);   // what waits for back lanes is theirs now
    this.#host.onGivenUp();
    this.#host.warn(`no back lane can be started (${reason}): long work stays in front, as with lanes: 'off'`);
  }

  stats(): LaneStats {
    return {
      back: lanes.backLaneCount(this.#host.memory),
      roots: [...this.#names].map((name) => {
        const verdict = this.#clock.verdictOf(this.#clock.of(name));
        return { name, ...verdict, keptBy: verdict.lane === 'back' ? [...this.#keptBy.get(name) ?? []] : [] };   // one that has come back is kept by nobody
      }),
    };
  }
}
