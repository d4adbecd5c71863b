/**
 * Measures the segments of one isolate and passes judgement on their roots: the hands of verdict.ts. A segment is a batch of the scheduler: one begin, or
 * one thread that goes on. The processor clock of a thread costs a microsecond or more, a tenth of a light request; so it is read around the first few
 * segments of each root, and then only around those of roots that were seen to take long by the clock that the scheduler reads anyway.
 *
 * The clock: Linux brings a running thread's time up to date at its ticks only, so `threadCpuUsage` alone is wrong by up to 4 ms, which for segments of
 * 1 ms is no clock at all; the time of the whole process is asked for with the running thread's brought up to date, after which the thread's own is
 * exact (0.3 ms segments on a busy core: median 0.301, p99 0.435, where the thread's alone gave 0, 3.97).
 *
 * Cold code is slow: light requests of a server that has just started take milliseconds. So in each isolate the first segment of a root does not count,
 * and the next thirty only when they are plainly long, and then two are needed.
 */
import { lanes, type Memory } from '@capriccio/shared';
import { sharedNow } from '../clock.ts';
import { callbackStarts, type CallbackStarts, type Owner } from './callback-starts.ts';
import { LONG_MS, PLAIN_MS, afterSegment, describeVerdict, forgetful, isBack, isClean, pinned, withHand, type Hand, type Verdict } from './verdict.ts';

/** A batch of a root that takes longer by the clock on the wall makes it a suspect, ms. */
const SUSPECT_WALL_MS = 0.5;
/** Segments of a suspect that are measured; of a new root. */
const SUSPICION = 16;
const SUSPICION_NEW = 8;
/** A root that nobody suspects is looked at once in so many segments. */
const LOOK_EVERY = 128;
/** Segments of a root in an isolate whose code is taken to be cold. */
const COLD = 32;

/** What may have run unnoticed before a callback of the event loop, by the clock on the wall, ms: less is not worth a look at the processor clock. */
const UNNOTICED_MS = 0.2;

