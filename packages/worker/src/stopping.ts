/** Stopping calls: what watches one (a signal, a deadline, the thread that made it), and what cancelling does in each state it may be in. */
import { CapriccioError, slots as slotStates, type Participant } from '@capriccio/shared';
import type { OpenCall } from './cancellable.ts';
import { cancelledError, type Call, type CallOptions } from './call.ts';
import { currentThread } from './context.ts';
import type { Settler } from './settling.ts';
import type { LocalThread } from './thread.ts';

export interface StopperHost {
  /** A cancelled call has not ended: main replaces a worker that does not react, and the call ends without a thread that cannot. */
  onCancelled(call: Call, claimer: number): void;
}

export class Stopper {
  readonly #me: Participant;
  readonly #settler: Settler;
  readonly #host: StopperHost;

  constructor(me: Participant, settler: Settler, host: StopperHost) {
    this.#me = me;
    this.#settler = settler;
    this.#host = host;
  }

  /** Watches what the options name. The watch ends with the call. */
  watch(call: Call, { signal, deadlineMs, onDeadline = 'admission' }: CallOptions): void {
    if (signal !== undefined) {
      const abort = (): void => this.cancel(call, signal.reason);
      signal.addEventListener('abort', abort, { once: true });
      alsoUnwatch(call, () => signal.removeEventListener('abort', abort));
    }
    if (deadlineMs !== undefined) {
      const timer = setTimeout(() => this.#expire(call, deadlineMs, onDeadline), deadlineMs);
      alsoUnwatch(call, () => clearTimeout(timer));
    }
  }

  /** The thread that makes the call takes it along when it is cancelled. @returns how to leave it, if there is one */
  watchParent(call: Call, promise: Promise<unknown>, isAwaited: () => boolean): (() => void) | undefined {
    const parent = currentThread();
    if (parent === undefined || call.state === 'ended') return undefined;
    const { root } = parent;
    if (root.lane !== undefined && root.name === call.target.rootName) root.lane.isForked = true;
    const child = new ChildCall(this, call, parent, promise, isAwaited);
    parent.addChild(child);
    alsoUnwatch(call, child.leave);
    return child.leave;
  }

  #expire(call: Call, deadlineMs: number, mode: 'admission' | 'cancel'): void {
    if (call.state === 'ended' || (mode === 'admission' && this.hasBegun(call))) return;
    this.cancel(call, new CapriccioError('CAP_ERR_DEADLINE', `the call of ${call.target.label} did not ${mode === 'cancel' ? 'end' : 'begin'} within ${deadlineMs} ms; raise deadlineMs, or let the load shrink`));
  }

  hasBegun(call: Call): boolean {
    if (call.state === 'running-here') return true;
    if (call.slot === 0) return false;
    const state = slotStates.stateOf(slotStates.loadState(this.#me.memory.words, call.slot));
    return state >= slotStates.RUNNING && state <= slotStates.FAILED;
  }

  /** Stops a call: at once if it has not begun; else its thread is asked, and the call ends with it. */
  cancel(call: Call, reason: unknown): void {
    if (call.state === 'ended' || call.stoppedBy !== undefined) return;
    const error = cancelledError(call.target, reason);
    call.stoppedBy = error;
    if (call.state === 'running-here') {
      call.thread?.cancel(error);
      this.#host.onCancelled(call, this.#me.id);
    } else if (call.slot === 0) this.#settler.fail(call, error);         // waiting, private, or home and only its result still to arrive
    else this.#cancelSlot(call, error);
  }

  #cancelSlot(call: Call, error: CapriccioError): void {
    const { words } = this.#me.memory;
    switch (slotStates.cancel(words, call.slot)) {
      case 'withdrawn':
        this.#settler.release(call, true);
        this.#settler.fail(call, error);
        break;
      case 'asked': {
        const claimer = slotStates.claimerOf(slotStates.loadState(words, call.slot));
        this.#me.askToLook(claimer);
        if (call.options?.isPatient !== true) this.#host.onCancelled(call, claimer);
        break;
      }
      case 'revoked': this.#settler.abandon(call, error); break;        // it never begins; its slot comes home when its taker gets to it
      default:                                                          // ended: it is on its way home
    }
  }
}

/**
 * A call as the thread that made it sees it. A class, for an object literal with a getter has a hidden class of its own each time it is made, and
 * hidden classes live in the old generation: all that the getter reaches would outlive every scavenge.
 */
class ChildCall implements OpenCall {
  readonly #stopper: Stopper;
  readonly #call: Call;
  readonly #isAwaited: () => boolean;
  readonly #parent: LocalThread;
  readonly promise: Promise<unknown>;
  readonly leave: () => void;

  constructor(stopper: Stopper, call: Call, parent: LocalThread, promise: Promise<unknown>, isAwaited: () => boolean) {
    this.#stopper = stopper;
    this.#call = call;
    this.#isAwaited = isAwaited;
    this.promise = promise;
    this.#parent = parent;
    this.leave = () => parent.removeChild(this);
  }

  get isAwaited(): boolean { return this.#isAwaited(); }
  get what(): string { return `a call of ${this.#call.target.label}`; }
  get slot(): number { return this.#call.slot; }
  get thread(): LocalThread | undefined { return this.#call.thread; }
  cancel(reason?: unknown): void {
    if (this.isAwaited) this.#call.outlived = () => this.#parent.wasNotTold();
    this.#stopper.cancel(this.#call, reason);
  }
}

function alsoUnwatch(call: Call, undo: () => void): void {
  const before = call.unwatch;
  call.unwatch = before === undefined ? undo : () => { before(); undo(); };
}
