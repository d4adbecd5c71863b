import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, onTestFinished, test } from 'vitest';
import { bare, BOUND_MS, capriccio, children, fixture, root, start } from './cli-rig.ts';
import { until } from './rig.ts';

describe('capriccio run', () => {
  test('prints what the default export returns for the remaining strings', async () => {
    assert.deepEqual(await capriccio('run', fixture('join.ts'), 'a', '--cores', '1', 'b', '--', '--cores'), { code: 0, stdout: "{ words: [ 'a', 'b', '--cores' ], count: 3 }\n", stderr: '' });
    assert.deepEqual(await capriccio('run', fixture('join.ts'), '1', '--json'), { code: 0, stdout: '{"words":["1"],"count":1}\n', stderr: '' });
  });

  test('a generator prints each value, and cores: 0 runs it here', async () => {
    assert.deepEqual(await capriccio('run', fixture('counts.ts'), '3', '--cores', '0'), { code: 0, stdout: '0\n1\n2\n', stderr: '' });
    assert.deepEqual(await capriccio('run', fixture('counts.ts'), '2', '--json'), { code: 0, stdout: '0\n1\n', stderr: '' });
  });

  test('what the script says comes before the result; what JSON does not have is an error', async () => {
    assert.deepEqual(await capriccio('run', fixture('talks.ts')), { code: 0, stdout: 'said by the script\n7n\n', stderr: '' });
    const { code, stderr } = await capriccio('run', '--json', fixture('talks.ts'));
    assert.equal(code, 1);
    assert.match((JSON.parse(stderr) as { error: { message: string } }).error.message, /cannot be written as JSON/);
  });

  test('a script that throws: its error with code and stack, exit code 1', async () => {
    const { code, stdout, stderr } = await capriccio('run', fixture('throws.ts'));
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^capriccio: test\/fixtures\/cli\/throws\.ts: StockError: nothing left \(E_STOCK\)\n {4}at .*throws\.ts:2:/);
    const json = await capriccio('run', '--json', fixture('throws.ts'));
    assert.deepEqual(JSON.parse(json.stderr), { error: { code: 'E_STOCK', message: 'test/fixtures/cli/throws.ts: StockError: nothing left' } });
  });

  test.each([
    ['imports-syntax.ts', /^capriccio: test\/fixtures\/cli\/imports-syntax\.ts: SyntaxError: .* \(file:.*\/fixtures\/cli\/syntax\.mjs:2:16\)\n {4}at file:.*syntax\.mjs:2:16\n$/],
    ['broken.ts', /^capriccio: test\/fixtures\/cli\/broken\.ts: Error: this module cannot be loaded\n {4}at .*broken\.ts:1/],
  ])('%s is an error that says so, exit code 1', async (name, message) => {
    const { code, stdout, stderr } = await capriccio('run', fixture(name));
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, message);
  });
});

