/** What was typed, checked against what a verb knows. Whatever cannot be meant is a UsageError that names the nearest thing that can. */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { CapriccioError, isCapriccioError } from '@capriccio/shared';
import { nearest } from '../check.ts';

/** An option of a verb. `value` is what its value is called in the help; without one it is a switch. */
export interface OptionHelp { readonly value?: string; readonly about: string; readonly short?: string }

/** What a verb is: its help and what it does. */
export interface Verb {
  readonly name: string;
  /** `<app>` must be given, `[args…]` may be, any number. */
  readonly positionals: string;
  readonly summary: string;
  readonly options: Readonly<Record<string, OptionHelp>>;
  /** More lines of help, as they stand. */
  readonly notes: readonly string[];
}

export interface Typed {
  readonly positionals: readonly string[];
  /** The last value of each option that was given; '' for a switch. */
  readonly values: ReadonlyMap<string, string>;
}

/** What was typed cannot be meant: exit code 2. */
export class UsageError extends CapriccioError {
  constructor(message: string, cause?: unknown) { super('CAP_ERR_OPTION', message, cause === undefined ? undefined : { cause }); }
}

/** Splits arguments into options, wherever they stand before `--`, and the rest. Throws UsageError. */
export function parse(args: readonly string[], options: Verb['options'], what: string): Typed {
  const { tokens } = parseArgs({
    args: [...args], strict: false, allowPositionals: true, tokens: true,
    options: Object.fromEntries(Object.entries(options).map(([name, { value, short }]) => [name, { type: value === undefined ? 'boolean' : 'string', ...short === undefined ? {} : { short } }])),
  });
  const values = new Map<string, string>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const option = options[token.name];
    if (option === undefined) throw unknownOption(token.rawName, Object.keys(options), what);
    if (option.value === undefined && token.value !== undefined) throw new UsageError(`${token.rawName} takes no value`);
    if (option.value !== undefined && token.value === undefined) throw new UsageError(`${token.rawName} takes a value: ${token.rawName} ${option.value}`);
    values.set(token.name, token.value ?? '');
  }
  return { positionals, values };
}

function unknownOption(given: string, known: readonly string[], what: string): UsageError {
  const near = nearest(given.replace(/^-+/, ''), known);
  return new UsageError(`${what} has no option ${given}; ${near === undefined ? `it has ${known.map((name) => `--${name}`).join(', ')}, and what follows -- is left alone` : `did you mean --${near}?`}`);
}

/** The value of an option as a whole number; its range is checked by whoever takes it. Throws UsageError. */
export function wholeNumber({ values }: Typed, name: string): number | undefined {
  const text = values.get(name);
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text)) throw new UsageError(`--${name} takes a whole number, not '${text}'`);
  return Number(text);
}

/** The absolute path of a source that was named. Throws UsageError when there is none, or it is a directory. */
export function sourceFile(named: string): string {
  const path = resolve(named);
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw new UsageError(`there is no ${named}`);
  if (found.isDirectory()) throw new UsageError(`${named} is a directory; name a file of it`);
  return path;
}

/** Runs a check of the library's own: an option that it refuses was typed wrongly. */
export function asUsage<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw isCapriccioError(error, 'CAP_ERR_OPTION') ? new UsageError(error.message, error) : error;
  }
}
