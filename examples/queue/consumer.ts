// Takes jobs from the queue and runs each on some core. The main thread only waits, so it renews the jobs' locks in time, however long they compute.
import { Worker } from 'bullmq';
import { createPool } from 'capriccio';
import { CANCELLED, QUEUE, connect, type Asked, type Counted } from './queue.ts';

const pool = await createPool();
const work = pool.module<typeof import('./work.ts')>(new URL('./work.ts', import.meta.url));

const [connection, cancellations] = [connect(), connect()];
const worker = new Worker<Asked, Counted>(QUEUE, async (job, _, signal) => {
  let primes = 0;
  for await (const step of work.countPrimes.with(signal === undefined ? {} : { signal })(job.data.limit)) {
    primes = step.primes;
    await job.updateProgress(step.done);
  }
  return { primes, by: process.pid };
}, { connection, concurrency: pool.cores, lockDuration: Number(process.env['LOCK_MS'] ?? 30_000) });
worker.on('error', (error) => { console.error(error.message); });

await cancellations.subscribe(CANCELLED);
cancellations.on('message', (_, id) => { worker.cancelJob(id, 'nobody waits for it any more'); });

/** What has begun ends here; the rest stays in the queue, for others. */
process.once('SIGTERM', () => {
  void (async () => {
    await worker.close();
    await pool.close();
    for (const client of [connection, cancellations]) client.disconnect();   // BullMQ closes only those that it has made
  })();
});
await worker.waitUntilReady();
console.log('ready');
