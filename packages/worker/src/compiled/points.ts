/** Blocking points of the compiled files of this isolate: compiled code names them by index, schedulers by number, stack traces by place. */

export interface Point {
  /** Stable between runs: the node of the blocking graph. */
  readonly number: number;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly functionName: string;
  /** What is called there, for messages; '' when it is no call. */
  readonly callee: string;
}

/** The same without a number: a call that is no `await`, whose value is what the callee returns. */
export const isPlainCall = (index: number): boolean => (points[index] as Point).number === 0 && index > 0;

/** As compiled code lists them. */
type PointRow = readonly [number: number, line: number, column: number, functionName: string, callee: string];

const points: Point[] = [{ number: 0, file: '', line: 0, column: 0, functionName: '', callee: 'value' }];

/** Takes the points of a file. @returns the index of the first */
export function addPoints(file: string, rows: readonly PointRow[]): number {
  const first = points.length;
  for (const [number, line, column, functionName, callee] of rows) points.push({ number, file, line, column, functionName, callee });
  return first;
}

export const pointAt = (index: number): Point => points[index] as Point;
/** The point of a number, looked through: for names. */
export const pointOfNumber = (number: number): Point | undefined => points.find((point) => point.number === number);
export const numberOfPoint = (index: number): number => (points[index] as Point).number;
/** What the graph calls a wait at no point of its own. */
export const NODE_WAIT = 2;
export const nodeOfPoint = (index: number): number => numberOfPoint(index) || NODE_WAIT;
