// The command line of `npm start`.
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { arrivalsMax } from '../load/schedule.ts';

const contenderNames = ['capriccio', 'http', 'cluster'] as const;
export type ContenderName = (typeof contenderNames)[number];

export interface Options {
  cores: number;
  seconds: number;
  /** Requests a second; undefined: what brings the cores to `load`. */
  rate: number | undefined;
  load: number;
  seed: number;
  only: ContenderName[];
  json: boolean;
  help: boolean;
  serve: boolean;
  port: number;
}

export class UsageError extends Error {}

export const help: string = `Serves the library (examples/library) and drives it with a fixed mix of light and heavy requests:
first with Capriccio, then with node:http on one thread and with node:cluster. Every answer is compared with the one
computed directly; the exit code is 0 only if none was wrong and Capriccio answered all.

  npm start -- [options]

  --cores N      cores to serve with (default: all ${availableParallelism()})
  --seconds N    seconds of load for each contender, after a warm-up (default 10)
  --rate N       requests a second (default: what brings the cores to --load)
  --load F       share of all cores to ask for, generator included (default 0.6)
  --seed N       seed of the arrivals (default 1)
  --only LIST    some of: ${contenderNames.join(',')}
  --json         results as JSON on standard output
  --serve        keep serving with Capriccio until interrupted
  --port N       port for --serve (default 3000)
  --help         this text
`;

const definitions = {
  cores: { type: 'string' }, seconds: { type: 'string' }, rate: { type: 'string' }, load: { type: 'string' }, seed: { type: 'string' },
  only: { type: 'string' }, port: { type: 'string' },
  json: { type: 'boolean', default: false }, serve: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false },
} as const;

/** Throws UsageError, with a message for the person who typed, when the arguments cannot be meant. */
export function parseOptions(args: readonly string[]): Options {
  const values = parse(args);
  if (values.port !== undefined && !values.serve) throw new UsageError('--port goes with --serve');
  const options: Options = {
    cores: numberOption('cores', values.cores, { fallback: availableParallelism(), min: 1, max: 256 }),
    seconds: numberOption('seconds', values.seconds, { fallback: 10, min: 1, max: 600 }),
    rate: values.rate === undefined ? undefined : numberOption('rate', values.rate, { fallback: 0, min: 1, max: 50_000 }),
    load: numberOption('load', values.load, { fallback: 0.6, min: 0.05, max: 4, fraction: true }),
    seed: numberOption('seed', values.seed, { fallback: 1, min: 0, max: 2 ** 32 - 1 }),
    only: contendersOf(values.only),
    port: numberOption('port', values.port, { fallback: 3000, min: 0, max: 65_535 }),
    json: values.json, serve: values.serve, help: values.help,
  };
  if (options.rate !== undefined && options.rate * options.seconds > arrivalsMax) throw new UsageError(`--rate times --seconds is at most ${arrivalsMax}`);
  return options;
}

// Its return type is written by parseArgs itself from `definitions`.
function parse(args: readonly string[]): ReturnType<typeof parseArgs<{ options: typeof definitions }>>['values'] {
  try {
    return parseArgs({ args: [...args], options: definitions, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

interface Bounds { fallback: number; min: number; max: number; fraction?: boolean }

function numberOption(name: string, text: string | undefined, { fallback, min, max, fraction = false }: Bounds): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  const valid = /^\d+(\.\d+)?$/.test(text) && (fraction || Number.isInteger(value)) && value >= min && value <= max;
  if (!valid) throw new UsageError(`--${name} is ${fraction ? 'a number' : 'a whole number'} from ${min} to ${max}, not '${text}'`);
  return value;
}

function contendersOf(text: string | undefined): ContenderName[] {
  if (text === undefined) return [...contenderNames];
  const asked = text.split(',').map((name) => name.trim());
  const unknown = asked.filter((name) => !(contenderNames as readonly string[]).includes(name));
  if (unknown.length > 0) throw new UsageError(`--only takes ${contenderNames.join(', ')}; there is no '${unknown.join("', '")}'`);
  return contenderNames.filter((name) => asked.includes(name));
}
