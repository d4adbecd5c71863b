/** What a run comes to: figures by class and over all. */
import type { ClassCounts, Machine } from './machine.ts';

export interface ClassFigures { readonly name: string; readonly offeredPerS: number; readonly okPerS: number; readonly okShare: number; readonly late: number; readonly refused: number; readonly dropped: number; readonly lost: number; readonly p50: number; readonly p99: number; readonly delay50: number; readonly delay99: number; readonly refusalMs: number }
export interface Figures {
  readonly classes: readonly ClassFigures[];
  /** Processor time of answers in time, part of the machine. */
  readonly work: number;
  readonly wasted: number;
  readonly use: number;
  readonly okPerS: number;
  /** Peak of memory, part of the limit as it was at the end. */
  readonly memoryPeak: number;
  readonly stationPerS: number;
}

const percentile = (sorted: readonly number[], part: number): number => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? NaN;

function figuresOf(counts: ClassCounts, seconds: number): ClassFigures {
  const latencies = counts.latencies.toSorted((a, b) => a - b);
  const delays = counts.delays.toSorted((a, b) => a - b);
  return {
    name: counts.name, offeredPerS: counts.offered / seconds, okPerS: counts.ok / seconds, okShare: counts.ok / Math.max(1, counts.offered),
    late: counts.late, refused: counts.refused, dropped: counts.dropped, lost: counts.lost,
    p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99), delay50: percentile(delays, 0.5), delay99: percentile(delays, 0.99),
    refusalMs: counts.refusalMs / Math.max(1, counts.refused + counts.dropped),
  };
}

export function report(machine: Machine): Figures {
  const { seconds, warmUp, cores } = machine.options;
  const span = seconds - warmUp;
  const sum = (of: (counts: ClassCounts) => number): number => machine.counts.reduce((total, counts) => total + of(counts), 0);
  return {
    classes: machine.counts.map((counts) => figuresOf(counts, span)),
    work: sum(({ work }) => work) / 1000 / span / cores, wasted: sum(({ wasted }) => wasted) / 1000 / span / cores,
    use: machine.workers.reduce((total, { busyMs }) => total + busyMs, 0) / (seconds * 1000) / cores, okPerS: sum(({ ok }) => ok) / span,
    memoryPeak: machine.bytesPeak / machine.bytesLimit, stationPerS: (machine.station?.done ?? 0) / seconds,
  };
}
