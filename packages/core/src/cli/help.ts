/** The help of the command line, made from what the verbs say of themselves. */
import type { OptionHelp, Verb } from './arguments.ts';
import type { Output } from './output.ts';

/** Options of every verb. */
export const COMMON: Readonly<Record<string, OptionHelp>> = {
  json: { about: 'results, notes and errors as JSON, one a line' },
  help: { about: 'this text', short: 'h' },
};

export function helpOfAll(verbs: readonly Verb[], version: string, output: Output): string {
  return [
    `capriccio ${version}: user-level threads on every core`,
    '',
    ...columns(verbs.map(({ name, positionals, summary }) => [`  capriccio ${name} ${positionals}`, summary])),
    '',
    ...columns([['  capriccio <verb> --help', 'what a verb does and its options'], ['  capriccio --version', 'the version']]),
    '',
    `${output.bold('Exit codes')}  0 all went well   1 the program failed   2 what was typed cannot be meant; of run: the program's own`,
  ].join('\n');
}

export function helpOfVerb({ name, positionals, summary, options, notes }: Verb, output: Output): string {
  const rows = Object.entries({ ...options, ...COMMON }).map(([option, { value, about, short }]): [string, string] =>
    [`  ${short === undefined ? '    ' : `-${short}, `}--${option}${value === undefined ? '' : ` ${value}`}`, about]);
  return [`${output.bold(`capriccio ${name} ${positionals}`)} [options]: ${summary}`, '', ...columns(rows), '', ...notes].join('\n');
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return rows.map(([left, right]) => `${left.padEnd(width)}${right}`);
}
