/**
 * Lowers the kernel's priority of this thread, for a back lane: the kernel then runs it where a front lane sleeps, and takes the processor from it
 * when one wakes. Linux has a nice value for each thread, and lowering it needs no rights; raising it again does, so a back lane is replaced and never
 * lent. Elsewhere, and where it is refused, lanes work without it: moving long work off the event loops is most of what they are worth.
 *
 * Not before the application is loaded: a lowered thread that waits for its turn holds what the process shares (the locks of its memory map and of the
 * loader), and the front lanes wait with it. With eight others competing for a core, light requests stood for seconds while a lane loaded.
 *
 * Threads that this one makes inherit it; so somebody else must have used libuv's thread pool before (core's back-lanes.ts).
 */
import { readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';

/** With 19 light work fared no better and heavy work waited longer. */
const NICE = 10;

/** @returns whether it was done */
export function lowerPriority(): boolean {
  if (process.platform !== 'linux') return false;
  try {
    setPriority(Number(readlinkSync('/proc/thread-self').split('/').pop()), NICE);
    return true;
  } catch {
    return false;
  }
}
