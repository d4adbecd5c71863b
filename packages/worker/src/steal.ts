/**
 * Whom to rob, and of what: published hints of all participants, by root. A look costs one load a participant as long as nothing new has been
 * published; what it finds is kept as sources (a ring of a victim, and the root of its next hint) until they turn out empty.
 */
import { isLive, lanes, makeClaims, peek, publishedCount, take, waiting, type Claims, type Memory } from '@capriccio/shared';
import type { Root } from './run-queues.ts';

interface Source { readonly victim: number; readonly ring: number; root: Root }

/** Most tasks claimed at a time: what is claimed cannot be stolen. */
const CLAIMS_MAX = 16;

export class Taker {
  readonly claims: Claims = makeClaims(CLAIMS_MAX);
  readonly #memory: Memory;
  readonly #me: number;
  readonly #rootOf: (slot: number) => Root;
  readonly #activate: (root: Root) => void;
  readonly #sources: Source[] = [];
  readonly #open: Uint8Array;
  /** What each victim had published when nothing of it was left. */
  readonly #exhaustedAt: Int32Array;
  #first: number;
  /** Takes what others have published, and not its own only. */
  #takesWork = true;
  readonly #isBackLane: boolean;
  /** The rings that it takes from: a front lane's end where those of back lanes begin, unless there is no back lane to be had. */
  #ringFrom = 0;
  #ringTo: number;

  /** @param rootOf  the root of the task in a slot; @param activate  called when a root gets a source */
  constructor(memory: Memory, me: number, rootOf: (slot: number) => Root, activate: (root: Root) => void, isBackLane = false) {
    this.#memory = memory;
    this.#isBackLane = isBackLane;
    const { ringCount, backRingCount } = memory.layout;
    this.#ringTo = isBackLane ? ringCount : ringCount - backRingCount;
    if (isBackLane) this.#ringFrom = ringCount - backRingCount;
    this.#me = me;
    this.#rootOf = rootOf;
    this.#activate = activate;
    this.#open = new Uint8Array(memory.layout.participantCount * memory.layout.ringCount);
    this.#exhaustedAt = new Int32Array(memory.layout.participantCount).fill(-1);
    this.#first = me;
  }

  /** Looks at every live participant, its own rings first, then from another victim each time. */
  look(): void {
    const { participantCount } = this.#memory.layout;
    if (!this.#isBackLane && this.#ringTo !== this.#memory.layout.ringCount && lanes.stateOfLanes(this.#memory) === lanes.UNAVAILABLE) this.#takeAll();
    this.#lookAt(this.#me);
    if (!this.#takesWork) return;
    this.#first = (this.#first + 1) % participantCount;
    for (let k = 0; k < participantCount; k++) {
      const victim = (this.#first + k) % participantCount;
      if (victim !== this.#me && isLive(this.#memory, victim)) this.#lookAt(victim);
    }
  }

  /** From now on it takes what others have published, or leaves it to them: only what it has published itself it must still see to. */
  setTakesWork(isSo: boolean): void {
    if (this.#takesWork === isSo) return;
    this.#takesWork = isSo;
    if (isSo) return;
    for (let k = this.#sources.length - 1; k >= 0; k--) if ((this.#sources[k] as Source).victim !== this.#me) this.#close(k);
    this.#exhaustedAt.fill(-1);
  }

  /** Nobody else takes what is meant for back lanes. */
  #takeAll(): void {
    this.#ringTo = this.#memory.layout.ringCount;
    this.#exhaustedAt.fill(-1);
  }

  #lookAt(victim: number): void {
    const published = publishedCount(this.#memory, victim);
    if (published === this.#exhaustedAt[victim]) return;
    const { ringCount } = this.#memory.layout;
    let isEmpty = true;
    for (let ring = this.#ringFrom; ring < this.#ringTo; ring++) {
      if (this.#open[victim * ringCount + ring] === 1) { isEmpty = false; continue; }
      const slot = peek(this.#memory, victim, ring);
      if (slot === 0) continue;
      isEmpty = false;
      this.#open[victim * ringCount + ring] = 1;
      const source = { victim, ring, root: this.#rootOf(slot) };
      this.#sources.push(source);
      source.root.sources++;
      this.#activate(source.root);
    }
    if (isEmpty) this.#exhaustedAt[victim] = published;
  }

  /**
   * Claims up to `max` tasks from a source of `root`, into `claims`. They may be of other roots that share the ring. A back lane looks again first: what
   * was next in the ring another lane has taken meanwhile as often as not, and what comes then may be of a root whose requests take ten times as long.
   */
  take(root: Root, max: number): Claims {
    this.claims.count = 0;
    for (let k = 0; k < this.#sources.length && this.claims.count === 0; k++) {
      const source = this.#sources[k] as Source;
      if (source.root !== root) continue;
      if (this.#isBackLane) { this.#reconsider(source); if (source.root !== root) continue; }
      if (take(this.#memory, source.victim, source.ring, this.#me, Math.min(max, CLAIMS_MAX), this.claims) === 0) { this.#close(k--); continue; }
      this.#reconsider(source);
    }
    return this.claims;
  }

  /** The next hint of a shared ring may be of another root. */
  #reconsider(source: Source): void {
    const slot = peek(this.#memory, source.victim, source.ring);
    if (slot === 0) return;
    const root = this.#rootOf(slot);
    if (root === source.root) return;
    source.root.sources--;
    source.root = root;
    root.sources++;
    this.#activate(root);
  }

  #close(at: number): void {
    const source = this.#sources[at] as Source;
    source.root.sources--;
    this.#open[source.victim * this.#memory.layout.ringCount + source.ring] = 0;
    this.#sources[at] = this.#sources.at(-1) as Source;
    this.#sources.pop();
  }

  /** True when somebody shows work: the second look of who is about to sleep. */
  anyWork(): boolean {
    const { participantCount } = this.#memory.layout;
    for (let victim = 0; victim < participantCount; victim++) {
      if (!this.#takesWork && victim !== this.#me) continue;
      if (publishedCount(this.#memory, victim) === this.#exhaustedAt[victim] || (victim !== this.#me && !isLive(this.#memory, victim))) continue;
      for (let ring = this.#ringFrom; ring < this.#ringTo; ring++) if (waiting(this.#memory, victim, ring) > 0) return true;
    }
    return false;
  }
}
