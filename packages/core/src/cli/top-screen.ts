/** What `capriccio top` shows of one look, and of the change since the one before. Pure: text from figures. */
import type { GraphData } from '../graph.ts';
import type { Health, PoolStats, WorkerStats } from '../pool-stats.ts';

/** `/stats.json` of the admin port. */
export interface Look {
  readonly version: string;
  readonly node: string;
  readonly pid: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly uptimeMs: number;
  readonly ready: { readonly isReady: boolean; readonly reason: string };
  readonly health: Health;
  readonly stats: PoolStats;
  readonly routes: readonly { readonly route: string; readonly count: number; readonly meanMs: number; readonly p50Ms: number; readonly p99Ms: number }[];
  /** Absent from what an older version answers. */
  readonly functions?: readonly { readonly name: string; readonly count: number; readonly errors: number; readonly meanMs: number; readonly p50Ms: number; readonly p99Ms: number }[];
  /** `/graph.json`. */
  readonly graph?: Pick<GraphData, 'nodes' | 'edges' | 'decisions'>;
}
export type Style = (style: 'green' | 'red' | 'yellow' | 'dim' | 'bold', text: string) => string;

const BAR = 20;
/** Roots whose refusals are shown, and routes whose late requests are. */
const REFUSED_MAX = 8;
/** Nodes and decisions that are shown. */
const NODES_MAX = 8;

/** Lines of the screen, at most `rows`. */
export function topScreen(look: Look, before: Look | undefined, style: Style, rows: number = Infinity): string {
  const seconds = before === undefined ? undefined : Math.max(0.001, (look.at - before.at) / 1000);
  const lines = [head(look, style), '', ...coreLines(look, before, seconds, style), '', ...callLines(look), ...refusedLines(look, before, seconds, style), ...expiredLines(look, before, seconds, style), ...routeLines(look, before, seconds, style), ...functionLines(look, before, seconds, style), ...nodeLines(look, before, seconds, style)];
  return (lines.length > rows ? [...lines.slice(0, rows - 1), style('dim', `… ${lines.length - rows + 1} more lines`)] : lines).join('\n');
}

function head({ version, pid, uptimeMs, ready, stats, health }: Look, style: Style): string {
  const state = ready.isReady ? style(health.status === 'ok' ? 'green' : 'yellow', `ready, ${health.status}`) : style('red', `not ready: ${ready.reason}`);
  return `${style('bold', `capriccio ${version}`)}  process ${pid}, up ${duration(uptimeMs)}  ${state}  ${stats.cores === 0 ? 'in its own process' : `${health.ready} of ${stats.cores} cores`}${stats.lost === 0 ? '' : style('yellow', `, ${stats.lost} lost`)}`;
}

function coreLines({ stats, health }: Look, before: Look | undefined, seconds: number | undefined, style: Style): string[] {
  const earlier = new Map(before?.stats.workers.map((worker) => [worker.id, worker]));
  const rows = stats.workers.map((worker): string[] => {
    const last = earlier.get(worker.id);
    const busy = last === undefined || seconds === undefined ? 0 : Math.min(1, Math.max(0, (worker.busyMs - last.busyMs) / 1000 / seconds));
    const begun = last === undefined || seconds === undefined ? '–' : figure((worker.threadsRun - last.threadsRun) / seconds);
    return [String(worker.id), worker.lane, stateOf(worker, health), `${'█'.repeat(Math.round(busy * BAR)).padEnd(BAR, '░')} ${String(Math.round(busy * 100)).padStart(3)} %`,
      figure(worker.threads), figure(worker.runnable), figure(worker.queued), figure(worker.connections), begun, figure(worker.failed)];
  });
  return table(['core', 'lane', 'state', 'busy', 'threads', 'runnable', 'queued', 'connections', 'begun/s', 'failed'], rows, style);
}

function stateOf({ id, isReady, runnable, threads }: WorkerStats, { stalled }: Health): string {
  if (!isReady) return 'starting';
  if (stalled.includes(id)) return 'stalled';
  return runnable > 0 ? 'running' : threads > 0 ? 'waiting' : 'idle';
}

function callLines({ stats: { calls, memory, activations: { spares, blocked, activated } } }: Look): string[] {
  return [`${figure(spares)} standing by, ${figure(blocked)} blocked in the kernel, ${figure(activated)} activations`, `calls from main: ${figure(calls.made)} made, ${figure(calls.outstanding)} outstanding, ${figure(calls.waiting)} waiting; ${figure(memory.slotsFree)} slots free`];
}

/** What was shed, since the start and now, and what the last of each was told. */
function refusedLines({ stats: { refused } }: Look, before: Look | undefined, seconds: number | undefined, style: Style): string[] {
  const { requests, calls, byRoot, retryAfterMs } = refused;
  if (requests + calls === 0) return [];
  const rate = (root: string): number => (before === undefined || seconds === undefined ? 0 : ((byRoot[root] ?? 0) - (before.stats.refused.byRoot[root] ?? 0)) / seconds);
  const roots = Object.keys(byRoot).toSorted((a, b) => rate(b) - rate(a) || (byRoot[b] as number) - (byRoot[a] as number));
  const rows = roots.slice(0, REFUSED_MAX).map((root) => [root, figure(byRoot[root] as number), seconds === undefined ? '–' : figure(rate(root)), figure(retryAfterMs[root] ?? 0)]);
  return [style(roots.some((root) => rate(root) > 0) ? 'red' : 'yellow', `refused, for they could not have begun in time: ${figure(requests)} requests, ${figure(calls)} calls`), '', ...table(['refused', 'since the start', '/s', 'retry after ms'], rows, style)];
}

