/**
 * What is plugged into the conductor thread: parts, each with one duty (the watch over blocked workers; merging of tables). A part is a module that
 * exports `create`; the pool names it by URL, as worker plug-ins are. Next: conductor.ts runs them.
 */
import type { Memory } from '@capriccio/shared';

/**
 * Passes that are as far apart, or farther, fall on common beats, ms: a wake-up by itself takes a processor 25 to 50 us here, and whoever has it its caches. No
 * longer, for a blocked worker is to be seen within 10 ms: a beat, and two looks more of 1.3 ms (suspicion.ts).
 */
export const BEAT_MS = 6;

export interface Part {
  /** Looks and acts; must not block. @returns after how many ms it wants its next pass, while anything runs */
  pass(nowMs: number): number;
  /** All workers have been asleep for `idleMs`. @returns after how many ms it wants a pass all the same; Infinity: only when there is work again */
  rest?(idleMs: number): number;
  /** Main has sent it something. */
  receive?(message: unknown): void;
}

export interface PartContext {
  readonly memory: Memory;
  /** What the pool gave with its URL. */
  readonly data: unknown;
  /** Sends to whoever plugged it in, on main. */
  tell(message: unknown): void;
}

/** Names the module of a part. */
export interface PartSource { readonly name: string; readonly url: string; readonly data: unknown }
/** What such a module exports. */
export interface PartModule { create(context: PartContext): Part }

/** What main tells a new conductor thread. */
export interface ConductorStart { readonly buffer: SharedArrayBuffer; readonly layout: Memory['layout']; readonly parts: readonly PartSource[] }
/** To a part. */
export interface ToConductor { readonly part: string; readonly message: unknown }
/** From a part; without one, the thread itself says that it has woken and nobody watches it. */
export interface FromConductor { readonly part: string | undefined; readonly message: unknown }
