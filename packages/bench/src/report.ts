/** The report of a run: Markdown with drawings beside it. Where a peer is ahead, and what falls short of a goal, comes first. Pure but for `writeReport`. */
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

/** Sides in the questions of peers that are none: a bound, or ours in another way. */
const NO_PEERS = new Set(['divided evenly beforehand', 'the same thread', 'in place', 'without']);

/** Rows for each peer whose median is better than ours: than that of our side with the same words after the last comma, or else of the first side. Furthest ahead first. */
export function peersAhead(answers: readonly Answer[]): string[][] {
  const found = answers.filter(({ name }) => name.startsWith('peers/') || name.startsWith('servers/')).flatMap(({ name, record }) => [...byLabel(record.series)].flatMap(([label, [ours, ...others]]) => {
    if (ours === undefined) return [];
    const own = NO_PEERS.has(ours.side) ? others.shift() : ours;
    if (own === undefined) return [];
    const [product = ''] = own.side.split(',');
    return others.filter(({ side }) => !NO_PEERS.has(side) && !side.startsWith(product)).map((other) => {
      const alike = others.find(({ side }) => side === `${product},${other.side.slice(other.side.lastIndexOf(',') + 1)}`) ?? own;
      const [a, b] = [median(alike.rounds), median(other.rounds)];
      return { ahead: own.better === 'higher' ? b / a : a / b, cells: [`${name}: ${label}`, other.side, `${round3(b)} ${own.unit}`, `${round3(a)} ${own.unit}`] };
    });
  }));
  return found.filter(({ ahead }) => ahead > 1).toSorted((a, b) => b.ahead - a.ahead).map(({ ahead, cells }) => [...cells, `${round3(ahead)} x`]);
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
  const ahead = peersAhead(answers);
  if (ahead.length > 0) parts.push(`## Where a peer is ahead (${ahead.length})`, tableText(['question', 'peer', 'its median', 'ours', 'ahead'], ahead));
  parts.push(`## Short of a goal (${short.length} of ${short.length + met.length})`, short.length > 0 ? findingRows(short) : 'None.');
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
