/**
 * The one error class of the project and its codes. Every code has a heading in docs/reference/errors.md (a test checks it).
 * Callers match on `code`, never on the message: several copies of a package may be loaded, so `instanceof` is not enough.
 */

/** Stable codes; a code is never renamed, only added. */
export const errorCodes = [
  'CAP_ERR_CANCELLED',
  'CAP_ERR_DEADLINE',
  'CAP_ERR_OVERLOADED',
  'CAP_ERR_WORKER_LOST',
  'CAP_ERR_NOT_CLONEABLE',
  'CAP_ERR_QUEUE_FULL',
  'CAP_ERR_CLOSED',
  'CAP_ERR_DEADLOCK',
  'CAP_ERR_OPTION',
  'CAP_ERR_MODULE',
  'CAP_ERR_MEMORY',
  'CAP_ERR_STACK',
  'CAP_ERR_TIMEOUT',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/** Fields that some codes carry besides the message. */
export interface ErrorFields {
  /** CAP_ERR_OVERLOADED: when a new attempt makes sense, milliseconds from now. */
  retryAfterMs?: number;
  /** CAP_ERR_WORKER_LOST: false when the task had not begun, so that running it again is safe. */
  started?: boolean;
}

/** What every failure of the runtime itself is. `code` says what happened, `message` which, how much, and what to do. */
export class CapriccioError extends Error {
  override readonly name: string = 'CapriccioError';
  readonly code: ErrorCode;
  declare readonly retryAfterMs?: number;
  declare readonly started?: boolean;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions & ErrorFields) {
    super(message, options);
    this.code = code;
    if (options?.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs;
    if (options?.started !== undefined) this.started = options.started;
  }
}

/** True for an error of this runtime, whichever copy of the package made it. */
export function isCapriccioError(error: unknown, code?: ErrorCode): error is CapriccioError {
  const found = (error as { code?: unknown } | null | undefined)?.code;
  return code === undefined ? (errorCodes as readonly unknown[]).includes(found) : found === code;
}
