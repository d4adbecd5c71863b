/**
 * Activations, a part of the conductor thread: as many workers as there are cores take work at all times. It watches for workers that the kernel has
 * put to sleep in the middle of their work and gives their cores to spares; who comes back retires who is too many (roles.ts), and so does this, for
 * all rules look at states. Main is told for its events and counters; nothing waits for main.
 * Source: Anderson, Bershad, Lazowska, Levy, Scheduler Activations, SOSP 1991. Next: suspicion.ts for the judgement, kernel-view.ts for its evidence.
 */
import { NameReader, board, isLive, lifeOf, parker, roles, type Memory } from '@capriccio/shared';
import { HeartbeatView, type Probe, type ProbeAnswer } from './heartbeat.ts';
import { KernelView } from './kernel-view.ts';
import { BEAT_MS, type Part, type PartContext } from './part.ts';
import { Suspicion, type Shown, type Verdict, type Witness } from './suspicion.ts';

/** Between two passes while somebody is suspected, ms: two such naps are what a clock must have been still for (suspicion.ts). */
const SUSPECT_MS = 1.3;
/** All workers sleep, but some thread of theirs waits and may go on by itself: its next segment may block before any turn begins. Seldom, once they have slept for long, ms. */
const REST_MS = BEAT_MS;
const REST_MS_LONG = 4 * BEAT_MS;
const SLEPT_MS = 1000;
/** Blocked for longer, a worker may never come back: main is told, ms. */
const ZOMBIE_MS = 3000;
/** A back lane has none that stands by for it. Main starts another when it has been blocked for as long as that takes, ms. */
const LANE_MS = 100;

/** Looks in a row that must see a blocked worker move before it counts as back: `execSync` moves for a moment with each piece of output. */
const MOVES_MIN = 3;

export interface ActivationsData {
  /** 'kernel': /proc where there is one; 'heartbeat': as if there were none. */
  readonly by: 'kernel' | 'heartbeat';
}

/** What main hears. */
export type ActivationNews =
  | { readonly kind: 'blocked'; readonly worker: number; readonly life: number; readonly spare: number; readonly node: string | undefined; readonly blockedMs: number }
  | { readonly kind: 'zombie'; readonly worker: number; readonly life: number }
  | { readonly kind: 'returned'; readonly worker: number; readonly life: number; readonly node: string | undefined; readonly blockedMs: number }
  | { readonly kind: 'probe'; readonly probe: Probe };

interface Watched { readonly life: number; readonly suspicion: Suspicion; witness: (Witness & { close(): void }) | undefined; names: NameReader | undefined }
interface Absence { readonly life: number; readonly sinceMs: number; readonly node: string | undefined; isZombie: boolean; moves: number }

export function create({ memory, data, tell }: PartContext): Part {
  return new Activations(memory, data as ActivationsData, tell);
}

class Activations implements Part {
  readonly #memory: Memory;
  readonly #kernel: KernelView | undefined;
  readonly #heartbeat: HeartbeatView;
  readonly #tell: (news: ActivationNews) => void;
  readonly #watched: (Watched | undefined)[] = [];
  #isAnySuspect = false;
  /** What the worker shows that is being judged: filled anew for each, so that a look allocates nothing. */
  readonly #shown: { -readonly [Key in keyof Shown]: Shown[Key] } = { tick: 0, turnMs: 0, isParked: false, isInHardSleep: false, mayGoOn: false, isAway: false };
  readonly #absent = new Map<number, Absence>();

  constructor(memory: Memory, { by }: ActivationsData, tell: (news: ActivationNews) => void) {
    this.#memory = memory;
    this.#tell = tell;
    this.#kernel = by === 'kernel' ? KernelView.create() : undefined;
    this.#heartbeat = new HeartbeatView((probe) => tell({ kind: 'probe', probe }));
  }

