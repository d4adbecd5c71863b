/** The command line: finds the verb, and turns what it throws into a line on stderr and an exit code. One file a verb: serve.ts, run.ts, analyze.ts, top.ts, dump.ts. */
import { versionOf } from '../version.ts';
import { nearest } from '../check.ts';
import { analyze, analyzeVerb } from './analyze.ts';
import { dump, dumpVerb } from './dump.ts';
import { UsageError, parse, type Typed, type Verb } from './arguments.ts';
import { COMMON, helpOfAll, helpOfVerb } from './help.ts';
import { Output, type Stream } from './output.ts';
import { run, runVerb } from './run.ts';
import { serve, serveVerb } from './serve.ts';
import { top, topVerb } from './top.ts';

export const verbs: readonly (Verb & { readonly act: (typed: Typed, output: Output) => Promise<number> })[] = [{ ...serveVerb, act: serve }, { ...runVerb, act: run }, { ...analyzeVerb, act: analyze }, { ...topVerb, act: top }, { ...dumpVerb, act: dump }];
const GLOBAL = { ...COMMON, version: { about: 'the version', short: 'v' } };

/** Does what was typed. @returns the exit code: 0 all went well, 1 the program failed, 2 what was typed cannot be meant */
export async function commandLine(given: readonly string[], stdout: Stream, stderr: Stream): Promise<number> {
  const args = given[0] === 'help' ? [...given.slice(1), '--help'] : given;   // as people type it
  const ending = args.indexOf('--');
  const output = new Output((ending < 0 ? args : args.slice(0, ending)).includes('--json'), stdout, stderr);
  try {
    const verb = verbs.find(({ name }) => name === args[0]);
    if (verb === undefined) return withoutVerb(args, output);
    const typed = parse(args.slice(1), { ...verb.options, ...COMMON }, verb.name);
    if (!typed.values.has('help')) return await verb.act(typed, output);
    output.text(helpOfVerb(verb, output));
    return 0;
  } catch (error) {
    output.error(error);
    return error instanceof UsageError ? 2 : 1;
  }
}

function withoutVerb(args: readonly string[], output: Output): number {
  const { positionals: [name], values } = parse(args, GLOBAL, 'capriccio');
  if (name !== undefined) {
    const names = verbs.map((verb) => verb.name);
    const near = nearest(name, names);
    throw new UsageError(`there is no verb '${name}'; ${near === undefined ? `there are ${`${names.slice(0, -1).join(', ')} and ${names.at(-1)}`}` : `did you mean '${near}'?`}`);
  }
  if (values.has('version')) output.result(versionOf(), { version: versionOf() });
  else if (values.has('help')) output.text(helpOfAll(verbs, versionOf(), output));
  else throw new UsageError('no verb was given; capriccio --help lists them');
  return 0;
}