/** What was taken, and came too late. */
function expiredLines({ stats: { expired: { requests, byRoute } } }: Look, before: Look | undefined, seconds: number | undefined, style: Style): string[] {
  if (requests === 0) return [];
  const rate = (route: string): number => (before === undefined || seconds === undefined ? 0 : ((byRoute[route] ?? 0) - (before.stats.expired.byRoute[route] ?? 0)) / seconds);
  const routes = Object.keys(byRoute).toSorted((a, b) => rate(b) - rate(a) || (byRoute[b] as number) - (byRoute[a] as number));
  const rows = routes.slice(0, REFUSED_MAX).map((route) => [route, figure(byRoute[route] as number), seconds === undefined ? '–' : figure(rate(route))]);
  return [style(routes.some((route) => rate(route) > 0) ? 'red' : 'yellow', `expired, for their deadlines passed after they were taken: ${figure(requests)} requests`), '', ...table(['expired', 'since the start', '/s'], rows, style)];
}

interface Timed { readonly name: string; readonly count: number; readonly meanMs: number; readonly p50Ms: number; readonly p99Ms: number }

/** Rows of what is timed, the busiest first. @param more  further cells of one */
function timedRows<T extends Timed>(timed: readonly T[], before: readonly Timed[] | undefined, seconds: number | undefined, more: (one: T) => readonly string[] = () => []): string[][] {
  const earlier = new Map(before?.map(({ name, count }) => [name, count]));
  const rate = ({ name, count }: T): number => (seconds === undefined ? 0 : (count - (earlier.get(name) ?? 0)) / seconds);
  return timed.toSorted((a, b) => rate(b) - rate(a) || b.count - a.count)
    .map((one) => [one.name, figure(one.count), seconds === undefined ? '–' : figure(rate(one)), ...more(one), one.meanMs.toFixed(2), one.p50Ms.toFixed(2), one.p99Ms.toFixed(2)]);
}

function routeLines({ routes }: Look, before: Look | undefined, seconds: number | undefined, style: Style): string[] {
  if (routes.length === 0) return [];
  const named = (list: Look['routes']): Timed[] => list.map(({ route, ...times }) => ({ name: route, ...times }));
  return ['', ...table(['route', 'requests', '/s', 'mean ms', 'p50 ms', 'p99 ms'], timedRows(named(routes), before && named(before.routes), seconds), style)];
}

function functionLines({ functions = [] }: Look, before: Look | undefined, seconds: number | undefined, style: Style): string[] {
  if (functions.length === 0) return [];
  return ['', ...table(['function', 'calls', '/s', 'failed', 'mean ms', 'p50 ms', 'p99 ms'], timedRows(functions, before?.functions, seconds, ({ errors }) => [figure(errors)]), style)];
}

/** Time that threads take from a node to the next one, and how often they have left it: since the start. */
function totalsOf({ graph }: Look): Map<number, { readonly ms: number; readonly count: number }> {
  const totals = new Map<number, { ms: number; count: number }>();
  for (const { from, count, timeMs } of graph?.edges ?? []) {
    const { ms, count: before } = totals.get(from) ?? { ms: 0, count: 0 };
    totals.set(from, { ms: ms + count * timeMs.mean, count: before + count });
  }
  return totals;
}

/** Nodes of the blocking graph, those first that threads take the most time from, now or since the start; and what is held back, and why. */
function nodeLines(look: Look, before: Look | undefined, seconds: number | undefined, style: Style): string[] {
  const { nodes = [], decisions = [] } = look.graph ?? {};
  const [totals, earlier] = [totalsOf(look), before === undefined ? undefined : totalsOf(before)];
  const hot = nodes.map((node) => {
    const { ms = 0, count = 0 } = totals.get(node.id) ?? {};
    const was = earlier?.get(node.id);
    return { ...node, ms, count, perSecond: seconds === undefined ? 0 : (count - (was?.count ?? 0)) / seconds, share: seconds === undefined ? 0 : Math.max(0, ms - (was?.ms ?? 0)) / 1000 / seconds };
  }).filter(({ count }) => count > 0).toSorted((a, b) => b.share - a.share || b.ms - a.ms).slice(0, NODES_MAX);
  if (hot.length === 0) return [];
  const rows = hot.map(({ name, count, perSecond, share, weightMs, tickets, inUse, waiting }) => [name, figure(count), ...seconds === undefined ? ['–', '–'] : [figure(perSecond), share.toFixed(2)], weightMs.toFixed(2), figure(tickets), inUse === undefined ? '' : figure(inUse), waiting === undefined ? '' : figure(waiting)]);
  return ['', ...table(['hottest nodes', 'passages', '/s', 'busy', 'mean ms', 'tickets', 'there', 'waiting'], rows, style), ...decisions.slice(0, NODES_MAX).map(({ what, about, why }) => style('yellow', `${what} ${about}: ${why}`))];
}

function table(titles: readonly string[], rows: readonly (readonly string[])[], style: Style): string[] {
  const widths = titles.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)));
  const line = (cells: readonly string[]): string => cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] as number) : cell.padStart(widths[column] as number))).join('  ');
  return [style('dim', line(titles)), ...rows.map((row) => (row.includes('stalled') ? style('red', line(row)) : line(row)))];
}

const figure = (value: number): string => (Number.isInteger(value) || value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(1));

function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  return seconds < 120 ? `${seconds} s` : seconds < 7200 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 3600)} h ${Math.floor(seconds / 60) % 60} min`;
}
