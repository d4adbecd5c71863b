/** System calls a request, counted by perf or strace: sixteen pipelined requests, and a file of 16 KB from the static helper. */
import { table, type Bench, type Finding } from '../harness.ts';
import { hammer } from '../load/hammer.ts';
import { counter, countSystemCalls } from '../load/system-calls.ts';
import { ServerProcess } from './server-process.ts';

const cases = [
  { name: 'pipelined, depth 16', path: '/', depth: 16, goal: 0.2 },
  { name: 'keep-alive, one at a time', path: '/', depth: 1, goal: undefined },
  { name: 'a file of 16 KB', path: '/file.txt', depth: 1, goal: 4 },
];

export const bench: Bench = async ({ cores }) => {
  if (counter === undefined) { console.log('neither perf nor strace is here: nothing is counted'); return []; }
  await using server = await ServerProcess.start(new URL('capriccio.ts', import.meta.url), { app: new URL('apps/listener.ts', import.meta.url), port: 0, cores });
  const found: Finding[] = [];
  const rows: string[][] = [];
  for (const { name, path, depth, goal } of cases) {
    const options = { port: server.port, path, connections: 32, depth, ms: 1500 };
    await hammer({ ...options, ms: 500 });
    let answers = 0;
    const counts = await countSystemCalls(server.pid, async () => { answers = await hammer(options); });
    const each = [...counts].map(([call, count]) => [call, count / answers] as const).toSorted((a, b) => b[1] - a[1]);
    const total = each.reduce((sum, [, count]) => sum + count, 0);
    rows.push([name, total.toFixed(3), each.slice(0, 5).map(([call, count]) => `${call} ${count.toFixed(3)}`).join(', ')]);
    if (goal !== undefined) found.push({ what: `system calls a request: ${name}`, figure: total.toFixed(3), goal: `≤ ${goal}`, isMet: total <= goal });
  }
  table([`counted by ${counter}`, 'calls', 'of these'], rows);
  return found;
};
