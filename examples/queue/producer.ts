// Puts jobs in the queue and prints what comes of them: node producer.ts 100000 200000 …
import { Queue, QueueEvents } from 'bullmq';
import { QUEUE, connect, type Asked, type Counted } from './queue.ts';

const connections = [connect(), connect()] as const;
const queue = new Queue<Asked, Counted>(QUEUE, { connection: connections[0] });
const events = new QueueEvents(QUEUE, { connection: connections[1] });
await events.waitUntilReady();

const jobs = await queue.addBulk(process.argv.slice(2).map((limit) => ({ name: 'count', data: { limit: Number(limit) } })));
for (const job of jobs) {
  const { primes, by } = await job.waitUntilFinished(events);
  console.log(JSON.stringify({ limit: job.data.limit, primes, by }));
}
await events.close();
await queue.close();
for (const client of connections) client.disconnect();
