/**
 * Names on `node:diagnostics_channel`; what they carry is in docs/reference/observability.md. Nothing is made or published while nobody subscribes.
 */
import { channel, tracingChannel, type Channel, type TracingChannel } from 'node:diagnostics_channel';
import type { CallOptions, Caller, Target } from '@capriccio/worker';

/** What the events of a call share. */
export interface TaskMessage {
  /** `module.ts#export`. */
  readonly name: string;
  readonly url: string;
  result?: unknown;
  error?: unknown;
}

/** A call of a remote function, from where it is made to where it has ended: `tracing:capriccio.task:start`, `end`, `asyncStart`, `asyncEnd`, `error`. */
export const taskChannel: TracingChannel<TaskMessage, TaskMessage> = tracingChannel<TaskMessage, TaskMessage>('capriccio.task');
/** A worker has taken its place: `{ pool, core, replaced }`. */
export const coreReadyChannel: Channel = channel('capriccio.core.ready');
/** A worker has died: `{ pool, core, code, reason }`. */
export const coreLostChannel: Channel = channel('capriccio.core.lost');

/** A call whose beginning and end are published. */
export function traced(caller: Caller, target: Target, args: unknown[], options: CallOptions | undefined): Promise<unknown> {
  const message: TaskMessage = { name: target.label, url: target.name.slice(1).split('\n')[0] as string };
  return taskChannel.tracePromise(() => caller.call(target, args, options), message);
}
