// Contender: node:cluster, one process a core, connections handed out in turn by the primary (Node's default).
import cluster from 'node:cluster';
import type { Worker } from 'node:cluster';
import { once } from 'node:events';
import { startNodeServer } from './node-server.ts';
import { obeyDriver, ownCpuUs, reportFailure, serverArguments, tellDriver } from './protocol.ts';
import type { FromServer, PartUsage, ServerUsage } from './protocol.ts';

const replyMs = 5_000;

async function runPrimary(): Promise<void> {
  const { app, port, cores } = serverArguments();
  const workers = Array.from({ length: cores }, () => cluster.fork());
  let stopping = false;
  for (const worker of workers) {
    worker.once('exit', (code, signal) => {
      if (!stopping) reportFailure(new Error(`a process of the cluster serving ${app.pathname.split('/').pop()} ended early (${signal ?? code})`));
    });
  }
  const ports = await Promise.all(workers.map(async (worker) => (await nextMessage(worker, 'ready')).port));
  obeyDriver(async () => usageOf(workers), async () => {
    stopping = true;
    // Each worker closes by itself: one ended by the primary's exit would still be writing to a channel that is gone.
    await Promise.all(workers.filter((worker) => worker.isConnected()).map(async (worker) => {
      const exited = once(worker, 'exit');
      worker.send({ type: 'stop' });
      await exited;
    }));
  });
  tellDriver({ type: 'ready', port: ports[0] ?? port });
}

async function runWorker(): Promise<void> {
  const server = await startNodeServer(serverArguments());
  obeyDriver(
    () => ({ cpuUs: ownCpuUs(), parts: [{ name: '', busyUs: ownCpuUs(), threadsRun: server.requests }] }),
    () => server.close(),
  );
  tellDriver({ type: 'ready', port: server.port });
}

async function usageOf(workers: Worker[]): Promise<ServerUsage> {
  const own = ownCpuUs();
  const parts: PartUsage[] = await Promise.all(workers.map(async (worker, index) => {
    const reply = nextMessage(worker, 'usage');
    worker.send({ type: 'usage' });
    const { usage } = await reply;
    return { name: `process ${index + 1}`, busyUs: usage.cpuUs, threadsRun: usage.parts[0]?.threadsRun ?? 0 };
  }));
  const primary = { name: 'primary', busyUs: own, threadsRun: 0 };
  return { cpuUs: parts.reduce((sum, { busyUs }) => sum + busyUs, own), parts: [...parts, primary] };
}

type MessageOf<T extends FromServer['type']> = Extract<FromServer, { type: T }>;

async function nextMessage<T extends FromServer['type']>(worker: Worker, type: T): Promise<MessageOf<T>> {
  const signal = AbortSignal.timeout(type === 'ready' ? 6 * replyMs : replyMs);
  for (;;) {
    const [message] = (await once(worker, 'message', { signal })) as [FromServer];
    if (message.type === 'failed') throw new Error(message.message);
    if (message.type === type) return message as MessageOf<T>;
  }
}

try {
  await (cluster.isPrimary ? runPrimary() : runWorker());
} catch (error) {
  reportFailure(error);
}
