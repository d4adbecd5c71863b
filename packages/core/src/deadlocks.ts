/**
 * Threads of several cores that wait for each other in a circle: by shared locks, and by calls whose tasks wait in turn. A circle within a worker
 * is found there, when its last wait begins. Here main looks while a lock is not passed on, or a worker has met a wait that leaves it by a call: it asks
 * all workers what their threads wait for, twice. What was so both times was so all the time between, for a thread that waits lets go of nothing;
 * so a circle in both answers is one.
 * Source: Chandy, Misra and Haas, Distributed deadlock detection, 1983, for what is a phantom; two equal looks are enough where waits have names.
 */
import { whereOf, type DeadlockedThread, type DeadlockReport, type ReportedWait, type WaitReport } from '@capriccio/worker';

/** How often main looks at the locks, ms. A circle is found after two looks and two answers. */
const LOOK_MS = 250;
/** While a lock is not passed on and there is no circle: how often it asks again, in looks. */
const ASK_EVERY = 3;
/** A suspicion is followed up for so many looks. */
const SUSPECT_LOOKS = 4;

export interface DeadlocksHost {
  /** Locks that somebody waits for, and who waits longest. */
  fronts(): Map<number, number>;
  /** What the threads of all participants wait for. */
  ask(): Promise<ReadonlyMap<number, WaitReport>>;
  /** Has that wait of a worker rejected, and tells of the circle. Undefined: it is only told. */
  readonly break: ((worker: number, wait: ReportedWait, threads: readonly DeadlockedThread[], message: string) => void) | undefined;
  tell(report: DeadlockReport & { worker: number }): void;
  /** The pool's runtime is that of the main thread, and finds its circles itself: a pool without cores. */
  readonly isInProcess: boolean;
}

/** A thread that waits, and its participant. */
interface Waiting { readonly worker: number; readonly wait: ReportedWait }
type Waits = ReadonlyMap<string, Waiting>;
const keyOf = (worker: number, thread: number): string => `${worker} ${thread}`;
const nameOf = ({ worker, wait }: Waiting): string => `${worker} ${wait.thread} ${wait.serial} ${wait.waitingFor}`;

export class Deadlocks {
  readonly #host: DeadlocksHost;
  readonly #timer: NodeJS.Timeout;
  #before: Map<number, number> = new Map();
  #suspicion = 0;
  #rest = 0;
  #isAsking = false;
  /** Circles that have been told of, until they are gone. */
  #told = new Set<string>();