  receive(message: unknown): void { this.#heartbeat.receive(message as ProbeAnswer); }

  rest(idleMs: number): number {
    if (this.#isAnySuspect || this.#absent.values().some(({ isZombie }) => !isZombie)) return SUSPECT_MS;
    const restMs = idleMs < SLEPT_MS ? REST_MS : REST_MS_LONG;
    if (this.#absent.size > 0) return restMs;
    for (let id = 1; id < this.#memory.layout.participantCount; id++) {
      if (isLive(this.#memory, id) && roles.roleOf(this.#memory, id) !== roles.SPARE && board.readThreads(this.#memory, id) > 0) return restMs;
    }
    return Infinity;
  }

  pass(nowMs: number): number {
    const memory = this.#memory;
    this.#isAnySuspect = false;
    let newlyBlocked = 0;
    let fronts = 0;
    for (let id = 1; id < memory.layout.participantCount; id++) {
      if (!isLive(memory, id)) { if (this.#watched[id] !== undefined) this.#forget(id); continue; }
      const role = roles.roleOf(memory, id);
      if (role === roles.SPARE) {
        if (parker.read(memory, id) === parker.PARKED) this.#kernel?.learnFrom(board.readKernelId(memory, id));
        continue;
      }
      if (role === roles.FRONT) fronts++;
      if (role === roles.BACK || (role === roles.LEAVING && this.#absent.has(id))) { this.#lookAside(id, nowMs); continue; }
      const verdict = this.#judge(id, nowMs, role === roles.BLOCKED);
      if (verdict === 'suspect') this.#isAnySuspect = true;
      if (role === roles.FRONT && verdict === 'blocked' && roles.block(memory, id, (this.#watched[id] as Watched).suspicion.sinceMs)) newlyBlocked = id;
      if (role === roles.BLOCKED) this.#recall(id, verdict, nowMs);
      if (newlyBlocked === id || role === roles.BLOCKED || this.#absent.has(id)) this.#account(id, nowMs);
    }
    if (newlyBlocked !== 0 || fronts !== roles.cores(memory)) this.#balance(newlyBlocked, nowMs);
    return this.#isAnySuspect ? SUSPECT_MS : BEAT_MS;
  }

  /** Sees to it that as many take work as there are cores. */
  #balance(newlyBlocked: number, nowMs: number): void {
    const memory = this.#memory;
    for (;;) {
      const spare = roles.activateOne(memory, nowMs);
      if (newlyBlocked !== 0) {
        const absence = this.#absent.get(newlyBlocked);                  // none: it is back already
        if (absence !== undefined) this.#tell({ kind: 'blocked', worker: newlyBlocked, life: absence.life, spare, node: absence.node, blockedMs: Math.round(nowMs - absence.sinceMs) });
        parker.disregard(memory, newlyBlocked);
        for (let id = 0; id < memory.layout.participantCount; id++) if (id !== newlyBlocked && isLive(memory, id)) parker.wake(memory, id);   // who has work there takes it back
        newlyBlocked = 0;
      }
      if (spare === 0) break;
    }
    roles.retireSurplus(memory, nowMs);
  }

  /** One that is back takes its place at its next turn. It may have none to come, or go on computing in this one for long: then it is put back from here. */
  #recall(id: number, verdict: Verdict, nowMs: number): void {
    const absence = this.#absent.get(id);
    if (absence === undefined) return;
    absence.moves = verdict === 'moving' ? absence.moves + 1 : 0;
    if (verdict === 'resting') roles.announce(this.#memory, id);
    else if (absence.moves >= MOVES_MIN) roles.comeBack(this.#memory, id, nowMs);
  }

  /**
   * Of those whose places no spare takes: back lanes, which yield to the others by their priority, and who was blocked when it was told to leave. What is
   * long waits for a back lane that is blocked, and for nobody in front: main is told, in order to start another.
   */
  #lookAside(id: number, nowMs: number): void {
    const absence = this.#absent.get(id);
    const verdict = this.#judge(id, nowMs, absence !== undefined);
    if (verdict === 'suspect') this.#isAnySuspect = true;
    if (absence !== undefined) {
      absence.moves = verdict === 'moving' ? absence.moves + 1 : 0;
      if (verdict === 'resting' || absence.moves >= MOVES_MIN) this.#returned(id, absence, nowMs);
      else this.#mayBeZombie(id, absence, nowMs);
      return;
    }
    const { sinceMs } = (this.#watched[id] as Watched).suspicion;
    if (verdict !== 'blocked' || nowMs - sinceMs < LANE_MS) return;
    const { life, node } = this.#leaves(id, sinceMs);
    this.#tell({ kind: 'blocked', worker: id, life, spare: 0, node, blockedMs: Math.round(nowMs - sinceMs) });
  }

  #judge(id: number, nowMs: number, isAway: boolean): Verdict {
    const memory = this.#memory;
    const watched = this.#watch(id);
    const shown = this.#shown;
    shown.tick = board.readTick(memory, id);
    shown.turnMs = board.busyForMs(memory, id, nowMs);
    shown.isParked = parker.read(memory, id) === parker.PARKED;
    shown.isInHardSleep = board.isInHardSleep(memory, id);
    shown.mayGoOn = board.readThreads(memory, id) > 0 || board.readConnections(memory, id) > 0;
    shown.isAway = isAway;
    return watched.suspicion.judge(nowMs, shown, watched.witness ?? this.#heartbeat.witnessOf(id, nowMs, shown));
  }

  #watch(id: number): Watched {
    const life = lifeOf(this.#memory, id);
    let watched = this.#watched[id];
    if (watched !== undefined && watched.life !== life) { this.#forget(id); watched = undefined; }
    if (watched === undefined) {
      const task = board.readKernelId(this.#memory, id);
      watched = { life, suspicion: new Suspicion(), witness: task === 0 ? undefined : this.#kernel?.open(task), names: undefined };
      this.#watched[id] = watched;
    }
    return watched;
  }

  #forget(id: number): void {
    this.#watched[id]?.witness?.close();
    this.#watched[id] = undefined;
    this.#absent.delete(id);
    this.#heartbeat.forget(id);
  }

  /** Notes who is away, since when, in what; tells main when it has come back, or seems never to. */
  #account(id: number, nowMs: number): void {
    const memory = this.#memory;
    const absence = this.#absent.get(id);
    if (roles.roleOf(memory, id) !== roles.BLOCKED) {
      if (absence !== undefined) this.#returned(id, absence, nowMs);
    } else if (absence === undefined) this.#leaves(id, nowMs - roles.roleForMs(memory, id, nowMs));
    else this.#mayBeZombie(id, absence, nowMs);
  }
  #leaves(id: number, sinceMs: number): Absence {
    const absence: Absence = { life: lifeOf(this.#memory, id), sinceMs, node: this.#nodeOf(id), isZombie: false, moves: 0 };
    this.#absent.set(id, absence);
    return absence;
  }
  #mayBeZombie(id: number, absence: Absence, nowMs: number): void {
    if (absence.isZombie || nowMs - absence.sinceMs <= ZOMBIE_MS) return;
    absence.isZombie = true;
    this.#tell({ kind: 'zombie', worker: id, life: absence.life });
  }
  #returned(id: number, { life, node, sinceMs }: Absence, nowMs: number): void {
    this.#absent.delete(id);
    this.#tell({ kind: 'returned', worker: id, life, node, blockedMs: Math.round(nowMs - sinceMs) });
  }

  /** The root whose batch it was in: a function or a route. Undefined in code outside of turns (a callback of a timer, the rest of a native await). */
  #nodeOf(id: number): string | undefined {
    const number = board.readRoot(this.#memory, id);
    if (number < 0) return undefined;
    const watched = this.#watched[id] as Watched;
    watched.names ??= new NameReader(this.#memory, id);
    try { return watched.names.text(number).slice(1); } catch { return undefined; }
  }
}
