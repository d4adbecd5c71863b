/** Handlers of drop-in.ts. */
export default (value: number): number => value + 1;
export const echo = (value: unknown): unknown => value;
/** Works for about so many microseconds. */
export function spin(us: number): number {
  const end = performance.now() + us / 1000;
  while (performance.now() < end) { /* works */ }
  return us;
}