describe('capriccio run, of a program', () => {
  const program = (name: string): string => fixture(`programs/${name}`);

  test.each([['1'], ['0']])('its statements run as a thread, and it ends when nothing is left to do, with its own exit code; --cores %s', async (cores) => {
    const { code, stdout, stderr } = await capriccio('run', program('plain.ts'), 'a', 'b', '--cores', cores);
    assert.deepEqual([code, stdout.trimEnd().split('\n').toSorted(), stderr], [5, ['begun again', 'exit 5', 'program', 'program a b true true', 'thread', 'timer'], '']);
    assert.match(stdout, /begun again\nexit 5\n$/);
  });

  test.each([
    ['exit', 7, /^$/],
    ['throw', 1, /^capriccio: test\/fixtures\/cli\/programs\/ends\.ts: TypeError: thrown at the top\n {4}at .*ends\.ts:7:\d+\)?\n$/],
    ['uncaught', 1, /^capriccio: test\/fixtures\/cli\/programs\/ends\.ts: RangeError: thrown in a timer\n {4}at .*ends\.ts:8:/],
    ['rejection', 1, /^capriccio: test\/fixtures\/cli\/programs\/ends\.ts: RangeError: nobody awaits it\n {4}at .*ends\.ts:9:/],
    ['caught', 0, /^$/],
    ['unsettled', 13, /^capriccio: .*ends\.ts awaits at its top level what nothing that is left can settle\n$/],
  ])('it ends by %s with exit code %i', async (how, expected, says) => {
    const { code, stdout, stderr } = await capriccio('run', program('ends.ts'), how);
    assert.deepEqual([code, stdout], [expected, how === 'caught' ? 'caught\ncaught one\n' : `${how}\n`], stderr);
    assert.match(stderr, says);
  });

  test('a default export is called, and then it ends with the exit code that the script set', async () => {
    assert.deepEqual(await capriccio('run', program('callable.ts')), { code: 4, stdout: "exit 4\n'result'\n", stderr: '' });
  });

  test.each(['1', '0'])('TypeScript that cannot be stripped, with its own lines; --cores %s', async (cores) => {
    const folder = mkdtempSync(join(tmpdir(), 'capriccio-test-'));
    onTestFinished(() => { rmSync(folder, { recursive: true, force: true }); });
    writeFileSync(join(folder, 'typed.ts'), [
      '', "enum Colour { Red = 'red', Green = 'green' }", 'namespace shades { export const dark = (colour: Colour): string => `dark ${colour}`; }', 'class Point { constructor(readonly x: number, readonly y: number) { } }',
      '', 'console.log(shades.dark(Colour.Green), new Point(1, 2));', "throw new RangeError('on line 7');", 'export {};', '',
    ].join('\n'));
    const { code, stdout, stderr } = await capriccio('run', join(folder, 'typed.ts'), '--cores', cores);
    assert.deepEqual([code, stdout], [1, 'dark green Point { x: 1, y: 2 }\n'], stderr);
    assert.match(stderr, /RangeError: on line 7\n {4}at .*typed\.ts:7:7\)?\n/);
  });

  test('one whose worker dies says of what', async () => {
    const { code, stderr } = await capriccio('run', program('fills.ts'), '--config', program('small.config.ts'));
    assert.equal(code, 1);
    assert.match(stderr, /capriccio: test\/fixtures\/cli\/programs\/fills\.ts: .* ran out of memory.*\(CAP_ERR_WORKER_LOST\)\n$/);
  });

  test('CommonJS knows that it is the main module, and stays strict', async () => {
    assert.deepEqual(await capriccio('run', program('main.cjs')), { code: 0, stdout: 'main true\n', stderr: '' });
  });

  test.each([
    ['no-default.ts', 'exports one: nothing of that was called, for it has no function as its default export'],
    ['programs/app.ts', 'exports default: nothing of that was called, for it has no function as its default export; is it an app? capriccio serve test/fixtures/cli/programs/app.ts'],
  ])('%s is no program: it is told what was not called', async (name, note) => {
    assert.deepEqual(await capriccio('run', fixture(name)), { code: 0, stdout: '', stderr: `capriccio: ${fixture(name)} ${note}\n` });
  });

  test('one that prints without end goes when its reader has gone', async () => {
    const cli = start(['run', program('prints.ts')]);
    await once(cli.child.stdout as NodeJS.ReadableStream, 'data');
    cli.child.stdout?.destroy();
    assert.deepEqual([await cli.ended, cli.stderr], [{ code: 0, signal: null }, '']);
  });

  test('it knows whether it writes to a terminal', async (context) => {
    assert.deepEqual((await capriccio('run', program('terminal.ts'))).stdout, "{ isTTY: false, hasColors: false, width: 'undefined' }\n");
    const command = `TERM=xterm-256color CAPRICCIO_CORES=1 ${process.execPath} --conditions=capriccio-source packages/core/src/cli/main.ts run ${program('terminal.ts')}`;
    const { status, error, stdout } = spawnSync('script', ['-qec', command, '/dev/null'], { cwd: root, encoding: 'utf8', timeout: BOUND_MS, input: '', env: bare });
    if (error !== undefined || status === 2 || process.platform !== 'linux') { context.skip('there is no script(1) that runs a command in a terminal'); return; }
    assert.equal(stdout.trimEnd(), "{ isTTY: \u001B[33mtrue\u001B[39m, hasColors: \u001B[33mtrue\u001B[39m, width: \u001B[32m'number'\u001B[39m }");
  });

  test('it reads standard input', async () => {
    const cli = start(['run', program('reads.ts')], {}, 'pipe');
    cli.child.stdin?.end('hello');
    assert.deepEqual([await cli.ended, cli.stdout, cli.stderr], [{ code: 0, signal: null }, '5\n', '']);
  });

  test('it reads what it can take, of whatever length', async () => {
    const cli = start(['run', program('reads-slowly.ts')], {}, 'pipe');
    cli.child.stdin?.end(Buffer.alloc(8_000_000, 'x'));
    assert.deepEqual([await cli.ended, cli.stdout, cli.stderr], [{ code: 0, signal: null }, '8000000 true\n', '']);
  });

  test('it asks, and ends when it has heard enough, though its input goes on', async () => {
    const cli = start(['run', program('asks.ts')], {}, 'pipe');
    cli.child.stdin?.write('Ann\nmore\n');
    assert.deepEqual([await cli.ended, cli.stdout, cli.stderr], [{ code: 0, signal: null }, 'name? hello Ann\n', '']);
  });

  test('it has the raw mode of a terminal, and hears of its new size', async (context) => {
    const command = `TERM=xterm-256color CAPRICCIO_CORES=1 ${process.execPath} --conditions=capriccio-source packages/core/src/cli/main.ts run ${program('asks.ts')}`;
    const child = spawn('script', ['-qec', command, '/dev/null'], { cwd: root, env: bare, stdio: ['pipe', 'pipe', 'ignore'], timeout: BOUND_MS });
    children.add(child);
    if (process.platform !== 'linux' || (await Promise.race([once(child, 'spawn'), once(child, 'error')]))[0] !== undefined) { context.skip('there is no script(1) that runs a command in a terminal'); return; }
    let screen = '';
    child.stdout.on('data', (chunk: Buffer) => { screen += chunk.toString(); });
    const type = async (text: string, shows: string): Promise<void> => {
      child.stdin.write(text);
      await until(() => screen.includes(shows), shows);
    };
    await type('', 'name? ');
    await type('Ann\r', 'raw: true\r\n');
    assert.equal(screen.split('Ann').length, 3, screen);                 // as it was typed, and in the answer: the terminal itself has not said it again
    await type('\u0003', '"\\u0003"\r\n');                               // a key, and no signal
    await type('r', '91 by 33, 91 by 33\r\n');
    child.stdin.write('q');
    assert.deepEqual(await once(child, 'close'), [0, null]);
  });

  test.runIf(process.platform !== 'win32')('a signal that it listens to is its own; any other ends it', async () => {
    const listens = start(['run', program('signals.ts')]);
    await until(() => listens.stdout === 'up\n', 'the program');
    listens.child.kill('SIGTERM');
    assert.deepEqual([await listens.ended, listens.stdout], [{ code: 0, signal: null }, 'up\nSIGTERM 15\n']);
    const other = start(['run', program('signals.ts')]);
    await until(() => other.stdout === 'up\n', 'the program');
    other.child.kill('SIGINT');
    assert.deepEqual(await other.ended, { code: null, signal: 'SIGINT' });
  });
});
