/** The worker's side of shared-primitives.ts: as a module of a pool, and as a bare worker that is posted to. */
import { isMainThread, parentPort, threadId, workerData } from 'node:worker_threads';
import { pool, scope } from 'capriccio/thread';

/** Has the mutex in turn with main: whoever has had it signals, and waits for the other's signal, which hands it over. */
export async function takeTurns(cells: SharedArrayBuffer, count: number): Promise<void> {
  const words = new Int32Array(cells);
  const mutex = pool().mutex('bench');
  const changed = pool().condition('bench changed', mutex);
  using held = await mutex.lock();
  void held;
  for (let turn = 0; turn < count; turn++) {
    while (words[0] !== 1) await changed.wait();
    words[0] = 0;
    changed.signal();
  }
}
export async function pong(count: number): Promise<void> {
  const [there, back] = [pool().channel<number>('there', { capacity: 1 }), pool().channel<number>('back', { capacity: 1 })];
  for (let k = 0; k < count; k++) await back.send(await there.recv() + 1);
}
export async function drain(name: string, count: number): Promise<number> {
  const channel = pool().channel<unknown>(name, { capacity: 1024, bytes: 2 ** 20 });
  let items = 0;
  for (; items < count; items++) await channel.recv();
  return items;
}

if (!isMainThread && (workerData as { isBare?: boolean } | null)?.isBare === true) {
  const port = parentPort as NonNullable<typeof parentPort>;
  let left = 0;
  port.on('message', (message: { expect: number } | { item: unknown } | number) => {
    if (typeof message === 'number') port.postMessage(message + 1);
    else if ('expect' in message) left = message.expect;
    else if (--left === 0) port.postMessage('all');
  });
}

export const where = (): number => threadId;
export const answers = (k: number): number => k + 1;
/** Has so many threads ask the worker of a key, all at a time. @returns how many were answered rightly */
export async function asksAll(count: number, key: number): Promise<number> {
  const other = pool().module<typeof import('./shared-tasks.ts')>(import.meta.url).answers.with({ affinity: key });
  let right = 0;
  await scope(async (s) => { for (let k = 0; k < count; k++) s.spawn(async () => { if (await other(k) === k + 1) right++; }); });
  return right;
}
