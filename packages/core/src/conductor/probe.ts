/** Main's side of heartbeat.ts: only the thread that made a worker may ask how much processor time it has had. */
import type { Worker } from 'node:worker_threads';
import type { Probe, ProbeAnswer } from './heartbeat.ts';

/** An isolate in JavaScript, or asleep in Atomics.wait, answers in less; one in native code does not, ms. */
const ANSWER_MS = 10;

/** Threads that have been asked and have not answered: each is asked once at a time. */
const asked = new WeakSet<Worker>();

/** Resolves with an answer, without a figure when there was none in time; with nothing when it is being asked already. Never rejects. */
export async function probeWorker(thread: Worker, probe: Probe): Promise<ProbeAnswer | undefined> {
  if (asked.has(thread)) return undefined;
  asked.add(thread);
  const began = performance.now();
  const answer = thread.cpuUsage().then(({ user, system }) => user + system, () => undefined);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => { timer = setTimeout(resolve, ANSWER_MS, undefined); });
  const cpuUs = await Promise.race([answer, late]);
  clearTimeout(timer);
  asked.delete(thread);
  // Late itself, main could not have heard an answer: that says nothing of the worker.
  return cpuUs === undefined && performance.now() - began > ANSWER_MS * 2 ? undefined : { ...probe, cpuUs, atMs: performance.now() };
}
