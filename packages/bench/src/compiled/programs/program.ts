/** What the benchmark `compiled/real` measures: the exports of a program as somebody would write it, who has never heard of threads. */
export interface Program {
  /** One request, one document, one folder: what becomes a thread. The same `k` gives the same result. */
  readonly task: (k: number) => Promise<unknown>;
  /** Tasks that are under way at a time. */
  readonly WINDOW: number;
}
