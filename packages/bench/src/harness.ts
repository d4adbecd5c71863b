/**
 * What every benchmark shares: sides are interleaved round by round in one process, figures are medians of rounds, and a ratio is the median of
 * the rounds' ratios with its spread, for the machine drifts. Results are checked before the clock counts.
 */
import { availableParallelism, cpus } from 'node:os';
import type { QuestionOptions } from './questions.ts';
import { journal, type Finding, type SeriesRecord } from './journal.ts';

export { note, type Finding } from './journal.ts';

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] as number : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
};

/** Processor time of this thread, us. The first call brings it up to date: by itself Linux moves it at its ticks only, 4 ms apart. */
export function threadCpuUs(): number {
  process.cpuUsage();
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

/** One contender: a figure a round. Higher is better unless the question says otherwise. */
export interface Side { readonly name: string; measure(): Promise<number> }

export interface SideResult { readonly name: string; readonly rounds: readonly number[] }

/** What a set of sides is asked: `label` tells it from the other sets of the same question. */
export type Asked = Pick<SeriesRecord, 'label' | 'unit'> & Partial<Pick<SeriesRecord, 'better'>>;

/** Measures every side once a round, in an order that turns, and enters the figures into the journal if it is told what they are. */
export async function interleave(sides: readonly Side[], rounds: number, asked?: Asked): Promise<SideResult[]> {
  const results = sides.map(({ name }) => ({ name, rounds: [] as number[] }));
  for (let round = 0; round < rounds; round++) {
    for (let k = 0; k < sides.length; k++) {
      const at = (round + k) % sides.length;
      progress(`${asked === undefined ? '' : `${asked.label}, `}round ${round + 1} of ${rounds}: ${(sides[at] as Side).name}`);
      (results[at] as { rounds: number[] }).rounds.push(await (sides[at] as Side).measure());
    }
  }
  progress('');
  if (asked !== undefined) for (const result of results) enter(asked, result);
  return results;
}

/** Enters figures that were not made by `interleave`. */
export function enter({ label, unit, better = 'higher' }: Asked, { name, rounds }: SideResult): void {
  if (journal.series.some((one) => one.label === label && one.side === name)) throw new Error(`${label}, ${name}: two series have this name`);
  journal.series.push({ label, side: name, unit, better, rounds });
}

/** `a` over `b`, round by round: median, lowest, highest. */
export function ratio(a: SideResult, b: SideResult): { median: number; low: number; high: number } {
  const ratios = a.rounds.map((value, k) => value / (b.rounds[k] as number));
  return { median: median(ratios), low: Math.min(...ratios), high: Math.max(...ratios) };
}

export const round3 = (value: number): string => (value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3));
export const showRatio = ({ median: mid, low, high }: { median: number; low: number; high: number }): string => `${round3(mid)} (${round3(low)}–${round3(high)})`;

/** Prints a table with aligned columns, and keeps it for the report. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): void {
  journal.tables.push({ head, rows });
  print(head, rows);
}

export function print(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)));
  const line = (cells: readonly string[]): string => cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] as number) : cell.padStart(widths[column] as number))).join('  ');
  console.log(line(head));
  console.log(widths.map((width) => '─'.repeat(width)).join('  '));
  for (const row of rows) console.log(line(row));
}

export function findings(list: readonly Finding[]): void {
  console.log('');
  print(['against the goal', 'figure', 'goal', ''], list.map(({ what, figure, goal, isMet }) => [what, figure, goal, isMet === undefined ? '' : isMet ? 'met' : 'not met']));
}

/** The machine, for the head of every report. */
export const machine = (): string => `Node ${process.versions.node}, ${process.platform} ${process.arch}, ${availableParallelism()} cores of ${cpus()[0]?.model ?? 'an unknown processor'}`;

/** One line that overwrites itself on a terminal, nothing elsewhere. */
export function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001B[K${text}`);
}

/** Keeps `window` calls outstanding until `total` have ended; @returns calls a second. */
export async function drive(call: (k: number) => Promise<unknown>, window: number, total: number): Promise<number> {
  let next = 0;
  const one = async (): Promise<void> => { while (next < total) await call(next++); };
  const began = performance.now();
  await Promise.all(Array.from({ length: window }, one));
  return total / (performance.now() - began) * 1000;
}

/** Runs `call` until it has taken about `ms`: how many calls that is, for rounds of even length. */
export async function calibrate(call: (k: number) => Promise<unknown>, window: number, ms: number): Promise<number> {
  for (let total = window; ; total *= 2) {
    const began = performance.now();
    await drive(call, window, total);
    const took = performance.now() - began;
    if (took > ms / 2) return Math.max(window, Math.round(total * ms / took));
  }
}

/** A question: runs its sides, prints, enters what it finds into the journal. */
export type Bench = (options: QuestionOptions) => Promise<readonly Finding[]>;
