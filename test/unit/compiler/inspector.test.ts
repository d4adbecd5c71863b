/** Compiled code of a pool's worker under Node's own tools: a debugger by the inspector protocol, and `--cpu-prof`. Both see the sources. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished, test } from 'vitest';
import { Session, inspectorOf, type Fields } from '../inspector-rig.ts';

const program = fileURLToPath(new URL('../../fixtures/compiler/under-inspector.ts', import.meta.url));
const source = fs.readFileSync(new URL('../../fixtures/compiler/debugged.ts', import.meta.url), 'utf8').split('\n');
/** Line, from 0, and column of a text in the source. */
const placeOf = (line: string, word: string): { line: number; column: number } => {
  const at = source.findIndex((one) => one.includes(line));
  return { line: at, column: (source[at] as string).indexOf(word) };
};
const environment = (): NodeJS.ProcessEnv => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'capriccio-test-'));
  onTestFinished(() => { fs.rmSync(folder, { recursive: true, force: true }); });
  return { ...process.env, NODE_OPTIONS: undefined, CAPRICCIO_CACHE: path.join(folder, 'cache') };
};

/** Of the worker that has loaded the module: its session, and the module's script. */
async function workerWith(main: Session, file: string): Promise<{ worker: Session; script: Fields }> {
  await main.send('NodeWorker.enable', { waitForDebuggerOnStart: false });
  for (;;) {
    const { sessionId } = await main.event('NodeWorker.attachedToWorker');
    const worker = new Session((message) => { void main.send('NodeWorker.sendMessageToWorker', { sessionId, message }); });
    void (async () => { for (;;) worker.receive((await main.event('NodeWorker.receivedMessageFromWorker', (params) => params['sessionId'] === sessionId))['message'] as string); })();
    const script = worker.event('Debugger.scriptParsed', ({ url }) => (url as string).endsWith(file));
    await worker.send('Debugger.enable');                                // tells of all scripts before it answers
    const found = await Promise.race([script, new Promise<undefined>((resolve) => { setImmediate(resolve, undefined); })]);
    if (found !== undefined) return { worker, script: found };
  }
}

test('a breakpoint in a source line of a compiled function stops there, with its variables by their names, and steps to the next line', { timeout: 60_000 }, async () => {
  const child = spawn(process.execPath, ['--inspect=127.0.0.1:0', '--conditions=capriccio-source', program], { stdio: ['pipe', 'pipe', 'pipe'], env: environment() });
  onTestFinished(() => { child.kill('SIGKILL'); });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const main = await inspectorOf(child);
  assert.equal((await lines.next()).value, '10');
  const { worker, script } = await workerWith(main, 'debugged.ts');

  const map = new SourceMap(JSON.parse(Buffer.from(/base64,(.*)$/.exec(script['sourceMapURL'] as string)?.[1] ?? '', 'base64').toString()) as SourceMapPayload);
  assert.equal(map.payload.sourcesContent[0], source.join('\n'));
  const wanted = placeOf('const total', 'const total');                  // the second statement of its line, behind an await
  const { scriptSource } = await worker.send('Debugger.getScriptSource', { scriptId: script['scriptId'] });
  const generated = (scriptSource as string).split('\n')[wanted.line] as string;
  const column = [...generated].findIndex((_, at) => { const entry = map.findEntry(wanted.line, at); return 'originalLine' in entry && entry.originalLine === wanted.line && entry.originalColumn === wanted.column; });
  assert.ok(column >= 0, 'the source map leads there');
  await worker.send('Debugger.setBreakpoint', { location: { scriptId: script['scriptId'], lineNumber: wanted.line, columnNumber: column } });

  child.stdin.write('go\n');
  const { callFrames } = await worker.event('Debugger.paused') as { callFrames: { callFrameId: string; location: { scriptId: string; lineNumber: number; columnNumber: number } }[] };
  const [top] = callFrames as [typeof callFrames[0]];
  assert.equal(top.location.scriptId, script['scriptId']);
  const entry = map.findEntry(top.location.lineNumber, top.location.columnNumber);
  assert.ok('originalLine' in entry);
  assert.equal(entry.originalLine, wanted.line);
  assert.ok(entry.originalColumn >= wanted.column, 'behind the await of the same line');
  const valueOf = async (expression: string): Promise<unknown> => ((await worker.send('Debugger.evaluateOnCallFrame', { callFrameId: top.callFrameId, expression }))['result'] as Fields)['value'];
  assert.deepEqual([await valueOf('price'), await valueOf('count'), await valueOf('item.price')], [10, 7, 10]);

  await worker.send('Debugger.stepOver');
  const stepped = (await worker.event('Debugger.paused')) as { callFrames: typeof callFrames };
  const next = map.findEntry(stepped.callFrames[0]?.location.lineNumber as number, stepped.callFrames[0]?.location.columnNumber as number);
  assert.ok('originalLine' in next);
  assert.equal(next.originalLine, wanted.line + 1);
  assert.equal(((await worker.send('Debugger.evaluateOnCallFrame', { callFrameId: stepped.callFrames[0]?.callFrameId, expression: 'total' }))['result'] as Fields)['value'], 70);
  await worker.send('Debugger.resume');
  assert.equal((await lines.next()).value, '70');
});

interface Profile { readonly nodes: readonly { readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }; readonly positionTicks?: readonly { readonly line: number; readonly ticks: number }[] }[] }

test('--cpu-prof names the functions, files and lines of the sources', { timeout: 60_000 }, () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'capriccio-test-'));
  onTestFinished(() => { fs.rmSync(folder, { recursive: true, force: true }); });
  const { status, stderr } = spawnSync(process.execPath, ['--cpu-prof', `--cpu-prof-dir=${folder}`, '--conditions=capriccio-source', program, '400'], { encoding: 'utf8', env: environment() });
  assert.equal(status, 0, stderr);
  const nodes = fs.readdirSync(folder).flatMap((file) => (JSON.parse(fs.readFileSync(path.join(folder, file), 'utf8')) as Profile).nodes).filter(({ callFrame }) => callFrame.url.endsWith('debugged.ts'));
  const begins = { isBusy: placeOf('function isBusy', '').line, digest: placeOf('function digest', '').line };
  const ends = { isBusy: source.length, digest: begins.isBusy };
  for (const name of ['isBusy', 'digest'] as const) {
    const own = nodes.filter(({ callFrame: { functionName, lineNumber } }) => new RegExp(String.raw`^(?:\$c_+)?${name}\d*$`).test(functionName) && lineNumber >= begins[name] && lineNumber < ends[name]);   // a twin by which a synchronous function can be left stands on the function's last line
    const ticks = own.flatMap(({ positionTicks = [] }) => positionTicks);
    assert.ok(ticks.length > 0, `${name} is not in the profile`);
    assert.ok(ticks.every(({ line }) => line > begins[name] && line <= ends[name]), JSON.stringify(ticks));
  }
});
