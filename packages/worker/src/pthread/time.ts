/** Points in time, as POSIX gives them to functions that wait. */
import { EINVAL } from './errno.ts';

/** The one clock there is: wall time. */
export const CLOCK_REALTIME = 0;

export interface timespec { tv_sec: number; tv_nsec: number }

/** Writes the time of now. @returns 0, EINVAL for another clock */
export function clock_gettime(clock: number, time: timespec): number {
  if (clock !== CLOCK_REALTIME) return EINVAL;
  const now = Date.now();
  time.tv_sec = Math.floor(now / 1000);
  time.tv_nsec = (now % 1000) * 1_000_000;
  return 0;
}

/** Milliseconds until then, 0 when it is over; undefined when it is no time. */
export function msUntil({ tv_sec, tv_nsec }: Readonly<timespec>): number | undefined {
  if (!Number.isFinite(tv_sec) || !(tv_nsec >= 0 && tv_nsec < 1e9)) return undefined;
  return Math.min(Math.max(0, tv_sec * 1000 + tv_nsec / 1e6 - Date.now()), 2 ** 31 - 1);
}
