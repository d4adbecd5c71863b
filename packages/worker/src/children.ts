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

/** Hints that are kept visible while somebody is idle: one to take, one to come. One is always kept, for whoever becomes idle during a long segment. */
const VISIBLE_WHEN_HUNGRY = 2;

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
    else if (parker.anyoneHungry(this.#me.memory)) this.#export(root, VISIBLE_WHEN_HUNGRY - this.#me.rings.visible());
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
    const isHungry = parker.anyoneHungry(this.#me.memory);
    if (!isHungry && this.#isShowing()) return;
    for (const root of active) if (root.children.length > 1) this.#export(root, isHungry ? VISIBLE_WHEN_HUNGRY - this.#me.rings.visible() : 1);
  }

  #export(root: Root, count: number): void {
    for (let left = count; left > 0; left--) {
      const entry = root.children.shift() as ChildEntry | undefined;
      if (entry === undefined) break;
      if (entry.call.state !== 'private') continue;
      if (!this.#caller.tryPublish(entry.call)) { root.children.unshift(entry); break; }
      this.#shown = entry.call;
    }
    if (this.#me.rings.publish()) parker.offer(this.#me.memory);
  }
}
