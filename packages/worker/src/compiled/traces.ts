/**
 * Which callers an error has passed: frames that wait on the heap are on no native stack, so each error that rises notes where they stand.
 * Read by stack-traces.ts when the error's stack is asked for.
 */
import type { Caller, FrameStack } from './frames.ts';
import { pointAt } from './points.ts';

/** Callers on the heap that an error has passed: those above which it was thrown, and those that awaited what it came from. */
interface Passed { readonly inner: Caller | undefined; outer: Caller | undefined }

const passedBy = new WeakMap<object, Passed>();
const isError = (error: unknown): error is object => typeof error === 'object' && error !== null;

/** Notes the callers above which an error was thrown, the first time that it is seen: none, perhaps. */
export function noteCallers(error: unknown, callers: Caller | undefined): void {
  if (isError(error) && !passedBy.has(error)) passedBy.set(error, { inner: callers, outer: undefined });
}

/** An error is thrown into a waiting frame: it came from what the frame awaits. */
export function noteFrame(error: unknown, { frame, point, callers }: FrameStack): void {
  if (point <= 0 || frame === undefined || !isError(error)) return;
  const caller = { frame, point, context: undefined, below: callers };
  const passed = passedBy.get(error);
  if (passed === undefined) passedBy.set(error, { inner: undefined, outer: caller }); else passed.outer ??= caller;
  if (!lacksCallers.delete(error)) return;
  const lines = linesOfCallers(caller).map((line) => `\n    at ${line}`).join('');
  Object.defineProperty(error, 'stack', { value: `${(error as Error).stack}${lines}` });
}

const lacksCallers = new WeakSet<object>();
/** An error that came from another thread has a stack of text, which is to end with who awaits it: that could not be seen where it was made. */
export function expectCallers(error: object): void { lacksCallers.add(error); }

export const passedByError = (error: object): Passed | undefined => passedBy.get(error);

/** More are not shown. */
const LINES_MAX = 50;

/** Callers that wait on the heap, as a stack trace names them. */
export function linesOfCallers(from: Caller | undefined): string[] {
  const lines: string[] = [];
  for (let caller = from; caller !== undefined && lines.length < LINES_MAX; caller = caller.below) if (caller.point > 0) lines.push(`async ${lineOf(caller.point)}`);
  return lines;
}
function lineOf(point: number): string {
  const { functionName, file, line, column } = pointAt(point);
  const place = `${file}:${line}:${column + 1}`;
  return functionName.startsWith('<') ? place : `${functionName} (${place})`;
}

/** Where a stack of frames waits: the innermost frame, then its callers, as lines of a stack trace. */
export const linesOfFrames = ({ point, callers }: FrameStack): string[] => [...point > 0 ? [lineOf(point)] : [], ...linesOfCallers(callers)];
/** `file:line` of the innermost frame. */
export function placeOfFrames({ point }: FrameStack): string | undefined {
  if (point <= 0) return undefined;
  const { file, line } = pointAt(point);
  return `${file}:${line}`;
}
