/**
 * What a run of one question has found, besides what it has printed: rounds of every side, tables, goals, drawings. `--json`, the report and the
 * comparison of two revisions are made of it. One question runs at a time in a process (main.ts), so one journal is open.
 */
export interface SeriesRecord {
  /** What was measured: unique within a question. */
  readonly label: string;
  readonly side: string;
  readonly unit: string;
  readonly better: 'higher' | 'lower';
  /** A figure a round. */
  readonly rounds: readonly number[];
}
/** A goal of the project and what was found. `isMet` undefined: a figure without a goal. */
export interface Finding { readonly what: string; readonly figure: string; readonly goal: string; readonly isMet: boolean | undefined }
interface TableRecord { readonly head: readonly string[]; readonly rows: readonly (readonly string[])[] }
/** SVG text. */
interface DrawingRecord { readonly name: string; readonly title: string; readonly svg: string }

export interface QuestionRecord {
  readonly series: SeriesRecord[];
  readonly tables: TableRecord[];
  readonly drawings: DrawingRecord[];
  /** Sentences for the report. */
  readonly notes: string[];
  findings: readonly Finding[];
}

export const emptyRecord = (): QuestionRecord => ({ series: [], tables: [], drawings: [], notes: [], findings: [] });

/** The record of the question that runs in this process. */
export const journal: QuestionRecord = emptyRecord();

/** Tells the reader of the output and of the report something. */
export function note(text: string): void {
  console.log(text);
  journal.notes.push(text);
}
