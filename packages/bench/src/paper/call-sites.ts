/**
 * The paper's question about linked stacks: what share of a program's call sites needs a checkpoint? There 10 % of Apache's at MaxPath 2 KB; here
 * JavaScript's closures and methods, whose targets are found by what can flow to a call. Whole packages as they are published, and the time it takes.
 */
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { analyzeApplication } from '@capriccio/compiler';
import { note, round3, table, type Bench, type Finding } from '../harness.ts';

const PACKAGES = ['acorn', 'marked', 'esprima', 'markdown-it', 'astring', 'fast-deep-equal', 'piscina', 'srvx'];
/** Apache 2.0.44, MaxPath 2 KB, MinChunk 4 KB. */
const PAPER_SHARE = 0.1;

export const bench: Bench = async () => {
  const require = createRequire(import.meta.url);
  const rows: string[][] = [];
  let [allCalls, allChecked] = [0, 0];
  for (const name of PACKAGES) {
    const file = require.resolve(name);
    const began = performance.now();
    const application = analyzeApplication(file.includes('/dist/') ? dirname(file) : file);
    const ms = performance.now() - began;
    const reports = application.files.flatMap(({ report }) => (report === undefined ? [] : [report.stacks]));
    const calls = reports.reduce((sum, report) => sum + report.calls, 0);
    const checked = reports.reduce((sum, report) => sum + report.checkedCalls, 0);
    const unresolved = reports.reduce((sum, report) => sum + report.unresolved.length, 0);
    allCalls += calls;
    allChecked += checked;
    rows.push([name, String(application.files.length), String(calls), `${(checked / Math.max(1, calls) * 100).toFixed(1)} %`, String(unresolved), round3(ms)]);
  }
  table(['package', 'files', 'call sites', 'lead to a check', 'may call anything', 'ms'], rows);
  note('Paper, section 3.5: about 10 % of the call sites of Apache 2.0.44 at MaxPath 2 KB; overhead 3 to 4 %. What a check costs here: micro/linked-stacks.');
  note('What differs: C calls a function by its name, or through a pointer whose type tells what may be meant; JavaScript calls closures and methods, which are found by what can flow to a call, and a call that may reach anything is taken to reach every function that has been given away. Whole packages are looked at, not one program.');
  const share = allChecked / allCalls;
  const found: Finding[] = [{ what: 'call sites that lead to a check, of all', figure: `${(share * 100).toFixed(1)} %`, goal: `≤ ${PAPER_SHARE * 100} %`, isMet: share <= PAPER_SHARE }];
  return found;
};
