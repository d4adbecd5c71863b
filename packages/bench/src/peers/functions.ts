/** What the contenders run, one set for all of them. */
export const increment = (x: number): number => x + 1;
export const size = (value: unknown): number => (ArrayBuffer.isView(value) ? value.byteLength : Array.isArray(value) ? value.length : 1);
/** Computes for `rounds` thousand steps: the same work however often it is interrupted. */
export function compute(rounds: number): number {
  let x = 2_463_534_242;
  for (let k = 0; k < rounds * 1000; k++) { x ^= x << 13; x ^= x >>> 17; x ^= x << 5; }
  return x >>> 0;
}
/** The same with an argument that has to be carried there. */
export const computeWith = ({ rounds }: { readonly rounds: number; readonly payload: unknown }): number => compute(rounds);
/** Looks at the clock until `ms` milliseconds are over, whoever has the processor meanwhile. */
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
