#!/usr/bin/env node
/** The command line: finds the verb, and turns what it throws into a line on stderr and an exit code. One file a verb: serve.ts, run.ts. */
import { readFileSync } from 'node:fs';
import { nearest } from '../check.ts';
import { UsageError, parse, type Typed, type Verb } from './arguments.ts';
import { COMMON, helpOfAll, helpOfVerb } from './help.ts';
import { Output } from './output.ts';
import { run, runVerb } from './run.ts';
import { serve, serveVerb } from './serve.ts';

const verbs: readonly (Verb & { readonly act: (typed: Typed, output: Output) => Promise<number> })[] = [{ ...serveVerb, act: serve }, { ...runVerb, act: run }];

const versionOf = (): string => (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }).version;

async function main(args: readonly string[], output: Output): Promise<number> {
  const [first, ...rest] = args;
  const verb = verbs.find(({ name }) => name === first);
  if (verb === undefined) return withoutVerb(args);
  const typed = parse(rest, { ...verb.options, ...COMMON }, verb.name);
  if (typed.values.has('help')) {
    process.stdout.write(`${helpOfVerb(verb)}\n`);
    return 0;
  }
  return await verb.act(typed, output);
}

function withoutVerb(args: readonly string[]): number {
  const { positionals: [name], values } = parse(args, { ...COMMON, version: { about: 'the version', short: 'v' } }, 'capriccio');
  if (name !== undefined) {
    const near = nearest(name, verbs.map((verb) => verb.name));
    throw new UsageError(`there is no verb '${name}'; ${near === undefined ? `there are ${verbs.map((verb) => verb.name).join(' and ')}` : `did you mean '${near}'?`}`);
  }
  if (values.has('version')) process.stdout.write(`${versionOf()}\n`);
  else if (values.has('help')) process.stdout.write(`${helpOfAll(verbs, versionOf())}\n`);
  else throw new UsageError('no verb was given; capriccio --help lists them');
  return 0;
}

const args = process.argv.slice(2);
const ending = args.indexOf('--');
const output = new Output((ending < 0 ? args : args.slice(0, ending)).includes('--json'));
try {
  process.exitCode = await main(args, output);
} catch (error) {
  output.error(error);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
