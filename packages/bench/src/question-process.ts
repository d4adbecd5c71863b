/** One question in a fresh process: forked by run-question.ts with the file's URL and the options; sends its record when it is answered. */
import type { Bench } from './harness.ts';
import { journal } from './journal.ts';
import type { QuestionOptions } from './questions.ts';

const [url = '', options = '{}'] = process.argv.slice(2);
process.once('disconnect', () => process.exit(1));                       // whoever asked has gone
const { bench } = await import(url) as { bench: Bench };
journal.findings = await bench(JSON.parse(options) as QuestionOptions);
process.send?.(journal, undefined, undefined, () => { process.exit(); });
