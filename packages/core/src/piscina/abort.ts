/** Abort signals as piscina takes them: an AbortSignal, any other EventTarget, or an EventEmitter that emits 'abort'. */
export type AbortSignalAny = AbortSignalEventTarget | AbortSignalEmitter;

interface AbortSignalEventTarget {
  readonly aborted?: boolean;
  readonly reason?: unknown;
  addEventListener(name: 'abort', listener: () => void, options?: { once: boolean }): void;
  removeEventListener(name: 'abort', listener: () => void): void;
}
interface AbortSignalEmitter {
  readonly aborted?: boolean;
  readonly reason?: unknown;
  once(name: 'abort', listener: () => void): unknown;
  off(name: 'abort', listener: () => void): unknown;
}

/** A task that was aborted rejects with this. */
export class AbortError extends Error {
  constructor(reason?: unknown) { super('The task has been aborted', { cause: reason }); }
  override get name(): string { return 'AbortError'; }
}

/** Calls `listener` once when it aborts. What is neither is refused in the engine's words, which name the parameter as piscina's do. @returns how to stop listening */
export function onAbort(abortSignal: AbortSignalAny, listener: () => void): () => void {
  if ('addEventListener' in abortSignal) {
    abortSignal.addEventListener('abort', listener, { once: true });
    return () => abortSignal.removeEventListener('abort', listener);
  }
  abortSignal.once('abort', listener);
  return () => abortSignal.off('abort', listener);
}
