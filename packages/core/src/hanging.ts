/**
 * What hangs in a pool: the threads of all workers when somebody asks, and circles of waits that reach across them. Workers answer by their ports; a
 * thread whose call runs elsewhere is known by the slot of its task. Next: @capriccio/worker's thread-list.ts; deadlocks.ts.
 */
import { CapriccioError } from '@capriccio/shared';
import { breakWait, reportWaits, type DeadlockReport, type DeadlockToBreak, type ListedThread, type SharedObjects, type ThreadInfo, type WaitReport } from '@capriccio/worker';
import { Deadlocks } from './deadlocks.ts';
import { Inquiry, type Answer } from './inquiry.ts';

const MAIN = 0;

/** A thread of a pool. Numbers are each worker's own. */
export interface PoolThread extends ThreadInfo {
  readonly worker: number;
  /** Thread of a worker that has made the call which it runs. */
  readonly caller?: { readonly worker: number; readonly id: number };
}

export interface HangingHost {
  readonly objects: SharedObjects;
  /** A pool without cores. */
  readonly isInProcess: boolean;
  readonly deadlock: 'report' | 'break';
  /** Workers that can be asked. */
  workers(): number[];
  post(worker: number, service: string, body: unknown): void;
  tell(report: DeadlockReport & { worker: number }): void;
}

export class Hanging {
  readonly #host: HangingHost;
  readonly #threads: Inquiry<readonly ListedThread[]>;
  readonly #waits: Inquiry<WaitReport>;
  readonly #deadlocks: Deadlocks;

  constructor(host: HangingHost) {
    this.#host = host;
    const { objects } = host;
    this.#threads = new Inquiry((worker, request) => host.post(worker, 'threads', request));
    this.#waits = new Inquiry((worker, request) => host.post(worker, 'waits', request));
    this.#deadlocks = new Deadlocks({
      fronts: () => objects.lockFronts(),
      ask: async () => new Map([[MAIN, reportWaits(objects, undefined)], ...await this.#waits.ask(host.workers())]),
      break: host.deadlock === 'break' ? (worker, wait, threads, message) => this.#break(worker, { wait, threads, message }) : undefined,
      tell: (report) => host.tell(report),
      isInProcess: host.isInProcess,
    });
  }

  async threads(): Promise<PoolThread[]> { return joined(await this.#threads.ask(this.#host.workers())); }

  /** @returns false for what is none of its services */
  receive(from: number, service: string, body: unknown): boolean {
    if (service === 'threads') this.#threads.receive(from, body as Answer<readonly ListedThread[]>);
    else if (service === 'waits') this.#waits.receive(from, body as Answer<WaitReport>);
    else if (service === 'suspect') this.#deadlocks.suspect();
    else if (service === 'deadlock') this.#host.tell({ worker: from, ...body as DeadlockReport });
    else return false;
    return true;
  }
  /** A worker has died: nobody waits for it. */
  lost(worker: number): void {
    this.#threads.lost(worker);
    this.#waits.lost(worker);
  }
  close(): void { this.#deadlocks.close(); }

  /** Rejects a wait of a circle, wherever its thread is. */
  #break(worker: number, body: DeadlockToBreak): void {
    if (worker !== MAIN) { this.#host.post(worker, 'break', body); return; }
    const { wait, threads, message } = body;
    const isBroken = breakWait(this.#host.objects, undefined, wait, new CapriccioError('CAP_ERR_DEADLOCK', message));
    this.#host.tell({ worker, threads, isBroken, stack: `CapriccioError: ${message}` });
  }
}

/** The slot of a call tells which thread runs it, and which has made it. */
function joined(answers: ReadonlyMap<number, readonly ListedThread[]>): PoolThread[] {
  const callers = new Map<number, { worker: number; id: number }>();
  for (const [worker, threads] of answers) for (const { id, calls = [] } of threads) for (const slot of calls) callers.set(slot, { worker, id });
  return [...answers].flatMap(([worker, threads]) => threads.map((listed) => {
    const { calls: _calls, task = 0, ...thread } = listed;
    const caller = callers.get(task);
    return { worker, ...thread, ...caller === undefined ? {} : { caller } };
  }));
}