  constructor(host: DeadlocksHost) {
    this.#host = host;
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref();
  }
  close(): void { clearInterval(this.#timer); }

  /** A worker has met a wait that may close a circle. */
  suspect(): void { this.#suspicion = SUSPECT_LOOKS; }

  #look(): void {
    const fronts = this.#host.fronts();
    const isStuck = [...fronts].some(([object, front]) => this.#before.get(object) === front);
    this.#before = fronts;
    if (this.#suspicion > 0) this.#suspicion--;
    else if (!isStuck) { this.#rest = 0; return; }
    if (this.#isAsking || this.#rest-- > 0) return;
    this.#rest = ASK_EVERY - 1;
    this.#isAsking = true;
    void this.#find().finally(() => { this.#isAsking = false; });
  }

  async #find(): Promise<void> {
    const first = waitsIn(await this.#host.ask());
    if (circlesIn(first, this.#host.isInProcess).length === 0) { this.#told.clear(); return; }
    const second = waitsIn(await this.#host.ask());
    const names = new Set(Array.from(first.waits.values(), nameOf));
    const told = new Set<string>();
    for (const circle of circlesIn(second, this.#host.isInProcess)) {
      if (!circle.every((one) => names.has(nameOf(one)))) continue;
      const name = circle.map(nameOf).toSorted().join(', ');
      told.add(name);
      if (!this.#told.has(name)) this.#report(circle);
    }
    this.#told = told;
  }

  /** The wait that is rejected is the first, one for a lock. */
  #report(circle: readonly Waiting[]): void {
    const from = Math.max(0, circle.findIndex(({ wait }) => 'object' in wait.on));
    const turned = [...circle.slice(from), ...circle.slice(0, from)];
    const threads = turned.map(({ worker, wait: { thread, name, waitingFor, site, node } }): DeadlockedThread => ({ worker, id: thread, name, waitingFor, ...node === undefined ? {} : { node }, ...site === undefined ? {} : { site } }));
    const story = threads.map((one, at) => { const next = threads[(at + 1) % threads.length] as DeadlockedThread; return `thread ${one.id} (${one.name}) of worker ${one.worker}${whereOf(one)} waits for ${one.waitingFor}, which thread ${next.id} of worker ${next.worker} has`; }).join('; ');
    const message = `threads wait for each other: ${story}; take locks in one order everywhere`;
    const { worker, wait } = turned[0] as Waiting;
    if (this.#host.break === undefined) this.#host.tell({ worker, threads, isBroken: false, stack: `CapriccioError: ${message}` });
    else this.#host.break(worker, wait, threads, message);
  }
}

interface Known { readonly waits: Waits; readonly heldBy: ReadonlyMap<number, readonly string[]>; readonly ranBy: ReadonlyMap<number, string> }

function waitsIn(reports: ReadonlyMap<number, WaitReport>): Known {
  const waits = new Map<string, Waiting>();
  const heldBy = new Map<number, string[]>();
  const ranBy = new Map<number, string>();
  for (const [worker, report] of reports) {
    for (const wait of report.waits) waits.set(keyOf(worker, wait.thread), { worker, wait });
    for (const [object, threads] of report.held) heldBy.set(object, [...heldBy.get(object) ?? [], ...threads.map((thread) => keyOf(worker, thread))]);
    for (const [slot, thread] of report.tasks) ranBy.set(slot, keyOf(worker, thread));
  }
  return { waits, heldBy, ranBy };
}

/** Circles that no worker finds by itself, one for each thread that begins one at most. The main thread's own count where they are by shared locks: its scheduler knows neither the pool's option nor its listeners. */
function circlesIn(known: Known, isInProcess: boolean): Waiting[][] {
  const found: Waiting[][] = [];
  const seen = new Set<string>();
  for (const start of known.waits.keys()) if (!seen.has(start)) {
    const circle = circleFrom(start, known, seen);
    if (circle !== undefined && !isLocal(circle, isInProcess)) found.push(circle);
  }
  return found;
}
const isLocal = (circle: readonly Waiting[], isInProcess: boolean): boolean => circle.every(({ worker, wait }) => worker === circle[0]?.worker && !('slot' in wait.on) && !wait.waitingFor.startsWith('a call') && (isInProcess || worker !== 0 || !('object' in wait.on)));

function nextOf({ worker, wait: { on } }: Waiting, { heldBy, ranBy }: Known): readonly string[] {
  if ('object' in on) return heldBy.get(on.object) ?? [];
  if ('slot' in on) return ranBy.has(on.slot) ? [ranBy.get(on.slot) as string] : [];
  return on.threads.map((thread) => keyOf(worker, thread));
}

/** Depth first, along what each waits for; a thread that has been left once is in no circle that begins later. */
function circleFrom(start: string, known: Known, seen: Set<string>): Waiting[] | undefined {
  const path: { key: string; next: string[] }[] = [];
  const enter = (key: string): void => {
    const waiting = known.waits.get(key);
    if (waiting === undefined || seen.has(key)) return;
    seen.add(key);
    path.push({ key, next: [...nextOf(waiting, known)] });
  };
  enter(start);
  for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
    const key = top.next.pop();
    if (key === undefined) { path.pop(); continue; }
    const from = path.findIndex((one) => one.key === key);
    if (from >= 0) return path.slice(from).map((one) => known.waits.get(one.key) as Waiting);
    enter(key);
  }
  return undefined;
}
