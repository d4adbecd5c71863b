/**
 * The segment in which an answer is made, where that is not the first: a handler that awaits its body and then computes. Compiled code goes on in steps
 * that are measured where they are taken (worker: scheduler.ts); native code goes on in callbacks of the event loop, of which two are known: what
 * follows the first segment, and what follows the end of the body. They are measured up to the end of the answer, if that comes in the same callback
 * and nothing else has run in between: otherwise it is not known whose time it was. What computes after other waits of native code is not seen.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { cpuMs, type LaneClock, type RootLane } from '@capriccio/worker';
import { isThenable } from '../http/contain.ts';

/** Rounds of ticks and microtasks that a handler may take from the end of its body to its answer: each round is all that is queued. */
const ROUNDS = 16;

/** Calls back at the end of the present callback of the event loop, at the latest: what is queued by then runs before the loop turns. */
function afterRounds(left: number, then: () => void): void {
  if (left === 0) then();
  else process.nextTick(() => { queueMicrotask(() => { afterRounds(left - 1, then); }); });
}

/** Called inside a batch that has begun the request. */
export function measureLater(clock: LaneClock, root: RootLane, { req, res, result }: { req: IncomingMessage; res: ServerResponse; result: unknown }): void {
  let cpuAt = -1;
  let batches = 0;
  let turn = 0;
  const begin = (ownBatches: number): void => {
    cpuAt = cpuMs();
    batches = clock.batches + ownBatches;
    const mine = ++turn;
    afterRounds(ROUNDS, () => { if (turn === mine) cpuAt = -1; });
  };
  const end = (): void => {
    if (cpuAt >= 0 && clock.batches <= batches) clock.judge(root, cpuMs() - cpuAt, false);
    cpuAt = -1;
    turn = Infinity;
  };
  begin(1);                                                              // its own, which is not over
  if (!req.readableEnded) req.prependOnceListener('end', () => { if (turn !== Infinity) begin(0); });
  res.once('prefinish', end);
  if (isThenable(result)) result.then(end, end);
}
