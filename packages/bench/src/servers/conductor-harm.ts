/**
 * Harm to the conductor thread of this process's pool, at SIGUSR2: `dead` ends it, and each of the next as it comes, until six seconds have passed; `stalled` stops it
 * where it stands, by the debugger, until the pool finds that it stands still and replaces it, or five seconds have passed. Next: conductor.ts.
 */
import { Session } from 'node:inspector/promises';
import type { Worker } from 'node:worker_threads';

const STALL_MS = 5000;
/** Young deaths in a row: the pauses behind them grow from 0.1 s to 3.2. */
const DEATHS = 6;

const isConductor = (name: string | null): boolean => name?.endsWith('-cond') === true;
const report = (error: unknown): void => { console.error(error); process.exitCode = 1; };

/** Before the pool is made. */
export async function obeyHarm(harm: string): Promise<void> {
  if (harm === 'dead') obeyDeath();
  else if (harm === 'stalled') await obeyStall();
  else if (harm === 'none') process.on('SIGUSR2', () => { /* the side to compare with */ });
  else throw new TypeError(`BENCH_CONDUCTOR is dead, stalled or none, not ${harm}`);
}

function obeyDeath(): void {
  let left = 0;
  let thread: Worker | undefined;
  process.on('worker', (worker: Worker) => {
    if (!isConductor(worker.threadName)) return;
    thread = worker;
    if (left-- > 0) void worker.terminate();
  });
  process.on('SIGUSR2', () => {
    left = DEATHS - 1;
    void thread?.terminate();
  });
}

async function obeyStall(): Promise<void> {
  const session = new Session();
  session.connect();
  let conductor: string | undefined;
  session.on('NodeWorker.attachedToWorker', ({ params: { sessionId, workerInfo } }) => { if (isConductor(workerInfo.title)) conductor = sessionId; });
  await session.post('NodeWorker.enable', { waitForDebuggerOnStart: false });
  const send = (id: number, method: string): void => {
    if (conductor === undefined) throw new Error('no conductor thread has come');
    session.post('NodeWorker.sendMessageToWorker', { sessionId: conductor, message: JSON.stringify({ id, method }) }).catch(report);
  };
  process.on('SIGUSR2', () => {
    send(1, 'Debugger.enable');
    send(2, 'Debugger.pause');
    const stalled = conductor;
    setTimeout(() => { if (conductor === stalled) send(3, 'Debugger.resume'); }, STALL_MS).unref();
  });
}
