/**
 * test262's tests of asynchronous functions, natively and compiled, on the same Node: each file, sloppy and strict, in a realm of its own.
 *
 *   node --conditions=capriccio-source scripts/test262/main.ts <checkout of tc39/test262> [part of a path]
 *
 * Exits with 1 when a test passes natively and not compiled (or the reverse) that is not listed in docs/reference/compiler-differences.md.
 */
import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import fs from 'node:fs';
import { types } from 'node:util';
import vm from 'node:vm';
import { SourceError, compile } from '@capriccio/compiler';
import { stack } from '@capriccio/compiler/stack';
import { runtimeScript } from './realm-runtime.ts';
import { metaOf, testFiles, type Meta } from './suite.ts';

const [root, filter = ''] = process.argv.slice(2);
if (root === undefined) throw new Error('usage: main.ts <checkout of tc39/test262> [part of a path]');
const listed = fs.readFileSync(new URL('../../docs/reference/compiler-differences.md', import.meta.url), 'utf8');
const runtime = runtimeScript();
process.on('unhandledRejection', () => { /* tests leave them */ });
process.on('uncaughtException', () => { /* and these */ });
const harness = new Map<string, vm.Script>();
function harnessScript(name: string): vm.Script {
  let script = harness.get(name);
  if (script === undefined) harness.set(name, script = new vm.Script(fs.readFileSync(`${root}/harness/${name}`, 'utf8'), { filename: name }));
  return script;
}

const HOST = 'globalThis.$262={global:globalThis,createRealm(){throw new Error("no realms")},evalScript(s){return (0,eval)(s)},gc(){},agent:{}};globalThis.$DONOTEVALUATE=()=>{throw "no"}';
const SETTLE_MS = 400;

async function run(code: string, meta: Meta, isCompiled: boolean): Promise<string> {
  const { promise: finished, resolve } = Promise.withResolvers<string>();
  const context = vm.createContext({
    console, setTimeout, print() { /* not read */ },
    $DONE: (error: unknown) => { resolve(error === undefined || error === null || error === false ? 'pass' : `fail ${String((error as Error).message ?? error).slice(0, 200)}`); },
  });
  vm.runInContext(HOST, context);
  (context as Record<symbol, unknown>)[Symbol.for('capriccio.stack')] = stack;
  if (isCompiled) (runtime.runInContext(context) as (...needs: unknown[]) => void)(process, performance, setImmediate, queueMicrotask, WeakMap, WeakSet, AsyncLocalStorage, AsyncResource, types);
  try {
    const own = meta.flags.includes('raw') ? [] : ['assert.js', 'sta.js', ...meta.includes.filter((name) => name !== 'doneprintHandle.js')];
    for (const name of own) harnessScript(name).runInContext(context);
    vm.runInContext(code, context, { filename: 'test.js' });
  } catch (error) {
    const { name, message } = error as Error;
    if (meta.negative !== undefined) return name === meta.negative ? 'pass' : `fail ${name} in place of ${meta.negative}`;
    return `fail ${name}: ${String(message).slice(0, 200)}`;
  }
  if (meta.negative !== undefined) return 'fail: no error';
  if (!meta.flags.includes('async')) return 'pass';
  const late = new Promise<string>((resolve) => { setTimeout(resolve, SETTLE_MS, 'fail: never done').unref(); });
  return Promise.race([finished, late]);
}

/** A test that must be refused is handed on as it is. */
function compiledText(source: string): string {
  try { return compile(source, { file: 'test.js', kind: 'script', smallClosures: true }).code; } catch (error) {
    if (error instanceof SourceError) return source;
    throw error;
  }
}

const counts = { runs: 0, changed: 0, bothPass: 0, bothFail: 0, differ: 0, modules: 0 };
const unlisted: string[] = [];
for (const file of testFiles(root, filter)) {
  const source = fs.readFileSync(`${root}/${file}`, 'utf8');
  const meta = metaOf(source);
  if (meta.flags.includes('module')) { counts.modules++; continue; }
  const isSloppyOnly = meta.flags.includes('noStrict') || meta.flags.includes('raw');
  const modes = meta.flags.includes('onlyStrict') ? [true] : isSloppyOnly ? [false] : [false, true];
  for (const isStrict of modes) {
    const text = isStrict ? `"use strict";${source}` : source;
    const made = compiledText(text);
    const [native, ours] = [await run(text, meta, false), await run(made, meta, true)];
    counts.runs++;
    if (made !== text) counts.changed++;
    if ((native === 'pass') !== (ours === 'pass')) {
      counts.differ++;
      if (!listed.includes(file.replace(/^test\//, ''))) unlisted.push(`${file} (${isStrict ? 'strict' : 'sloppy'}): native ${native}, compiled ${ours}`);
    } else if (ours === 'pass') counts.bothPass++;
    else counts.bothFail++;
  }
}
console.log(counts);
for (const line of unlisted) console.log(line);
process.exit(unlisted.length > 0 ? 1 : 0);
