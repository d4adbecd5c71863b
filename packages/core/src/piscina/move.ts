/**
 * Values that move instead of being copied, as piscina names them: `move(value)` marks one; any object may say with two symbols what stands for
 * it and what moves along.
 */
import { types } from 'node:util';

export const transferableSymbol: unique symbol = Symbol.for('Piscina.transferable') as never;
export const valueSymbol: unique symbol = Symbol.for('Piscina.valueOf') as never;
const MOVED: unique symbol = Symbol('moved');

/** An object that says how it travels. */
export interface Transferable {
  /** What moves: one object or an array of them. */
  readonly [transferableSymbol]: object;
  /** What arrives in its place. */
  readonly [valueSymbol]: object;
}

/** A buffer, or a view of one: the view arrives, its buffer moves. */
class Moving implements Transferable {
  readonly #value: object;
  constructor(value: object) { this.#value = value; }
  get [transferableSymbol](): object { return types.isArrayBufferView(this.#value) ? this.#value.buffer : this.#value; }
  get [valueSymbol](): object { return this.#value; }
}

const isTransferable = (value: object): value is Transferable => transferableSymbol in value && valueSymbol in value;

/** Marks a value as one that moves. What is no object passes through. */
export function move<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  const moving = isTransferable(value) ? value : new Moving(value);
  Object.defineProperty(moving, MOVED, { enumerable: false, configurable: true, writable: true, value: true });
  return moving as T;
}

/** Whether a task, or a result, was marked by `move`. */
export const isMoved = (value: unknown): value is Transferable => typeof value === 'object' && value !== null && MOVED in value && isTransferable(value);

/** What moves with it, as a list. */
export const moveListOf = (value: Transferable): object[] => [value[transferableSymbol]].flat();
