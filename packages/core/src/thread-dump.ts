/** All threads of a pool as text, as Java and Go print theirs. */
import type { PoolThread } from './hanging.ts';
import type { Health } from './pool-stats.ts';

/** `/dump.json` of the admin port. */
export interface Dump {
  readonly pid: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Workers that are in a long turn, and did not answer. */
  readonly stalled: readonly number[];
  readonly threads: readonly PoolThread[];
}

export interface Dumpable { threads(): Promise<readonly PoolThread[]>; health(): Health }

export async function takeDump(pool: Dumpable): Promise<Dump> {
  const threads = await pool.threads();
  const answered = new Set(threads.map(({ worker }) => worker));
  return { pid: process.pid, at: Date.now(), stalled: pool.health().stalled.filter((id) => !answered.has(id)), threads };
}

/** Threads that wait alike are shown up to so many, then counted. */
const ALIKE_MAX = 10;

export function dumpText({ pid, at, stalled, threads }: Dump): string {
  const shown = new Map<string, number>();
  const parts: string[] = [];
  for (const thread of threads) {
    const kind = JSON.stringify([thread.worker, thread.name, thread.root, thread.status, thread.waitingFor, thread.frames]);
    const count = (shown.get(kind) ?? 0) + 1;
    shown.set(kind, count);
    if (count <= ALIKE_MAX) parts.push(threadText(thread));
  }
  const more = [...shown].filter(([, count]) => count > ALIKE_MAX).map(([kind, count]) => {
    const [worker, name] = JSON.parse(kind) as [number, string];
    return `… and ${(count - ALIKE_MAX).toLocaleString('en')} more "${name}" of worker ${worker} like those above`;
  });
  const head = `process ${pid}, ${new Date(at).toISOString()}: ${threads.length.toLocaleString('en')} ${threads.length === 1 ? 'thread' : 'threads'}`;
  const silent = stalled.map((id) => `worker ${id} is in a long turn, and its threads are not known`);
  return [[head, ...silent].join('\n'), ...parts, ...more].join('\n\n');
}

function threadText({ name, id, worker, root, status, waitingFor = [], waitingMs, heldBy = [], frames = [], parent, caller, site }: PoolThread): string {
  const waits = status !== 'blocked' ? '' : ` for ${secondsOf(waitingMs ?? 0)} on ${waitingFor.join(', ')}${heldBy.length === 0 ? '' : `, held by ${someOf(heldBy)}`}`;
  const from = [
    ...parent === undefined ? [] : [`child of #${parent}`],
    ...caller === undefined ? [] : [`called by #${caller.id} of worker ${caller.worker}`],
    ...site === undefined ? [] : [`spawned ${site}`],
  ];
  return [`"${name}" #${id} worker ${worker} (${root}) ${status}${waits}`, ...frames.map((line) => `    at ${line}`), ...from.length === 0 ? [] : [`    ${from.join(', ')}`]].join('\n');
}

const HOLDERS_MAX = 8;
const someOf = (ids: readonly number[]): string => [...ids.slice(0, HOLDERS_MAX).map((id) => `#${id}`), ...ids.length > HOLDERS_MAX ? [`and ${ids.length - HOLDERS_MAX} more`] : []].join(', ');
const secondsOf = (ms: number): string => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);
