/**
 * `npm run bench:compare -- <git revision> [question …]`: asks the questions of the revision and of the working tree in pairs, first the one, then the
 * other, each time in fresh processes, and says which figures of ours have moved beyond noise. Peers are left out: they are the same on both sides.
 */
import { parseArgs } from 'node:util';
import { machine, median, print, progress, round3 } from '../harness.ts';
import { questions, type Answer, type QuestionOptions } from '../questions.ts';
import { runQuestion } from '../run-question.ts';
import { changeOf, type Change } from './statistics.ts';
import { Revision } from './revision.ts';

const USAGE = 'npm run bench:compare -- <git revision> [<group>/<question> | <group>] … [--pairs 7] [--rounds 3] [--cores 2] [--json]';
/** An interval beyond this says nothing: too few pairs, or too noisy ones. */
const WIDE = 100;
const DEFAULT_QUESTIONS = ['peers/tiny-tasks', 'peers/round-trip', 'peers/payload', 'micro/codec', 'micro/threads', 'servers/light'];

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}
function parse() {
  try {
    return parseArgs({ allowPositionals: true, options: { pairs: { type: 'string', default: '7' }, rounds: { type: 'string', default: '3' }, cores: { type: 'string', default: '2' }, json: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } } });
  } catch (error) { return fail(`${(error as Error).message}\n${USAGE}`); }
}
const { values, positionals: [revision, ...asked] } = parse();
if (values.help) { console.log(USAGE); process.exit(); }
if (revision === undefined) fail(USAGE);
const whole = (name: 'pairs' | 'rounds' | 'cores', least: number): number => (/^\d{1,3}$/.test(values[name]) && Number(values[name]) >= least ? Number(values[name]) : fail(`--${name} is a whole number from ${least} on, not ${values[name]}`));
const [pairs, rounds, cores] = [whole('pairs', 2), whole('rounds', 1), whole('cores', 1)];
const wanted = [...new Set((asked.length > 0 ? asked : DEFAULT_QUESTIONS).flatMap((name) => {
  const names = Object.keys(questions).filter((one) => one === name || one.startsWith(`${name}/`));
  return names.length > 0 ? names : fail(`there is no question ${name}; npm run bench -- --list names them`);
}))];

/** A figure of one side in one question, in every pair. */
interface Figure { readonly question: string; readonly label: string; readonly side: string; readonly unit: string; readonly isBetterHigher: boolean; readonly pairs: [number, number][] }
const figures = new Map<string, Figure>();
const failures = new Map<string, string>();

function take(question: string, [base, head]: readonly [Answer, Answer]): void {
  for (const [who, { failure }] of [['the revision', base], ['the working tree', head]] as const) if (failure !== undefined) failures.set(question, `${who}: ${failure}`);
  for (const after of head.record.series) {
    const before = base.record.series.find(({ label, side }) => label === after.label && side === after.side);
    if (before === undefined || !(median(before.rounds) > 0) || !(median(after.rounds) > 0)) continue;
    const key = `${question}\n${after.label}\n${after.side}`;
    let figure = figures.get(key);
    if (figure === undefined) figures.set(key, figure = { question, label: after.label, side: after.side, unit: after.unit, isBetterHigher: after.better === 'higher', pairs: [] });
    figure.pairs.push([median(before.rounds), median(after.rounds)]);
  }
}

/** The first side of a label is ours. */
const ours = (all: readonly Figure[]): Figure[] => [...Map.groupBy(all, ({ question, label }) => `${question}\n${label}`).values()].map(([first]) => first as Figure);

const options: QuestionOptions = { cores, rounds, quick: true };
using base = (() => { try { return new Revision(revision); } catch (error) { return fail((error as Error).message); } })();
process.once('SIGINT', () => { base[Symbol.dispose](); process.exit(130); });
if (!values.json) console.log(`${machine()}\nbase: ${base.name}\nhead: the working tree\n${pairs} pairs of ${wanted.join(', ')}`);
for (let pair = 0; pair < pairs; pair++) {
  for (const name of wanted) {
    if (failures.has(name)) continue;
    progress(`pair ${pair + 1} of ${pairs}: ${name}`);
    const order = pair % 2 === 0 ? ['base', 'head'] as const : ['head', 'base'] as const;
    const found: Partial<Record<'base' | 'head', Answer>> = {};
    for (const side of order) found[side] = await runQuestion(name, options, 'ignore', side === 'base' ? base.sources : undefined);
    take(name, [found.base as Answer, found.head as Answer]);
  }
}
progress('');
const judged = ours([...figures.values()]).filter(({ pairs: list }) => list.length >= 2);
const changes = judged.map((figure) => ({ ...figure, change: changeOf(figure.pairs, judged.length) }));
const verdict = ({ change, isBetterHigher }: { change: Change; isBetterHigher: boolean }): string => (change.hasMoved ? (change.ratio > 1) === isBetterHigher ? 'better' : 'worse' : '');
if (values.json) console.log(JSON.stringify({ machine: machine(), base: base.name, pairs, changes: changes.map((one) => ({ ...one, verdict: verdict(one) })), failures: Object.fromEntries(failures) }));
else {
  print(['question', 'unit', 'base', 'head', 'head / base', ''], changes.map((one) => [
    `${one.question}: ${one.label}, ${one.side}`, one.unit, round3(median(one.pairs.map(([before]) => before))), round3(median(one.pairs.map(([, after]) => after))),
    `${one.change.ratio.toFixed(3)} (${one.change.low.toFixed(3)}–${one.change.high > WIDE ? `> ${WIDE}` : one.change.high.toFixed(3)})`, verdict(one),
  ]));
  for (const [name, why] of failures) console.log(`${name} cannot be compared: ${why}`);
  const moved = changes.filter(({ change }) => change.hasMoved);
  console.log(moved.length === 0 ? `none of ${changes.length} figures has moved beyond noise` : `${moved.length} of ${changes.length} figures have moved: ${moved.filter((one) => verdict(one) === 'worse').length} worse, ${moved.filter((one) => verdict(one) === 'better').length} better`);
}
process.exitCode = changes.some((one) => verdict(one) === 'worse') ? 1 : failures.size > 0 ? 3 : 0;
