/**
 * Lowers the kernel's priority of a back lane's thread, and of V8's helpers: the kernel then runs it where a front lane sleeps, and takes the processor from it
 * when one wakes. Linux has a nice value for each thread, and lowering it needs no rights; raising it again does, so a back lane is replaced and never
 * lent. Elsewhere, and where it is refused, lanes work without it: moving long work off the event loops is most of what they are worth.
 *
 * Not before the application is loaded: a lowered thread that waits for its turn holds what the process shares (the locks of its memory map and of the
 * loader), and the front lanes wait with it. With eight others competing for a core, light requests stood for seconds while a lane loaded.
 *
 * Threads that this one makes inherit it; so somebody else must have used libuv's thread pool before (core's back-lanes.ts).
 *
 * V8 has a few threads for all isolates of the process, which collect garbage and compile for whoever asks. What long work leaves them to do is long
 * work too: at the fronts' own priority they were half of what light requests waited for. A front that needs a helper itself (a collection of its
 * own) may then wait for it; that is seldom, and with four other processes at the same two cores light requests fared as before.
 */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';

/** With 19 light work fared no better and heavy work waited longer. */
const NICE = 10;

/** How node names the threads that V8 has of its platform. */
const HELPER = 'node-V8Worker';

/** Of the thread that calls, and of V8's helpers, for as long as the process lives. @returns whether it was done */
export function lowerPriority(): boolean {
  if (process.platform !== 'linux') return false;
  try {
    setPriority(Number(readlinkSync('/proc/thread-self').split('/').pop()), NICE);
    for (const thread of readdirSync('/proc/self/task')) if (nameOf(thread) === HELPER) setPriority(Number(thread), NICE);
    return true;
  } catch {
    return false;
  }
}
function nameOf(thread: string): string {
  try { return readFileSync(`/proc/self/task/${thread}/comm`, 'utf8').trim(); } catch { return ''; }   // it has ended
}
