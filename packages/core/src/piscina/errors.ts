/** What piscina says when a task cannot be taken or does not end. */
export const terminated = (): Error => new Error('Terminating worker thread');
export const filenameMissing = (): Error => new Error('filename must be provided to run() or in options object');
export const queueAtLimit = (): Error => new Error('Task queue is at limit');
export const noQueue = (): Error => new Error('No task queue available and all Workers are busy');
export const closeTimedOut = (): Error => new Error('Close operation timed out');
export const exited = (code: number): Error => new Error(`worker exited with code: ${code}`);
