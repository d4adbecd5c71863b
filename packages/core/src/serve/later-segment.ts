/**
 * The segment in which an answer is made, where that is not the first: a handler that awaits its body, a file, a query, and then computes. Compiled code
 * goes on in steps that are measured where they are taken (worker: scheduler.ts). Native code goes on in callbacks of the event loop that nobody sees
 * begin; but it is seen when the answer ends, when callbacks begin, whosever they are, and when what ran before was over: a batch, a step, another answer,
 * the arrival of a request. What the thread has used since the last of these is this segment's, and what others ran in the same callback and did not end.
 */
import type { ServerResponse } from 'node:http';
import type { LaneClock, Root, RootLane, Roots } from '@capriccio/worker';

/** An answer that is open for longer streams, or waits: to look at the clock at every piece of work for it would cost more than is learnt, ms. */
const WATCH_MS_MAX = 2000;

/**
 * Called when a request has begun and not ended: judges the segment in which it ends, and charges its root for what is seen of it here alone.
 * @param took  told what that segment took, ms, in place of a judgement
 */
export function measureLater(clock: LaneClock, roots: Roots, root: Root, lane: RootLane, res: ServerResponse, took?: (usedMs: number) => void): void {
  let isOver = false;
  const over = (stop: () => void): void => {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    stop();
  };
  const end = (): void => over(() => roots.chargeBeside(root, clock.endWatched(lane, took)));
  const timer = setTimeout(() => over(() => clock.unwatch()), WATCH_MS_MAX).unref();
  clock.watch();
  res.once('prefinish', end);                                            // the handler has called `end`, and is about to return
  res.once('close', end);
}
