/** What the contenders run, one set for all of them. */
export const increment = (x: number): number => x + 1;
export const size = (value: unknown): number => (ArrayBuffer.isView(value) ? value.byteLength : Array.isArray(value) ? value.length : 1);
/** Keeps the processor busy for `ms` milliseconds. */
export function spin(ms: number): number {
  const end = performance.now() + ms;
  while (performance.now() < end);
  return ms;
}

// ---- what goes wrong: failures.ts ----

export const fails = (text: string): never => { throw new RangeError(text); };
export const exits = (code: number): never => process.exit(code);
/** Throws outside of the task, while the task waits. */
export const throwsOutside = (): Promise<never> => new Promise(() => { setTimeout(() => { throw new Error('outside of any task'); }, 10); });
/** Its result cannot be copied. */
export const uncloneable = (): unknown => () => 1;
export const loopsForEver = (): never => { for (;;); };
export const exhaustsMemory = (): never => { for (const all: unknown[] = []; ;) all.push(Array.from({ length: 100_000 }, () => ({}))); };
