/**
 * The net beneath forecasts: a heap that fills in spite of them, or where there are none. Whose threads keep most of it has a window from then on: no more
 * threads than there are at that moment. A full collection tells how much really lives: where that is still too much, the window is narrowed; as long as
 * there is room, it is widened, slowly, until it holds nobody. A heap of some megabytes fills in less time than anybody needs to see throughput fall, and V8
 * ends an isolate at its limit; so the reading decides, and not what gets done. Pure: no clock, no engine.
 *
 * Who keeps how much is known of what began, by root; nobody's future is foretold by it. A root that keeps little is never held, however many threads it has.
 */
import { Ewma } from './moments.ts';

/** Part of the limit that one thread must keep for its root to be asked about at each begin; and that all of a root's must, to be held. */
const THREAD_MIN = 0.01;
const ROOT_MIN = 0.05;
/** What a full collection that leaves too much takes of a window. */
const CUT = 0.75;
/** So far below the mark there is room for more. */
const ROOM = 0.15;
/** A window is widened by a part of it, or by one, at most so often, ms. */
const WIDER = 8;
const WIDEN_MS = 50;
/** A window that has held nobody for so long is none, ms. */
const IDLE_MS = 2000;

interface Window { max: number; changedAt: number; boundAt: number }
/** What a thread of a root keeps, and how many there were when the heap was last collected as a whole. */
interface Known { readonly bytes: Ewma; liveThen: number }

/** A root: threads that have begun and not ended. */
export interface Keeper { readonly live: number }

export class HeapBrake<R extends Keeper> {
  readonly #limit: number;
  readonly #known = new Map<R, Known>();
  readonly #windows = new Map<R, Window>();

  /** What the last full collection has left; 0: there was none. */
  #left = 0;

  /** @param limit  bytes at which the engine gives up */
  constructor(limit: number) { this.#limit = limit; }

  /** Somebody is held, or was a moment ago. */
  get isOn(): boolean { return this.#windows.size > 0; }

  /** What one that began has taken and keeps; NaN where nobody can tell. @returns whether its root is to be asked about */
  begun(root: R, bytes: number): boolean {
    let known = this.#known.get(root);
    if (known === undefined) {
      if (!(bytes >= THREAD_MIN * this.#limit)) return false;
      this.#known.set(root, known = { bytes: new Ewma(), liveThen: 0 });
    }
    known.bytes.add(bytes);
    return this.isToAsk(root);
  }
  /** Its threads keep so much that the heap is worth a look before the next. */
  isToAsk(root: R): boolean { return (this.#known.get(root)?.bytes.mean ?? 0) >= THREAD_MIN * this.#limit; }

  /** @returns whether one more thread of it may begin; one may always */
  mayBegin(root: R, nowMs: number): boolean {
    const window = this.#windows.get(root);
    if (window === undefined || root.live < window.max) return true;
    window.boundAt = nowMs;
    return root.live === 0;
  }

  /** A reading of the heap, garbage included, bytes. @param mark  part of the limit that may be used */
  read(used: number, mark: number, nowMs: number): void {
    if (used >= mark * this.#limit) { if (this.#living >= mark * this.#limit) this.#hold(nowMs); } else if (used <= (mark - ROOM) * this.#limit) this.#ease(nowMs);
    for (const [root, { boundAt }] of this.#windows) if (nowMs - boundAt > IDLE_MS) this.#windows.delete(root);
  }

  /** A full collection has left so much, bytes. */
  collected(used: number, mark: number, nowMs: number): void {
    this.#left = used;
    for (const [root, known] of this.#known) known.liveThen = root.live;
    if (used < mark * this.#limit) return;
    this.#hold(nowMs);
    for (const [root, window] of this.#windows) {
      window.max = Math.max(1, Math.floor(Math.min(window.max, root.live) * CUT));
      window.changedAt = window.boundAt = nowMs;
    }
  }

  /** Of what is read, so much lives, as far as is known: the rest is garbage, for which nobody is held. */
  get #living(): number {
    if (this.#left === 0) return Infinity;
    let bytes = this.#left;
    for (const [root, known] of this.#known) bytes += Math.max(0, root.live - known.liveThen) * known.bytes.mean;
    return bytes;
  }

  #hold(nowMs: number): void {
    let most = ROOT_MIN * this.#limit;
    let keeper: R | undefined;
    for (const [root, known] of this.#known) {
      const bytes = root.live * known.bytes.mean;
      if (bytes >= most) { most = bytes; keeper = root; }
    }
    if (keeper === undefined || this.#windows.has(keeper)) return;     // what is read is garbage as well: only a full collection tells of a window that is too wide
    this.#windows.set(keeper, { max: keeper.live, changedAt: nowMs, boundAt: nowMs });
  }

  #ease(nowMs: number): void {
    for (const [root, window] of this.#windows) {
      if (root.live < window.max || nowMs - window.changedAt < WIDEN_MS) continue;
      window.max += Math.max(1, Math.floor(window.max / WIDER));
      window.changedAt = nowMs;
    }
  }
}
