/** Requests whose right answers the application itself has given, in this process. */
import { bodyHash } from '../load/generator.ts';
import type { PlannedRequest } from '../load/plan.ts';
import type { FetchApp } from './protocol.ts';

export async function plannedRequest(app: FetchApp, path: string, weight: number): Promise<PlannedRequest> {
  const answer = await app.fetch(new Request(`http://127.0.0.1${path}`));
  return { route: path, weight, method: 'GET', path, status: answer.status, bodyHash: bodyHash(new Uint8Array(await answer.arrayBuffer())) };
}

/** Processor time of one call of `app` in this process, ms, hot. */
export async function cpuMsOf(app: FetchApp, path: string, times: number): Promise<number> {
  const run = async (count: number): Promise<void> => { for (let k = 0; k < count; k++) await (await app.fetch(new Request(`http://127.0.0.1${path}`))).text(); };
  await run(Math.ceil(times / 4));
  const before = process.cpuUsage();
  await run(times);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / times;
}
