/**
 * The metrics of a pool as Prometheus reads them: text format 0.0.4, base units, `_total` for what only grows. Made from `pool.stats()` and
 * `pool.health()`, which read shared memory and ask nobody. The names are in docs/reference/observability.md.
 */
import type { Histogram } from 'node:perf_hooks';
import type { FunctionHistograms } from './call-book.ts';
import type { Health, PoolStats, WorkerStats } from '../pool-stats.ts';

type Labels = Readonly<Record<string, string | number>>;
interface Sample { readonly labels: Labels; readonly value: number; readonly suffix?: string }
interface Metric { readonly name: string; readonly type: 'counter' | 'gauge' | 'summary'; readonly help: string; readonly samples: readonly Sample[] }

export interface Observation {
  readonly stats: PoolStats;
  readonly health: Health;
  readonly isReady: boolean;
  readonly version: string;
  /** By route, microseconds. */
  readonly routes: ReadonlyMap<string, Histogram>;
  readonly functions: ReadonlyMap<string, FunctionHistograms>;
}

const QUANTILES = [0.5, 0.9, 0.99, 0.999];

export const metricsText = (observation: Observation): string => metricsOf(observation).map(textOf).join('');

function metricsOf({ stats, health, isReady, version, routes, functions }: Observation): Metric[] {
  const { workers, calls, memory, activations, lanes } = stats;
  const stalled = new Set(health.stalled);
  const one = (value: number): Sample[] => [{ labels: {}, value }];
  const each = (value: (worker: WorkerStats) => number): Sample[] => workers.map((worker) => ({ labels: { core: worker.id, lane: worker.lane }, value: value(worker) }));
  const metric = (type: Metric['type'], name: string, help: string, samples: readonly Sample[]): Metric => ({ name: `capriccio_${name}`, type, help, samples });
  return [
    metric('gauge', 'info', 'Versions, as labels.', [{ labels: { version, node: process.versions.node }, value: 1 }]),
    metric('gauge', 'ready', '1 when requests should be sent here.', one(isReady ? 1 : 0)),
    metric('gauge', 'cores', 'Workers that the pool keeps running.', one(stats.cores)),
    metric('gauge', 'cores_ready', 'Workers that take work.', one(health.ready)),
    metric('counter', 'cores_lost_total', 'Workers that have died.', one(stats.lost)),
    metric('gauge', 'cores_blocked', 'Workers that are blocked in the kernel, and whose place is given away.', one(activations.blocked)),
    metric('gauge', 'spares', 'Workers that stand by for blocked ones.', one(activations.spares)),
    metric('gauge', 'back_lanes', 'Workers of lower priority, for what proves long.', one(lanes.back)),
    metric('counter', 'activations_total', 'Times that a spare took the place of a blocked worker.', one(activations.activated)),
    metric('counter', 'cores_blocked_seconds_total', 'Time that workers were blocked in the kernel.', one(activations.blockedMs / 1000)),
    metric('gauge', 'core_stalled', '1 while a worker has been in one turn for over a second.', each(({ id }) => (stalled.has(id) ? 1 : 0))),
    metric('counter', 'core_busy_seconds_total', 'Processor time of a worker.', each(({ busyMs }) => busyMs / 1000)),
    metric('counter', 'core_sleep_seconds_total', 'Time that a worker had nothing to do and slept or looked for work.', each(({ sleptMs }) => sleptMs / 1000)),
    metric('counter', 'core_sleeps_total', 'Times that a worker went to sleep.', each(({ sleeps }) => sleeps)),
    metric('counter', 'tasks_begun_total', 'Tasks and requests begun.', each(({ threadsRun }) => threadsRun)),
    metric('counter', 'tasks_finished_total', 'Calls that ended with a result.', each(({ finished }) => finished)),
    metric('counter', 'tasks_failed_total', 'Calls that ended with an error.', each(({ failed }) => failed)),
    metric('gauge', 'threads', 'Threads that have begun and not ended.', each(({ threads }) => threads)),
    metric('gauge', 'run_queue_length', 'Threads that could run and wait for their turn.', each(({ runnable }) => runnable)),
    metric('gauge', 'tasks_queued', 'Tasks that a worker has and has not begun.', each(({ queued }) => queued)),
    metric('gauge', 'connections', 'Open connections of served apps.', each(({ connections }) => connections)),
    metric('counter', 'calls_made_total', 'Calls from the main thread.', one(calls.made)),
    metric('counter', 'calls_ended_total', 'Of these, those that have ended.', one(calls.ended)),
    metric('gauge', 'calls_outstanding', 'Calls from the main thread that have not ended.', one(calls.outstanding)),
    metric('gauge', 'calls_waiting', 'Of these, those that wait for shared memory or a worker.', one(calls.waiting)),
    metric('counter', 'refused_total', 'Requests and calls refused at arrival, for they could not have begun in time.', [{ labels: { what: 'request' }, value: stats.refused.requests }, { labels: { what: 'call' }, value: stats.refused.calls }]),
    metric('counter', 'root_refused_total', 'The same by route or function.', Object.entries(stats.refused.byRoot).map(([root, value]) => ({ labels: { root }, value }))),
    metric('counter', 'requests_expired_total', 'Requests that were taken, and then not served before their deadlines.', Object.entries(stats.expired.byRoute).map(([route, value]) => ({ labels: { route }, value }))),
    metric('gauge', 'arena_bytes', 'Shared memory reserved; untouched pages cost nothing.', one(memory.arenaBytes)),
    metric('gauge', 'arena_slots_free', 'Tasks that the main thread could publish now.', one(memory.slotsFree)),
    metric('gauge', 'arena_payload_bytes', 'Shared memory of the main thread that is used for arguments.', one(memory.payloadBytes)),
    metric('summary', 'request_duration_seconds', 'From a request to its answer, all cores together, since the start.', [...routes].flatMap(([route, times]) => summaryOf({ route }, times))),
    metric('summary', 'call_duration_seconds', 'From the call of a remote function to its end, on every core, since calls are measured.', [...functions].flatMap(([name, { all }]) => summaryOf({ function: name }, all))),
    metric('counter', 'call_errors_total', 'Of these, those that rejected.', [...functions].map(([name, { failed }]) => ({ labels: { function: name }, value: failed.count }))),
  ];
}

function summaryOf(labels: Labels, times: Histogram): Sample[] {
  const seconds = (microseconds: number): number => microseconds / 1e6;
  return [
    ...times.count === 0 ? [] : QUANTILES.map((quantile) => ({ labels: { ...labels, quantile }, value: seconds(times.percentile(quantile * 100)) })),
    { labels, value: times.count === 0 ? 0 : seconds(times.mean * times.count), suffix: '_sum' },
    { labels, value: times.count, suffix: '_count' },
  ];
}

function textOf({ name, type, help, samples }: Metric): string {
  if (samples.length === 0) return '';
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...samples.map(({ labels, value, suffix = '' }) => `${name}${suffix}${labelsOf(labels)} ${value}`), ''].join('\n');
}

function labelsOf(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(String(value))}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}
const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
