/** Option checks, one function a kind. Every message says what was given, what is accepted, and for an unknown name the nearest known one. */
import { CapriccioError } from '@capriccio/shared';

export const refuse = (message: string, cause?: unknown): never => {
  throw new CapriccioError('CAP_ERR_OPTION', message, cause === undefined ? undefined : { cause });
};

/** What a message shows of a value. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value.length > 40 ? `${value.slice(0, 40)}…` : value}'`;
  if (typeof value === 'function') return `function ${value.name === '' ? '(anonymous)' : value.name}`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object' && value !== null) return `an object${Object.keys(value).length === 0 ? '' : ` with ${Object.keys(value).slice(0, 4).join(', ')}`}`;
  return typeof value === 'bigint' ? `${value}n` : String(value);
}

/** An options object: an object whose names are all known. `undefined` stands for an empty one. */
export function checkObject(value: unknown, what: string, known: readonly string[]): Record<string, unknown> {
  if (value === undefined) return {};
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return refuse(`${what} must be an object, not ${shown(value)}`);
  for (const name of Object.keys(value)) {
    if (known.includes(name)) continue;
    const near = nearest(name, known);
    refuse(`${what} has no option '${name}'${near === undefined ? `; it has ${known.join(', ')}` : `; did you mean '${near}'?`}`);
  }
  return value as Record<string, unknown>;
}

export interface Range { readonly min: number; readonly max?: number; readonly integer?: boolean }

/** A number in a range; undefined passes through. */
export function checkNumber(value: unknown, what: string, { min, max = Infinity, integer = false }: Range): number | undefined {
  if (value === undefined) return undefined;
  const kind = integer ? 'an integer' : 'a number';
  const range = max === Infinity ? `of at least ${min}` : `from ${min} to ${max}`;
  if (typeof value !== 'number' || Number.isNaN(value) || (integer && !Number.isInteger(value)) || value < min || value > max) return refuse(`${what} must be ${kind} ${range}, not ${shown(value)}`);
  return value;
}

export function checkOneOf<T extends string>(value: unknown, what: string, accepted: readonly T[]): T | undefined {
  if (value === undefined) return undefined;
  if (!(accepted as readonly unknown[]).includes(value)) return refuse(`${what} must be ${accepted.map((one) => `'${one}'`).join(' or ')}, not ${shown(value)}`);
  return value as T;
}

export function checkBoolean(value: unknown, what: string): boolean | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'boolean') return refuse(`${what} must be true or false, not ${shown(value)}`);
  return value;
}

export function checkString(value: unknown, what: string): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || value === '') return refuse(`${what} must be a string that is not empty, not ${shown(value)}`);
  return value;
}

/** Anything that is an AbortSignal, of whatever realm. */
export function checkSignal(value: unknown, what: string): AbortSignal | undefined {
  if (value === undefined) return undefined;
  const signal = value as Partial<AbortSignal> | null;
  if (typeof signal !== 'object' || signal === null || typeof signal.aborted !== 'boolean' || typeof signal.addEventListener !== 'function') return refuse(`${what} must be an AbortSignal, not ${shown(value)}`);
  return signal as AbortSignal;
}

/** The known name that is at most two edits away (transpositions count one), differs in case only, or goes on where this one ends. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.min(3, Math.max(2, Math.ceil(name.length / 3)));
  for (const candidate of known) {
    const [given, accepted] = [name.toLowerCase(), candidate.toLowerCase()];
    const distance = Math.min(editDistance(given, accepted), isBeginning(given, accepted) || isBeginning(accepted, given) ? 1 : Infinity);
    if (distance < bestDistance) { best = candidate; bestDistance = distance; }
  }
  return best;
}

const isBeginning = (short: string, long: string): boolean => short.length >= 3 && long.startsWith(short);

/** Optimal string alignment distance. Source: Damerau, CACM 7(3), 1964. */
function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, k) => k)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let k = 1; k <= b.length; k++) {
      const above = rows[i - 1] as number[];
      const same = a[i - 1] === b[k - 1];
      let least = Math.min((above[k] as number) + 1, (row[k - 1] as number) + 1, (above[k - 1] as number) + (same ? 0 : 1));
      if (i > 1 && k > 1 && a[i - 1] === b[k - 2] && a[i - 2] === b[k - 1]) least = Math.min(least, ((rows[i - 2] as number[])[k - 2] as number) + 1);
      row.push(least);
    }
    rows.push(row);
  }
  return (rows[a.length] as number[])[b.length] as number;
}
