/**
 * The conductor thread's loop: passes of its parts while anything runs, sleep while nothing does. It never gives its event loop a turn, so nothing that
 * happens there can delay it; messages are taken by hand. It owns no state that others need: it may die between any two statements (roles.ts).
 */
import { conductorWord, isLive, parker, type Memory } from '@capriccio/shared';
import { sharedNow } from '@capriccio/worker';
import { BEAT_MS, type FromConductor, type Part, type ToConductor } from './part.ts';

/** All workers have slept for so long before it sleeps too, ms: a rouse costs whoever begins to work some 12 us. */
const IDLE_MS = 50;
/** Longest pause between two passes while anything runs, ms. */
const NAP_MS_MAX = 50;
/** Passes due within this are not put off, ms: a nap is rarely shorter. */
const SOON_MS = 0.3;

export interface NamedPart { readonly name: string; readonly part: Part; dueAt: number }

export interface ConductorMail {
  /** What main has sent since the last call. */
  take(): readonly ToConductor[];
  tell(message: FromConductor): void;
}

export class Conductor {
  readonly #memory: Memory;
  readonly #parts: readonly NamedPart[];
  readonly #mail: ConductorMail;
  #activeAt = 0;
  /** Who was awake at the last look: likely still. */
  #awake = 1;

  constructor(memory: Memory, parts: readonly NamedPart[], mail: ConductorMail) {
    this.#memory = memory;
    this.#parts = parts;
    this.#mail = mail;
  }

  /** Runs until its thread is ended. */
  run(): never {
    conductorWord.nudge(this.#memory);                                   // mail may have come before
    this.#activeAt = sharedNow();
    for (;;) this.#round();
  }

  #round(): void {
    const memory = this.#memory;
    if (conductorWord.wakeUp(memory)) this.#takeMail();
    conductorWord.beat(memory);
    const now = sharedNow();
    let nextAt = now + NAP_MS_MAX;
    for (const one of this.#parts) {
      if (one.dueAt <= now + SOON_MS) one.dueAt = onBeat(now, one.part.pass(now));
      if (one.dueAt < nextAt) nextAt = one.dueAt;
    }
    if (this.#isAnyoneAwake()) this.#activeAt = now;
    if (now - this.#activeAt > IDLE_MS) this.#sleep();
    else conductorWord.nap(memory, Math.max(0.05, nextAt - sharedNow()));
  }

  #sleep(): void {
    const memory = this.#memory;
    const ms = Math.min(...this.#parts.map(({ part }) => part.rest?.(sharedNow() - this.#activeAt) ?? Infinity));
    conductorWord.fallAsleep(memory);
    if (this.#isAnyoneAwake()) return;
    conductorWord.sleep(memory, ms);
    if (ms !== Infinity && conductorWord.isAsleep(memory)) { for (const one of this.#parts) one.dueAt = 0; return; }   // a look in its sleep
    this.#activeAt = sharedNow();
    for (const one of this.#parts) one.dueAt = 0;
    if (!conductorWord.isGuarded(memory)) this.#mail.tell({ part: undefined, message: 'awake' });
  }

  #isAnyoneAwake(): boolean {
    if (this.#isAwake(this.#awake)) return true;
    const { participantCount } = this.#memory.layout;
    for (let id = 1; id < participantCount; id++) {
      if (!this.#isAwake(id)) continue;
      this.#awake = id;
      return true;
    }
    return false;
  }
  #isAwake(id: number): boolean { return isLive(this.#memory, id) && parker.read(this.#memory, id) !== parker.PARKED; }

  #takeMail(): void {
    for (const { part, message } of this.#mail.take()) this.#parts.find(({ name }) => name === part)?.part.receive?.(message);
  }
}

/** When a pass is due that is to come `ms` after `now`. */
const onBeat = (now: number, ms: number): number => (ms < BEAT_MS ? now + ms : Math.round((now + ms) / BEAT_MS) * BEAT_MS);
