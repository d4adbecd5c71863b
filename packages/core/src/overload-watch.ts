/**
 * Whether a pool is overloaded, as a load balancer should know it: for two seconds running more was refused than begun. A second of it is a burst, which
 * refusing is there for; and who sends requests elsewhere at every burst overloads the next. It is looked at when something is refused. Pure.
 */
const LOOK_MS = 1000;
const LOOKS = 2;

export class OverloadWatch {
  #sinceMs = -Infinity;
  #refused = 0;
  #begunBefore = 0;
  #looks = 0;
  #notedMs = -Infinity;

  /** @param begun  how much the pool has begun, ever */
  note(nowMs: number, refused: number, begun: () => number): void {
    if (nowMs - this.#notedMs > LOOK_MS) this.#restart(nowMs, begun(), 0);
    this.#notedMs = nowMs;
    this.#refused += refused;
    if (nowMs - this.#sinceMs < LOOK_MS) return;
    const now = begun();
    this.#restart(nowMs, now, this.#refused > now - this.#begunBefore ? this.#looks + 1 : 0);
  }

  #restart(nowMs: number, begun: number, looks: number): void {
    this.#sinceMs = nowMs;
    this.#refused = 0;
    this.#begunBefore = begun;
    this.#looks = looks;
  }

  isOverloaded(nowMs: number): boolean { return this.#looks >= LOOKS && nowMs - this.#notedMs <= LOOK_MS; }
}
