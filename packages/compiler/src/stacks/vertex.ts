/** Places that hold values, as flow.ts follows them: which functions have come there, and where they go on to. Most hold nothing. */
import type { FunctionInfo } from './scopes.ts';

const NONE: readonly never[] = [];
/** Lists up to this long are searched; for longer ones there is a set beside. */
const SEARCHED_MAX = 12;

/** Told of each function that arrives; undefined: the unknown. */
export type Watcher = (arrived: FunctionInfo | undefined) => void;

export class Vertex {
  /** In the order in which they came. */
  functions: readonly FunctionInfo[] = NONE;
  isUnknown = false;
  /** More functions came than are followed, here or where they came from. */
  isFull = false;
  next: readonly Vertex[] = NONE;
  watchers: readonly Watcher[] = NONE;
  #held: Set<FunctionInfo> | undefined = undefined;
  #led: Set<Vertex> | undefined = undefined;

  /** @returns whether it was not there yet */
  hold(info: FunctionInfo): boolean {
    if (this.functions === NONE) { this.functions = [info]; return true; }
    const list = this.functions as FunctionInfo[];
    if (this.#held === undefined ? list.includes(info) : this.#held.has(info)) return false;
    list.push(info);
    if (this.#held !== undefined) this.#held.add(info); else if (list.length > SEARCHED_MAX) this.#held = new Set(list);
    return true;
  }
  /** @returns whether it did not lead there yet */
  lead(to: Vertex): boolean {
    if (this.next === NONE) { this.next = [to]; return true; }
    const list = this.next as Vertex[];
    if (this.#led === undefined ? list.includes(to) : this.#led.has(to)) return false;
    list.push(to);
    if (this.#led !== undefined) this.#led.add(to); else if (list.length > SEARCHED_MAX) this.#led = new Set(list);
    return true;
  }
  watch(watcher: Watcher): void { if (this.watchers === NONE) this.watchers = [watcher]; else (this.watchers as Watcher[]).push(watcher); }
}
