/**
 * test262's synchronous language tests, natively and with linked stacks: every function gets a twin, every call is linked, and every check finds the stack
 * short, so that twins do all the work. Each file in a realm of its own, sloppy and strict.
 *
 *   node --conditions=capriccio-source scripts/test262/stacks.ts <checkout of tc39/test262> [part of a path]
 *
 * Prints what passes one way only. Errors that the runtime throws itself come from its own realm here, and are compared by name.
 */
import fs from 'node:fs';
import path from 'node:path';
import vm from 'node:vm';
import { linkStacks, parseSource } from '@capriccio/compiler';
import { stack } from '@capriccio/compiler/stack';
import { metaOf } from './suite.ts';

process.on('unhandledRejection', () => { /* tests leave them */ });
const [root, filter = ''] = process.argv.slice(2);
if (root === undefined) throw new Error('usage: stacks.ts <checkout of tc39/test262> [part of a path]');
const FOLDERS = ['arguments-object', 'block-scope', 'computed-property-names', 'destructuring', 'directive-prologue', 'expressions', 'function-code', 'identifier-resolution', 'rest-parameters', 'statements', 'types'];
const harness = new Map<string, vm.Script>();
function harnessScript(name: string): vm.Script {
  let script = harness.get(name);
  if (script === undefined) harness.set(name, script = new vm.Script(fs.readFileSync(`${root}/harness/${name}`, 'utf8'), { filename: name }));
  return script;
}

function filesIn(directory: string): string[] {
  return fs.readdirSync(directory, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? filesIn(path.join(directory, entry.name)) : /(?<!_FIXTURE)\.js$/.test(entry.name) ? [path.join(directory, entry.name)] : []));
}

function run(code: string, includes: readonly string[], isShort: boolean): string {
  const context = vm.createContext({ print() { /* not read */ } });
  (context as Record<symbol, unknown>)[Symbol.for('capriccio.stack')] = stack;
  // The runtime's own TypeErrors are of this realm's class.
  stack.configure({ isAlwaysShort: false, typeError: vm.runInContext('TypeError', context) as TypeErrorConstructor });
  try {
    for (const name of ['assert.js', 'sta.js', ...includes]) harnessScript(name).runInContext(context);
    stack.configure({ isAlwaysShort: isShort });
    vm.runInContext(code, context, { filename: 'test.js', timeout: 10_000 });
    return 'pass';
  } catch (error) {
    const { name, message } = error as Error;
    return `fail ${name}: ${String(message).slice(0, 160)}`;
  } finally {
    stack.configure({ isAlwaysShort: false, typeError: TypeError });
  }
}

const counts = { same: 0, linked: 0, different: 0 };
for (const folder of FOLDERS) {
  for (const file of filesIn(`${root}/test/language/${folder}`)) {
    if (!file.includes(filter)) continue;
    const source = fs.readFileSync(file, 'utf8');
    const { flags, includes, negative } = metaOf(source);
    if (negative !== undefined || flags.some((flag) => flag === 'module' || flag === 'async' || flag === 'raw') || /\$262/.test(source)) continue;
    for (const strict of [false, true]) {
      if (flags.includes(strict ? 'noStrict' : 'onlyStrict')) continue;
      const text = strict ? `"use strict";\n${source}` : source;
      let linked: string;
      try {
        const { code, program } = parseSource(text, { file: 'test.js', kind: 'script' });
        linked = linkStacks(code, program, { file: 'test.js', kind: 'script', everything: true }).code;
      } catch { continue; }                                    // newer than the parser: compile hands it on as it is
      const native = run(text, includes, false);
      if (linked === text) { counts.same += 1; continue; }
      counts.linked += 1;
      const compiled = run(linked, includes, true);
      if ((native === 'pass') === (compiled === 'pass')) continue;
      counts.different += 1;
      console.log(`${path.relative(root, file)} (${strict ? 'strict' : 'sloppy'}): native ${native}, linked ${compiled}`);
    }
  }
}
console.log(`${counts.same + counts.linked} runs, the text changed in ${counts.linked}; ${counts.different} pass one way only`);
process.exitCode = counts.different === 0 ? 0 : 1;