/** Roots of the runtime's own functions: they go where they must. */
const OWN = /^(?:#|lane )/;

/** What was read so short a time ago has gone on as the clock on the wall has, ms: whoever lost its processor meanwhile would have been away for longer. */
const FRESH_MS = 0.1;
let readAt = -Infinity;
let readMs = 0;
/** What was told last: time does not go back. */
let toldMs = 0;

/** Processor time of this thread, ms. A look costs 4 to 8 us; a request on a back lane has six, and most of them in pairs. */
export function cpuMs(): number {
  const now = sharedNow();
  if (now - readAt < FRESH_MS) return toldMs = readMs + (now - readAt);
  process.cpuUsage();
  const { user, system } = process.threadCpuUsage();
  readAt = now;
  return readMs = toldMs = Math.max(toldMs, (user + system) / 1000);
}

/** What a long segment of cold code counts as: one of the two that are needed. */
const JUST_LONG_MS = (LONG_MS + PLAIN_MS) / 2;

/** A root whose batches take less on average, a segment, is no long one, whatever one of them took, microseconds. */
const LIGHT_US = 300;

/** So many segments in a row are short before it counts as a short one: of what waits first and then computes, some begin together. */
const SHORT_IN_ROW = 4;

/**
 * A long segment of a root that was short so many times in a row before, for each millisecond of it, is rare: the collector's pause, most of the time, that
 * any of thousands of light ones can meet. It counts as one of the two that are needed, as the first; so do others that follow at once, and are shorter than
 * this, for a pause holds up a dozen, and each has waited for it. What takes longer than any pause that is usual is never taken for one; ms.
 */
const RARE_PER_MS = 16;
const RARE_MS_MAX = 20;
const PAUSE_MS = 25;
const PAUSED_MS_MAX = 8;

/** Segments over which their mean square is taken. */
const SQUARES = 128;

/** What this isolate knows of a root. */
export class RootLane {
  readonly name: string;
  /** Where its verdict is; 0: the table is full, it stays in front. */
  readonly word: number;
  /** All of its segments are measured, for what a request takes is wanted, and nothing is judged of it. */
  readonly isAccounted: boolean;
  /** Segments that are still to be measured. */
  suspicion: number = SUSPICION_NEW;
  /** Segments since the last that was looked at in any case. */
  unseen = 0;
  /** Looks in a row that found nothing long. */
  shortInRow = 0;
  /** Segments that have been measured here. */
  measured = 0;
  /** When something long of it was last taken for the collector's pause, ms. */
  pausedAt: number = -Infinity;
  /** Its threads call their own function (fork-join): it is spread over cores already, and stays where it is called. */
  isForked = false;
  /** It runs in front all the same (lane-worth.ts), and so is measured there. */
  isKept = false;
  /** Mean square of the processor time of its segments, as far as they were measured, ms²; of a request, where a back lane has run it. */
  meanSquare = 0;
  #squares = 0;

  constructor(name: string, word: number, isAccounted = false) {
    this.name = name;
    this.word = word;
    this.isAccounted = isAccounted;
  }

  /** The last few looks have found nothing long. */
  get isFoundShort(): boolean { return this.shortInRow >= SHORT_IN_ROW || this.suspicion === 0; }

  /** A segment of it has taken so much processor time, ms. */
  took(ms: number): void { this.meanSquare += (ms * ms - this.meanSquare) / Math.min(++this.#squares, SQUARES); }
}

export interface LaneClockHost {
  /** A verdict has changed. */
  onChange(name: string): void;
  /** A root that goes to back lanes runs in this front all the same, or does so no more. */
  onKept?(name: string, isKept: boolean): void;
  /** Native code of a thread has used so long in a callback of its own, and goes on waiting, ms. */
  onNative?(owner: Owner, usedMs: number): void;
  /** A back lane has run its first long segment: the application is loaded, and what comes is what it is there for. */
  onFirstLong?(): void;
}

/** Where the time comes from. */
export interface Times {
  /** Processor time of this thread; the clock on the wall; ms. */
  readonly cpuMs: () => number;
  readonly nowMs: () => number;
  readonly callbackStarts: (tell: (owner: Owner | undefined) => void) => CallbackStarts;
}
const realTimes: Times = { cpuMs, nowMs: sharedNow, callbackStarts };

export class LaneClock {
  /** This isolate is a back lane. */
  readonly isBackLane: boolean;
  readonly #memory: Memory;
  readonly #host: LaneClockHost;
  readonly #roots = new Map<string, RootLane>();
  #hasBeenLong = false;
  readonly #times: Times;
  readonly #starts: CallbackStarts;
  /** Requests under way whose end is to be judged. */
  #watched = 0;
  /** Where what runs now began, or a little before: the processor clock, and that on the wall, ms. */
  #markedAt = 0;
  #markedNow = 0;
  /** Whose callback runs, as far as is known. */
  #callbackOf: Owner | undefined;
  /** A piece of work that the scheduler runs: of which root, and, where it is measured, the processor clock at its begin, else -1. */
  #piece: RootLane | undefined;
  #pieceAt = -1;
  /** Whose end has been judged since the last segment began: the segment is not judged again for it. */
  #judged: RootLane | undefined;

  constructor(memory: Memory, isBackLane: boolean, host: LaneClockHost, times: Times = realTimes) {
    this.#memory = memory;
    this.#times = times;
    this.#starts = times.callbackStarts((owner) => this.#beginCallback(owner));
    this.isBackLane = isBackLane;
    this.#host = host;
  }

  of(name: string): RootLane {
    let root = this.#roots.get(name);
    if (root === undefined) {
      root = new RootLane(name, OWN.test(name) ? 0 : lanes.verdictWordOf(this.#memory, name));
      this.#roots.set(name, root);
    }
    return root;
  }

  isBack({ word }: RootLane): boolean { return word !== 0 && isBack(lanes.readVerdict(this.#memory, word)); }
  verdictOf({ word }: RootLane): Verdict { return describeVerdict(word === 0 ? 0 : lanes.readVerdict(this.#memory, word)); }

  /** What the user says of a root: every isolate says the same. */
  setHand(root: RootLane, hand: Hand): void {
    if (root.word === 0) return;
    const { before, after } = lanes.changeVerdict(this.#memory, root.word, (verdict) => withHand(verdict, hand));
    if (before !== after) this.#host.onChange(root.name);
  }

  /** Its requests cannot be moved. */
  pin(root: RootLane): void {
    if (root.word === 0) return;
    const { before, after } = lanes.changeVerdict(this.#memory, root.word, pinned);
    if (before !== after) this.#host.onChange(root.name);
  }

  /** It runs in front though it goes to back lanes, or does so no more. */
  keep(root: RootLane, isKept: boolean): void {
    root.isKept = isKept;
    this.#host.onKept?.(root.name, isKept);
  }

  /** Before a segment. @returns the processor clock, ms; -1 when the segment is not to be measured */
  before(root: RootLane): number {
    this.#judged = undefined;
    this.#piece = root;
    this.#pieceAt = -1;
    if (++root.unseen >= LOOK_EVERY) {                                   // it may have become long where the wall clock does not look
      root.unseen = 0;
      root.suspicion = Math.max(root.suspicion, 2);
    }
    const isMeasured = this.isBackLane || this.isToMeasure(root);          // where others preempt, the clock on the wall is nobody's share
    if (isMeasured) return this.#pieceAt = this.#mark();
    this.mark();
    return -1;
  }

  /** Its next segment is worth what a look at the clock costs. */
  isToMeasure(root: RootLane): boolean {
    if (root.isAccounted) return true;
    if (root.word === 0 || root.isForked) return false;
    if (this.isBackLane) return true;
    return root.suspicion > 0 && (root.isKept || !this.isBack(root));  // in front, such a segment only hands a request over
  }

  /** A batch, or a step, is over. @param cpuAt  what `before` returned. @returns its processor time, ms; -1: it was not measured */
  used(cpuAt: number): number {
    this.#piece = undefined;
    if (cpuAt >= 0) return this.#mark() - cpuAt;
    this.mark();
    return -1;
  }
  /** It goes on with another, without a look at a clock. */
  pause(): void { this.#piece = undefined; }
  /** Processor time of the piece of work that runs, if it is of this root, ms. */
  usedNow(root: RootLane): number { return this.#piece === root && this.#pieceAt >= 0 ? this.#times.cpuMs() - this.#pieceAt : 0; }

  /**
   * Judges a batch of segments that is over. @param usedMs  its processor time; -1: not measured; @param hasBegun  they were begins; @param meanUs  what
   * those of the root take lately: the collector's pause in one of many light ones proves nothing; @param count  how many they were
   */
  after(root: RootLane, usedMs: number, wallMs: number, hasBegun: boolean, meanUs: number, count: number): void {
    if (root.isForked || root.word === 0 || this.#judged === root) return;
    if (meanUs < LIGHT_US && !this.isBackLane) {
      root.shortInRow++;
      if (root.suspicion > 0) root.suspicion--;                          // it is cleared as if it had been judged
      return;
    }
    const each = count > 1 ? count : 1;
    if (usedMs >= 0) this.judge(root, usedMs / each, hasBegun);
    else if (wallMs / each > SUSPECT_WALL_MS && !this.isBackLane) root.suspicion = SUSPICION;
  }

  // ---- native code: nobody sees whose callback it is that begins ----

  /** An end is to be judged: until then it is noted when each known piece of work is over, and when a callback of the event loop begins. */
  watch(): void {
    if (this.#watched++ === 0) { this.#callbackOf = undefined; this.#starts.enable(); }
    this.mark();
  }
  /** It is not judged after all. */
  unwatch(): void { if (--this.#watched === 0) this.#starts.disable(); }
  /** A piece of work is over, or another begins: what comes next is not part of it. Not worth a look at the processor clock where little has run. */
  mark(): void { if (this.#watched > 0 && this.#hasRun) this.#mark(); }
  /** By the clock on the wall more may have run since the last mark than is nobody's. */
  get #hasRun(): boolean { return this.#times.nowMs() - this.#markedNow > UNNOTICED_MS; }
  #mark(): number {
    this.#markedNow = this.#times.nowMs();
    return this.#markedAt = this.#times.cpuMs();
  }
  /** What has run before in the last callback, and has ended nothing, is not the time of who ends next: it was the owner's of that callback, if it had one. */
  #beginCallback(owner: Owner | undefined): void {
    const before = this.#callbackOf;
    this.#callbackOf = owner;
    const usedMs = this.#sinceMark();
    if (before === undefined || usedMs <= UNNOTICED_MS) return;
    const { root } = before;
    const lane = root.lane ??= this.of(root.name);
    if (usedMs > LONG_MS && this.isToMeasure(lane)) this.judge(lane, usedMs, false);
    this.#host.onNative?.(before, usedMs);
  }
  /** What has run since the last mark, ms; 0: too little to be anybody's. */
  #sinceMark(): number {
    if (!this.#hasRun) return 0;
    const before = this.#markedAt;
    return this.#mark() - before;
  }
  /**
   * Compiled code of a root goes on, for what it awaited natively is there: if that took long just now, it was the root's.
   * @returns what it was, if that is more than nobody's, ms
   */
  endAwaited(root: RootLane): number {
    if (this.#watched === 0) return 0;
    const usedMs = this.#sinceMark();
    if (usedMs > LONG_MS && this.isToMeasure(root)) this.judge(root, usedMs, false);
    return this.#native(usedMs);
  }
  /**
   * What was watched has ended in the callback that runs: that has taken what the thread has used since it began, or since the last known piece was over.
   * @param took  told what it was, ms; else its root is judged by that
   * @returns what of it was native code's, and not in a piece of work that the scheduler runs, ms
   */
  endWatched(root: RootLane, took?: (usedMs: number) => void): number {
    const usedMs = this.#sinceMark();
    this.unwatch();
    this.#judged = root;
    if (took !== undefined) took(usedMs);
    else if (!root.isForked) this.judge(root, usedMs, false);
    return this.#native(usedMs);
  }
  #native(usedMs: number): number { return this.#piece === undefined && usedMs > UNNOTICED_MS ? usedMs : 0; }

  /** A segment has been measured. Short ones count when they began something: the short rest of a long request says nothing. */
  judge(root: RootLane, usedMs: number, hasBegun: boolean): void {
    if (root.word === 0) return;
    root.suspicion = usedMs > LONG_MS ? SUSPICION : Math.max(0, root.suspicion - 1);
    const isRare = !this.isBackLane && usedMs > LONG_MS && usedMs < RARE_MS_MAX && root.shortInRow >= RARE_PER_MS * usedMs;
    root.shortInRow = usedMs > LONG_MS ? 0 : root.shortInRow + 1;
    const before = root.measured++;
    root.took(usedMs);
    if (usedMs > LONG_MS && !this.#hasBeenLong) {
      this.#hasBeenLong = true;
      if (this.isBackLane) this.#host.onFirstLong?.();
    }
    const isCold = before < COLD;
    if (usedMs > LONG_MS && usedMs < PAUSED_MS_MAX && this.#times.nowMs() - root.pausedAt < PAUSE_MS) return;
    if (isRare) root.pausedAt = this.#times.nowMs();
    if (usedMs > LONG_MS && isCold && (before === 0 || usedMs < PLAIN_MS)) return;
    if (usedMs <= LONG_MS && (!hasBegun || isClean(lanes.readVerdict(this.#memory, root.word)))) return;
    const change = lanes.changeVerdict(this.#memory, root.word, (verdict) => afterSegment(isRare ? forgetful(verdict) : verdict, isCold || isRare ? Math.min(usedMs, JUST_LONG_MS) : usedMs));
    if (isBack(change.before) !== isBack(change.after)) this.#host.onChange(root.name);
  }
}
