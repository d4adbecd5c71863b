/**
 * `npm run bench` answers the short questions in a few minutes and writes a report to packages/bench/results; `npm run bench -- peers/tiny-tasks` answers
 * one, `-- peers` those of a group, `-- all` all of them, `--list` lists them. A question is a file that exports `bench`; each runs in a fresh process.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { findings, machine, progress } from './harness.ts';
import { questions, type Answer, type QuestionOptions } from './questions.ts';
import { runQuestion } from './run-question.ts';
import { writeReport } from './report.ts';

const USAGE = 'npm run bench -- [<group>/<question> | <group> | all] … [--cores 2] [--rounds 9] [--quick] [--json] [--list]';
const ROUNDS = 9, ROUNDS_QUICK = 3;

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}

function parse() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: { cores: { type: 'string', default: '2' }, rounds: { type: 'string' }, quick: { type: 'boolean', default: false }, json: { type: 'boolean', default: false }, list: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
    });
  } catch (error) {
    return fail(`${(error as Error).message}\n${USAGE}`);
  }
}

const wholeNumber = (name: string, text: string, most: number): number => (/^[1-9]\d{0,4}$/.test(text) && Number(text) <= most ? Number(text) : fail(`--${name} is a whole number from 1 to ${most}, not ${text}`));

const { values, positionals } = parse();
if (values.help || values.list) {
  console.log(`${USAGE}\n`);
  for (const [name, { what, isShort }] of Object.entries(questions)) console.log(`  ${isShort === true ? '•' : ' '} ${name.padEnd(26)}${what}`);
  console.log('\n  • is part of the short run, which is made when nothing is asked for: npm run bench');
  process.exit();
}
const isShort = positionals.length === 0;
const wanted = isShort
  ? Object.keys(questions).filter((name) => questions[name]?.isShort)
  : [...new Set(positionals.flatMap((asked) => {
    const names = Object.keys(questions).filter((name) => asked === 'all' || name === asked || name.startsWith(`${asked}/`));
    return names.length > 0 ? names : fail(`there is no question ${asked}; npm run bench -- --list names them`);
  }))];
const quick = values.quick || isShort;
const options: QuestionOptions = {
  cores: wholeNumber('cores', values.cores, Math.max(2, availableParallelism())), quick,
  rounds: values.rounds === undefined ? quick ? ROUNDS_QUICK : ROUNDS : wholeNumber('rounds', values.rounds, 1000),
};

const print = values.json ? console.error : console.log;
print(machine());
const answers: Answer[] = [];
for (const [k, name] of wanted.entries()) {
  print(`\n── ${name} (${k + 1} of ${wanted.length}): ${questions[name]?.what}`);
  const answer = await runQuestion(name, options, values.json ? 2 : 1);
  progress('');
  if (answer.failure !== undefined) print(`not answered: ${answer.failure}`);
  answers.push(answer);
}
const report = { machine: machine(), date: new Date().toISOString(), options, answers };
const folder = new URL('../results/', import.meta.url);
writeReport(report, folder);
if (values.json) console.log(JSON.stringify(report));
else {
  findings(answers.flatMap(({ record }) => record.findings));
  console.log('\nwritten: packages/bench/results/report.md, report.json and drawings');
}
process.exitCode = answers.some(({ failure }) => failure !== undefined) ? 1 : 0;
