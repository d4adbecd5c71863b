/** What a thread has started, as its cancellation meets it. Next: thread.ts. */
import type { LocalThread } from './thread.ts';

/** Whatever is cancelled with the thread that started it. */
export interface Cancellable {
  /** Somebody waits for it, most likely who started it. */
  readonly isAwaited: boolean;
  cancel(reason?: unknown): void;
}
/** A call of a remote function that a thread has made, and that has not ended. */
export interface OpenCall extends Cancellable {
  /** What gives its result. */
  readonly promise: Promise<unknown>;
  /** For listings: `a call of images.ts#resize`. */
  readonly what: string;
  /** The slot of its task; 0: it has none now. */
  readonly slot: number;
  /** The thread that runs it, when that is of this isolate. */
  readonly thread: LocalThread | undefined;
}
