/**
 * Sending buffers away: what a channel has accepted belongs to who receives it, so the sender's own ArrayBuffers are detached, as by postMessage; until
 * then they are its own. Next: channel.ts.
 */
import { CapriccioError } from '@capriccio/shared';
import { checkWait, type WaitOptions } from './block.ts';

export interface SendOptions extends WaitOptions {
  /** ArrayBuffers in the value that move with it: detached here once it is accepted. Who gives up has them still. */
  transfer?: readonly ArrayBuffer[];
}

/** Throws CAP_ERR_OPTION for wrong options, and for what is no ArrayBuffer, is detached already, or is named twice. */
export function checkSend(options: SendOptions): void {
  checkWait(options, 'send');
  const { transfer } = options;
  if (transfer === undefined) return;
  const isList = Array.isArray(transfer) && transfer.every((one) => one instanceof ArrayBuffer && !one.detached) && new Set(transfer).size === transfer.length;
  if (!isList) throw new CapriccioError('CAP_ERR_OPTION', 'transfer of send takes an array of ArrayBuffers, each once and not detached');
}

/** They are the sender's no more. */
export function detach(buffers: readonly ArrayBuffer[]): void { for (const buffer of buffers) if (!buffer.detached) buffer.transfer(0); }

/** A value on its way through a channel of one isolate, whose buffers move when it is accepted. */
export class Moving {
  readonly #value: unknown;
  readonly #buffers: ArrayBuffer[];
  constructor(value: unknown, buffers: readonly ArrayBuffer[]) {
    this.#value = value;
    this.#buffers = [...buffers];
  }
  /** It has to wait: what cannot be cloned is refused now, rather than when somebody receives it. */
  check(): void { clone(this.#value, []); }
  /** What arrives. Throws CAP_ERR_NOT_CLONEABLE. */
  move(): unknown { return clone(this.#value, this.#buffers.filter((one) => !one.detached)); }
}

function clone(value: unknown, transfer: ArrayBuffer[]): unknown {
  try {
    return structuredClone(value, { transfer });
  } catch (error) {
    throw new CapriccioError('CAP_ERR_NOT_CLONEABLE', `a value whose buffers move must be cloneable: ${(error as Error).message}`, { cause: error });
  }
}
/** What arrives of a value, moved or as it is. */
export const arriving = <T>(value: T): T => (value instanceof Moving ? value.move() as T : value);
