// What `npm start` prints at the end, and what it concludes.
import { formatCounts, formatMs, formatRoutes, formatTable } from '../load/report.ts';
import type { Turn } from './contest.ts';

/** One contender's tables. */
export function formatTurn(turn: Turn, { seconds, cores }: { seconds: number; cores: number }): string {
  const { load, parts, serverCpuUs, othersCpuUs } = turn;
  const share = (us: number): string => `${((us / 1e6 / load.wallSeconds) * 100).toFixed(0)} %`;
  const partRows = parts.map(({ name, busyUs, threadsRun }) => [name, `${(busyUs / 1e6).toFixed(2)} s`, share(busyUs), String(threadsRun)]);
  const demand = (serverCpuUs + load.cpuUs) / 1e6 / load.wallSeconds;
  const lines = [
    `── ${turn.title} ${'─'.repeat(Math.max(0, 76 - turn.title.length))}`,
    formatRoutes([...load.routes, load.total], seconds),
    '',
    formatTable(['where', 'busy', 'of a core', 'threads run'], partRows),
    '',
    `CPU: server ${share(serverCpuUs)} and generator ${share(load.cpuUs)} of a core, together ${((demand / cores) * 100).toFixed(0)} % of ${cores}.`
    + (othersCpuUs === undefined ? '' : ` Other processes: ${share(othersCpuUs)} of a core.`),
    `Last answer after ${load.wallSeconds.toFixed(1)} s. Generator late by p50 ${formatMs(load.lateUs.p50 / 1000)}, p99 ${formatMs(load.lateUs.p99 / 1000)} ms; ${load.connectionsMax} connections.`,
  ];
  const { wrong, failed } = turn.warmUp;
  if (Object.keys(wrong).length + Object.keys(failed).length > 0) lines.push(`While warming up: errors ${formatCounts(failed)}, wrong ${formatCounts(wrong)}.`);
  return lines.join('\n');
}

/** The contenders side by side: one row a route. */
export function formatComparison(turns: readonly Turn[]): string {
  const routes = turns[0]?.load.routes.map(({ route }) => route) ?? [];
  const rows = [...routes, 'all'].map((name) => [name, ...turns.flatMap(({ load }) => {
    const found = name === 'all' ? load.total : load.routes.find(({ route }) => route === name);
    return found === undefined ? ['–', '–'] : [formatMs(found.latencyUs.p50 / 1000), formatMs(found.latencyUs.p99 / 1000)];
  })]);
  return formatTable(['ms', ...turns.flatMap(({ name }) => [`${name} p50`, 'p99'])], rows);
}

/**
 * Why this run has failed; empty when it has not. A wrong answer counts against anyone. What a peer could not answer in
 * time is a result of the comparison, not a failure of the run; from us every answer is due, or a 503 in its place: under more load than the
 * machine can carry (others may use it too) that is what is promised.
 */
export function failuresOf(turns: readonly Turn[]): string[] {
  return turns.flatMap(({ name, title, load, warmUp }) => {
    const wrong = sum(load.total.wrong) + sum(warmUp.wrong);
    const failed = sum(load.total.failed) + sum(warmUp.failed) - (load.total.failed[SHED] ?? 0) - (warmUp.failed[SHED] ?? 0);
    const unanswered = load.total.sent - load.total.right - sum(load.total.wrong) - sum(load.total.failed);
    return [
      ...(wrong > 0 ? [`${title}: ${wrong} answers differ from the directly computed ones`] : []),
      ...(name === 'capriccio' && failed > 0 ? [`${title}: ${failed} requests failed`] : []),
      ...(unanswered > 0 ? [`${title}: ${unanswered} requests are unaccounted for`] : []),
    ];
  });
}

/** The generator's word for a request that was refused because it could not begin in time. */
const SHED = 'status 503';

function sum(counts: Record<string, number>): number {
  return Object.values(counts).reduce((total, times) => total + times, 0);
}
