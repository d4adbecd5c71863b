// Contender: worker threads of one process that listen on one port each for itself (reusePort): the kernel deals the connections out.
import { once } from 'node:events';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { startNodeServer } from './node-server.ts';
import { obeyDriver, ownCpuUs, reportFailure, serverArguments, tellDriver } from './protocol.ts';
import type { PartUsage, ServerArguments, ServerUsage } from './protocol.ts';

const replyMs = 5_000;

interface FromThread { readonly port?: number; readonly part?: PartUsage }
type ToThread = 'usage' | 'stop';
type ThreadStart = Required<Omit<ServerArguments, 'app'>> & { readonly app: string };

async function runMain(): Promise<void> {
  const { app, port, cores, keepAliveMs } = serverArguments();
  let isStopping = false;
  const threads: Worker[] = [];
  /** The first one finds a port, the others listen on the same. */
  let shared = port;
  for (let k = 0; k < cores; k++) {
    const start: ThreadStart = { app: app.href, port: shared, cores, keepAliveMs };
    const thread = new Worker(new URL(import.meta.url), { workerData: start });
    thread.on('error', reportFailure).once('exit', (code) => { if (!isStopping) reportFailure(new Error(`a thread that serves ended early (${code})`)); });
    shared = (await answerOf(thread)).port ?? shared;
    threads.push(thread);
  }
  obeyDriver(() => usageOf(threads), async () => {
    isStopping = true;
    await Promise.all(threads.map(async (thread) => { const ended = once(thread, 'exit'); thread.postMessage('stop' satisfies ToThread); await ended; }));
  });
  tellDriver({ type: 'ready', port: shared });
}

async function runThread(): Promise<void> {
  const { app, port, keepAliveMs } = workerData as ThreadStart;
  const server = await startNodeServer({ app: new URL(app), port, keepAliveMs, reusePort: true });
  const say = (message: FromThread): void => { parentPort?.postMessage(message); };
  parentPort?.on('message', (order: ToThread) => {
    if (order === 'stop') { void server.close().finally(() => { process.exit(); }); return; }
    const { user, system } = process.threadCpuUsage();
    say({ part: { name: '', busyUs: user + system, threadsRun: server.requests } });
  });
  say({ port: server.port });
}

async function answerOf(thread: Worker): Promise<FromThread> {
  const [message] = await once(thread, 'message', { signal: AbortSignal.timeout(6 * replyMs) }) as [FromThread];
  return message;
}

async function usageOf(threads: readonly Worker[]): Promise<ServerUsage> {
  const parts = await Promise.all(threads.map(async (thread, k): Promise<PartUsage> => {
    const answer = answerOf(thread);
    thread.postMessage('usage' satisfies ToThread);
    return { ...(await answer).part as PartUsage, name: `thread ${k + 1}` };
  }));
  return { cpuUs: ownCpuUs(), parts };
}

try {
  await (isMainThread ? runMain() : runThread());
} catch (error) {
  if (!isMainThread) throw error;
  reportFailure(error);
}
