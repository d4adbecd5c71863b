/**
 * Calls that threads of this worker make: private until somebody is hungry. The newest runs here first (what has begun ends before more begins),
 * the oldest is exported, for it is likely the root of most work. An export costs a slot and a block; a call that stays costs an object.
 * Source: the split deque of work stealing (Acar, Charguéraud, Rainey, PPoPP 2013: private deques, work handed over on request).
 */
import { parker, type Participant } from '@capriccio/shared';
import type { Call } from './call.ts';
import type { Caller } from './caller.ts';
import type { Executor } from './executor.ts';
import type { Functions } from './functions.ts';
import type { Entry, Root } from './run-queues.ts';
import type { Scheduler } from './scheduler.ts';

/** Hints that are kept visible: one for each who is idle, up to so many, and one always, for whoever becomes idle during a long segment. */
const VISIBLE_MAX = 8;

class ChildEntry implements Entry {
  readonly root: Root;
  readonly call: Call;
  readonly #begin: (entry: ChildEntry) => void;
  constructor(root: Root, call: Call, begin: (entry: ChildEntry) => void) {
    this.root = root;
    this.call = call;
    this.#begin = begin;
  }
  begin(): void { this.#begin(this); }
}

export class ChildCalls {
  readonly #me: Participant;
  readonly #scheduler: Scheduler;
  readonly #executor: Executor;
  readonly #caller: Caller;
  readonly #functions: Functions;
  /** Not in the context of the thread that made the call. */
  readonly #begin: (entry: ChildEntry) => void;
  #shown: Call | undefined;

  constructor(me: Participant, scheduler: Scheduler, executor: Executor, caller: Caller, functions: Functions) {
    this.#me = me;
    this.#scheduler = scheduler;
    this.#executor = executor;
    this.#caller = caller;
    this.#functions = functions;
    this.#begin = (entry) => this.#run(entry.call);
  }

  /** Takes a private call. */
  add(call: Call): void {
    const { root } = this.#functions.named(call.target.name);
    root.children.push(new ChildEntry(root, call, this.#begin));
    this.#scheduler.roots.activate(root);
    if (!this.#isShowing()) this.#export(root, 1);                        // its spawner may go on computing for long
    else this.#feed(root, parker.hungryCount(this.#me.memory));
    this.#scheduler.arm();
  }

  /** The call that was exported last is still there to be taken. */
  #isShowing(): boolean { return this.#shown !== undefined && this.#caller.isUntaken(this.#shown); }

  #run(call: Call): void {
    if (call.state !== 'private') return;                               // cancelled before it began
    if (this.#executor.tryBeginHere(call)) return;
    void this.#executor.beginHere(call);
  }

  /** Between batches: shows the oldest of each root, more to who is idle, as long as one is left for this worker. */
  share(): void {
    const { active } = this.#scheduler.roots;
    if (!active.some((root) => root.children.length > 1)) return;
    const hungry = parker.hungryCount(this.#me.memory);
    if (hungry === 0 && this.#isShowing()) return;
    for (const root of active) {
      if (root.children.length <= 1) continue;
      if (hungry > 0) this.#feed(root, hungry);
      else this.#export(root, 1);
    }
  }

  /** Shows enough for all who are idle. */
  #feed(root: Root, hungry: number): void {
    if (hungry > 0) this.#export(root, Math.min(hungry + 1, VISIBLE_MAX) - this.#me.rings.visible());
  }

  #export(root: Root, count: number): void {
    for (let left = count; left > 0; left--) {
      const entry = root.children.shift() as ChildEntry | undefined;
      if (entry === undefined) break;
      if (entry.call.state !== 'private') continue;
      if (!this.#caller.tryPublish(entry.call)) { root.children.unshift(entry); break; }
      this.#shown = entry.call;
    }
    this.#me.publish();
  }
}
