// One clock for all threads of a process: performance.now() counts from each thread's own start.

/** Microseconds from a fixed point, monotonic. */
export function nowUs(): number {
  return Number(process.hrtime.bigint()) / 1000;
}
