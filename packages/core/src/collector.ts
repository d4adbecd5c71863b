/**
 * How the main thread notices that calls have ended. It cannot block, so it looks at its mailbox once a turn of the event loop while that pays
 * (spin.ts: success decides), and otherwise sleeps behind Atomics.waitAsync on its park word. A pending waitAsync does not keep a process alive, so
 * a timer that never fires is ref'd while calls are outstanding.
 */
import { SpinBudget, parker, type Memory } from '@capriccio/shared';
import { sharedNow } from '@capriccio/worker';

const MAIN = 0;
/** Longest look inside a turn of the event loop, microseconds: two empty turns would take as long. */
const LINGER_US_MAX = 6;
/** A timer that only holds the event loop. */
const NEVER_MS = 2 ** 31 - 1;

export class Collector {
  readonly #memory: Memory;
  readonly #collect: () => number;
  readonly #hold = setInterval(() => { /* holds the loop while it is ref'd */ }, NEVER_MS);
  readonly #spin = new SpinBudget();
  readonly #lingering = new SpinBudget(LINGER_US_MAX);
  readonly #turn = (): void => this.#look();
  #isBusy = false;
  #reasons = 0;
  #isArmed = false;
  #isParked = false;
  #waiter: Promise<unknown> | undefined;
  #spinUs = 0;
  #spinEndsAt = 0;

  /** @param collect  settles what has come home and tells how many */
  constructor(memory: Memory, collect: () => number) {
    this.#memory = memory;
    this.#collect = collect;
    this.#hold.unref();
  }

  /** Calls have become outstanding, or none are. */
  setBusy(isBusy: boolean): void {
    this.#isBusy = isBusy;
    this.#refer();
  }

  /** Keeps the process alive for another reason: a server that is open, a close that is under way. @returns how to let go */
  keepAlive(): () => void {
    this.#reasons++;
    this.#refer();
    return () => { this.#reasons--; this.#refer(); };
  }

  #refer(): void {
    if (this.#isBusy || this.#reasons > 0) this.#hold.ref();
    else this.#hold.unref();
  }

  /** Work has been published: its answers will come, later when a worker had to be woken for it. */
  expect(hasWoken = false): void {
    if (this.#isArmed && !hasWoken) return;
    if (this.#isParked) {
      const us = this.#spin.next(hasWoken);
      if (us === 0) return;                                            // spinning does not pay: it will be woken
      this.#spinUs = us;
      this.#unpark();
    } else if (this.#spinUs === 0 || hasWoken) this.#spinUs = this.#spin.next(hasWoken);
    this.#spinEndsAt = sharedNow() + this.#spinUs / 1000;
    if (!this.#isArmed) this.#arm();
  }

  /** Stops looking, for good. */
  close(): void {
    this.#isBusy = false;
    clearInterval(this.#hold);
    this.#unpark();
  }

  #arm(): void {
    this.#isArmed = true;
    setImmediate(this.#turn);
  }

  #look(): void {
    this.#isArmed = false;
    if (this.#collect() > 0 || (this.#spinUs > 0 && this.#linger())) {
      if (this.#spinUs > 0) this.#spin.won(this.#spinUs);
      this.#spinUs = 0;
      this.#spinEndsAt = 0;
    }
    if (!this.#isBusy || this.#isArmed) return;
    if (this.#spinEndsAt === 0) {
      this.#spinUs = this.#spin.next();
      this.#spinEndsAt = this.#spinUs === 0 ? 1 : sharedNow() + this.#spinUs / 1000;
    }
    if (this.#spinUs > 0 && sharedNow() < this.#spinEndsAt) { this.#arm(); return; }
    if (this.#spinUs > 0) this.#spin.lost();
    this.#spinUs = 0;
    this.#spinEndsAt = 0;
    this.#park();
  }

  /** Looks on instead of making an empty turn of the event loop, which costs as much. @returns true when calls have come home */
  #linger(): boolean {
    const us = this.#lingering.next();
    if (us === 0) return false;
    const end = sharedNow() + us / 1000;
    do {
      if (parker.hasMail(this.#memory, MAIN)) {
        this.#lingering.won(us);
        return this.#collect() > 0;
      }
      parker.pause();
    } while (sharedNow() < end);
    this.#lingering.lost();
    return false;
  }

  #park(): void {
    parker.announce(this.#memory, MAIN, false);
    if (parker.hasMail(this.#memory, MAIN)) { parker.retract(this.#memory, MAIN); this.#arm(); return; }
    this.#isParked = true;
    if (this.#waiter !== undefined) return;                            // still armed from before
    const waiter = parker.sleepInLoop(this.#memory, MAIN);
    if (waiter === undefined) { this.#unpark(); this.#arm(); return; }
    this.#waiter = waiter;
    void waiter.then(() => {
      this.#waiter = undefined;
      if (!this.#isParked) return;
      this.#unpark();
      this.#look();
    });
  }

  #unpark(): void {
    if (!this.#isParked) return;
    this.#isParked = false;
    parker.retract(this.#memory, MAIN);
  }
}
