/** The report of a run: Markdown with drawings beside it. What falls short of a goal, or behind a peer, comes first. Pure but for `writeReport`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { median, round3 } from './harness.ts';
import type { Finding, SeriesRecord } from './journal.ts';
import { drawBars } from './plot/bars.ts';
import { questions, type Answer, type QuestionOptions } from './questions.ts';

export interface Report {
  /** The machine and versions, in words. */
  readonly machine: string;
  /** ISO 8601. */
  readonly date: string;
  readonly options: QuestionOptions;
  readonly answers: readonly Answer[];
}

const cell = (text: string): string => text.replaceAll('|', '\\|');
const row = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;
const tableText = (head: readonly string[], rows: readonly (readonly string[])[]): string => [row(head), row(head.map((_, k) => (k === 0 ? '---' : '---:'))), ...rows.map(row)].join('\n');

/** Whether a figure can be drawn beside the others of its label. */
const byLabel = (series: readonly SeriesRecord[]): Map<string, SeriesRecord[]> => Map.groupBy(series, ({ label }) => label);

/** Names of files in a report are those of their questions. */
const fileName = (question: string, suffix: string): string => `${question.replaceAll('/', '-')}-${suffix}`.toLowerCase().replaceAll(/[^a-z0-9-]+/g, '-').slice(0, 80).replace(/-+$/, '');

/** All drawings of a question: its own, and bars for its series. */
export function drawings({ name, record }: Answer): { file: string; title: string; svg: string }[] {
  const own = record.drawings.map((drawing) => ({ file: `${fileName(name, drawing.name)}.svg`, title: drawing.title, svg: drawing.svg }));
  if (record.series.length === 0) return own;
  const groups = [...byLabel(record.series)].map(([label, series]) => ({
    label: `${label}, ${(series[0] as SeriesRecord).unit}`,
    bars: series.map(({ side, rounds }) => ({ name: side, value: median(rounds), low: Math.min(...rounds), high: Math.max(...rounds) })),
  }));
  const title = `${name}: medians, least and most of the rounds`;
  return [...own, { file: `${fileName(name, 'sides')}.svg`, title, svg: drawBars({ title, groups }) }];
}

const findingRows = (list: readonly (Finding & { name: string })[]): string => tableText(['question', 'figure', 'goal', 'command'], list.map(({ what, figure, goal, name }) => [what, figure, goal, `\`npm run bench -- ${name}\``]));

export function reportText({ machine, date, options, answers }: Report): string {
  const all = answers.flatMap(({ name, record }) => record.findings.map((finding) => ({ ...finding, name })));
  const short = all.filter(({ isMet }) => isMet === false);
  const met = all.filter(({ isMet }) => isMet === true);
  const plain = all.filter(({ isMet }) => isMet === undefined);
  const failed = answers.filter(({ failure }) => failure !== undefined);
  const parts = [
    '# Benchmarks',
    `${machine}\n${date}; workers ${options.cores}, rounds ${options.rounds}${options.quick ? ', quick' : ''}. Each question ran in a process of its own; sides are interleaved, figures are medians of the rounds, ratios medians of the rounds' ratios with their least and most.`,
  ];
  if (failed.length > 0) parts.push('## Not answered', tableText(['question', 'why'], failed.map(({ name, failure = '' }) => [name, failure])));
  parts.push(`## Short of a goal, or behind a peer (${short.length} of ${short.length + met.length})`, short.length > 0 ? findingRows(short) : 'None.');
  if (met.length > 0) parts.push('## Met', findingRows(met));
  if (plain.length > 0) parts.push('## Without a goal', findingRows(plain));
  for (const answer of answers) {
    const { name, record, ms } = answer;
    parts.push(`## ${name}`, `${questions[name]?.what ?? ''} (${round3(ms / 1000)} s)`, ...record.notes, ...record.tables.map(({ head, rows }) => tableText(head, rows)), ...drawings(answer).map(({ file, title }) => `![${title}](${file})`));
  }
  return `${parts.join('\n\n')}\n`;
}

/** Writes report.md, report.json and the drawings. @returns where */
export function writeReport(report: Report, folder: URL): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL('report.md', folder), reportText(report));
  writeFileSync(new URL('report.json', folder), JSON.stringify(report));
  for (const answer of report.answers) for (const { file, svg } of drawings(answer)) writeFileSync(new URL(file, folder), svg);
}
