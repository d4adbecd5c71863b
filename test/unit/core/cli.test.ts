import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { describe, onTestFinished, test, vi } from 'vitest';
import { refusalOfNode } from '../../../packages/core/src/cli/node-version.ts';
import { Output } from '../../../packages/core/src/cli/output.ts';
import { BOUND_MS, capriccio, children, fixture, here, root, serving, start } from './cli-rig.ts';
import { until } from './rig.ts';

describe('the command line', () => {
  test('--help lists the verbs, and each verb its options', async () => {
    const [all, serve, run] = await Promise.all([capriccio('--help'), here('serve', '--help'), here('run', 'x.ts', '-h')]);
    assert.deepEqual([all.code, serve.code, run.code], [0, 0, 0]);
    assert.match(all.stdout, /capriccio serve \[app\].*\n.*capriccio run <script>.*\n.*\n.*capriccio top <admin-port>.*\n.*capriccio dump <admin-port>/);
    for (const option of ['--cores', '--port', '--host', '--accept', '--deadline-ms', '--grace-ms', '--admin-port', '--watch', '--config', '--json', '--help']) assert.ok(serve.stdout.includes(option), option);
    assert.match(run.stdout, /--cores n/);
    assert.deepEqual([await here('help'), await here('help', 'serve'), (await here('help', 'srve')).code], [all, serve, 2]);
    assert.equal(all.stderr + serve.stderr + run.stderr, '');
    assert.ok(!all.stdout.includes('\u001B'), 'no colour into a pipe');
  });

  test('what cannot be meant is one line on stderr and exit code 2', async () => {
    assert.deepEqual(await capriccio('srve', '--json'), { code: 2, stdout: '', stderr: '{"error":{"code":"CAP_ERR_OPTION","message":"there is no verb \'srve\'; did you mean \'serve\'?"}}\n' });
    assert.deepEqual(await capriccio('serve', '--prt'), { code: 2, stdout: '', stderr: 'capriccio: serve has no option --prt; did you mean --port? (CAP_ERR_OPTION)\n' });
  });

  test('--version is that of the package', async () => {
    const { code, stdout } = await capriccio('--version');
    assert.equal(code, 0);
    assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
    assert.deepEqual(JSON.parse((await here('--version', '--json')).stdout), { version: stdout.trimEnd() });
  });

  test.each([
    [['srve'], /no verb 'srve'; did you mean 'serve'\?/],
    [['frobnicate'], /no verb 'frobnicate'; there are serve, run, analyze, top and dump/],
    [[], /no verb was given/],
    [['--verison'], /did you mean --version\?/],
    [['serve', 'a.ts', '--prot', '1'], /serve has no option --prot; did you mean --port\?/],
    [['run', 'a.ts', '--frobnicate'], /run has no option --frobnicate; it has --cores/],
    [['serve', 'a.ts', '--port'], /--port takes a value/],
    [['serve', 'a.ts', '--port', 'http'], /--port takes a whole number, not 'http'/],
    [['serve', 'a.ts', '--port', '70000'], /port must be an integer from 0 to 65535, not 70000/],
    [['serve', 'a.ts', '--cores', '0', '--watch'], /--watch starts workers again, and with cores: 0 there are none.* node --watch node_modules\/capriccio\/dist\/cli\/main\.js serve/],
    [['serve', 'a.ts', '--cores', '129'], /cores must be an integer from 0 to 128, not 129/],
    [['serve', 'a.ts', '--accept', 'plcaed'], /accept must be 'placed' or 'reusePort'/],
    [['serve', 'a.ts', '--json=yes'], /--json takes no value/],
    [['serve'], /serve takes the app/],
    [['serve', 'a.ts', 'b.ts'], /serve takes one app/],
    [['run', '--cores', '1'], /run takes the script/],
    [['serve', 'a.ts', '--config', 'nowhere.ts'], /there is no nowhere\.ts/],
    [['serve', '--config', 'test/fixtures/cli/config/wrong.config.ts'], /has no option 'prot'/],
    [['serve', '--config', 'test/fixtures/cli/config/no-default.config.ts'], /must have a configuration as its default export, not undefined/],
    [['top'], /top takes the admin port/],
    [['top', '9000', '9001'], /top takes one admin port/],
    [['top', 'ftp://x'], /'ftp:\/\/x' is no port and no http: address/],
    [['top', '9000', '--times', '0'], /--times takes a whole number from 1/],
    [['dump'], /dump takes the admin port/],
    [['dump', '9000', '--pid', '1'], /an admin port or --pid, not both/],
    [['dump', '--pid', 'x'], /--pid takes a whole number/],
    [['serve', 'nowhere.ts'], /there is no nowhere\.ts/],
    [['serve', 'test'], /test is a directory; name a file of it/],
    [['run', 'nowhere.ts'], /there is no nowhere\.ts/],
    [['analyze', 'test', 'packages'], /analyze takes one directory or file, not also packages/],
    [['analyze', 'packages', '--stack-bound', '0'], /--stack-bound takes a whole number from 1, not 0/],
    [['run', 'a.ts', '--cores', '500'], /cores must be an integer from 0 to 128, not 500/],
  ])('%j is refused with exit code 2', async (args, message) => {
    const { code, stdout, stderr } = await here(...args);
    assert.equal(code, 2, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, /^capriccio: .* \(CAP_ERR_OPTION\)\n$/);
    assert.match(stderr, message);
  });

  test('a Node that is too old is told so, by code that it can load', async () => {
    const older = "data:text/javascript,Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '24.20.9' } })";
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--conditions=capriccio-source', '--import', older, 'packages/core/src/cli/main.ts', '--version'], { cwd: root, encoding: 'utf8', timeout: BOUND_MS });
    assert.deepEqual([status, stdout], [1, '']);
    assert.match(stderr, /^capriccio: this is Node 24\.20\.9 \(.+\), and Node 24\.21 or newer is needed: install one from https:.*\n$/);
    assert.deepEqual(['20.20.2', '24.20.0', '24.21.0', '24.22.1', '26.0.0'].map((version) => refusalOfNode(version, '24.21') === undefined), [false, false, true, true, true]);
  });

  test('a reader that has read enough ends what goes on printing, and nothing is said of it', async () => {
    const cli = start(['run', fixture('endless.ts'), '--cores', '0']);
    await once(cli.child.stdout as NodeJS.ReadableStream, 'data');
    cli.child.stdout?.destroy();
    assert.deepEqual(await cli.ended, { code: 0, signal: null });
    assert.equal(cli.stderr, '');
  });

  test('long work tells how far it is, on a terminal only', (context) => {
    const written = (isTTY: boolean, json: boolean): string => {
      const chunks: string[] = [];
      const stderr = Object.assign(new Writable({ write(chunk, _, done) { chunks.push(String(chunk)); done(); } }), { isTTY, columns: 20 });
      const progress = new Output(json, new PassThrough(), stderr).progress();
      context.onTestFinished(() => { now.mockRestore(); });
      const now = vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 2000);
      progress.show('1 of 2 files: a-name-that-is-long.ts');
      progress.show('at once: too soon');
      progress.end();
      now.mockRestore();
      return chunks.join('');
    };
    assert.equal(written(true, false), '\r\u001B[K1 of 2 files: a-nam\r\u001B[K');
    assert.deepEqual([written(false, false), written(true, true)], ['', '']);
  });

  test('--json makes an error one line of JSON', async () => {
    const { code, stderr } = await here('serve', '--json', '--prot', '1');
    assert.equal(code, 2);
    assert.deepEqual(JSON.parse(stderr), { error: { code: 'CAP_ERR_OPTION', message: 'serve has no option --prot; did you mean --port?' } });
    assert.match((await here('run', 'a.ts', '--prot', '--', '--json')).stderr, /^capriccio: /);
    assert.deepEqual(await here('analyze', fixture('join.ts'), '--dot', '--json'), { code: 2, stdout: '', stderr: '{"error":{"code":"CAP_ERR_OPTION","message":"--dot or --json, not both"}}\n' });
    assert.match((await here('analyze', fixture('join.ts'))).stdout, /\n {2}1 function, \d+ call sites?, 0 blocking points\n/);
  });
});

describe('capriccio dump', () => {
  test.runIf(process.platform === 'linux')('SIGQUIT to a running script prints all threads on stderr, and it goes on', async () => {
    const cli = start(['run', fixture('waits.ts'), '--cores', '1']);
    const asks = async (...args: string[]): Promise<string> => {
      const from = cli.stderr.length;
      const asked = await capriccio('dump', '--pid', String(cli.child.pid), ...args);
      if (asked.code === 0) await until(() => cli.stderr.slice(from).includes('threads'), 'the dump');
      return asked.code === 0 ? cli.stderr.slice(from) : asked.stderr;
    };
    let text = '';
    await until(async () => (text = await asks()).includes('more "waitsForKept"'), 'the threads waiting');
    assert.match(text, /^process \d+, \d{4}-\d\d-\d\dT[\d:.]+Z: 16 threads\n\n/);
    assert.match(text, /\n"default" #\d+ worker 1 \(.*waits\.ts#default\) blocked for [\d.]+ m?s on a scope, held by (?:#\d+, ){8}and \d more\n {4}at waits \(.*waits\.ts:8:\d+\)/);
    assert.match(text, /\n"waitsForKept" #\d+ worker 1 \(.*\) blocked for [\d.]+ m?s on mutex 'kept', held by #\d+\n {4}at waitsForKept \(.*waits\.ts:17:\d+\)\n {4}(?:child of #\d+, )?spawned at .*waits\.ts:8:/);
    assert.match(text, /\n… and 4 more "waitsForKept" of worker 1 like those above\n/);
    cli.child.kill('SIGKILL');
    await cli.ended;
  });

  test('a circle of waits is told as it is found', async () => {
    const cli = start(['run', fixture('waits.ts'), 'circle', '--cores', '1']);
    await until(() => cli.stderr.includes('take locks in one order everywhere'), 'the note');
    assert.match(cli.stderr, /^capriccio: .* at \S*waits\.ts:\d+ waits for mutex 'kept', which thread \d+ has/);
    cli.child.kill('SIGKILL');
    await cli.ended;
  });

  test.runIf(process.platform === 'linux')('a process that the signal would end is left alone', async () => {
    const other = spawn(process.execPath, ['-e', "process.stdout.write('up'); setTimeout(() => {}, 60000)"], { stdio: ['ignore', 'pipe', 'ignore'] });
    children.add(other);
    await once(other.stdout, 'data');
    const { code, stderr } = await here('dump', '--pid', String(other.pid));
    assert.equal(code, 1);
    assert.match(stderr, /does not listen to SIGQUIT.*\(CAP_ERR_MODULE\)/);
    assert.equal(other.exitCode ?? other.signalCode, null);
    other.kill('SIGKILL');
    assert.equal((await here('dump', '--pid', '4194305')).code, 1);
  });

  test('a served app answers at its admin port, and on SIGQUIT', async () => {
    const cli = await serving([fixture('slow-app.ts'), '--port', '0', '--admin-port', '0', '--json']);
    const { adminUrl } = JSON.parse(cli.stdout) as { adminUrl: string };
    const slow = fetch(`${cli.url}/slow`);
    const dumped = await here('dump', adminUrl, '--json');
    assert.equal(dumped.code, 0, dumped.stderr);
    const { pid, threads, stalled } = JSON.parse(dumped.stdout) as { pid: number; threads: unknown[]; stalled: number[] };
    assert.deepEqual([pid, Array.isArray(threads), stalled], [cli.child.pid, true, []]);
    assert.match((await here('dump', new URL(adminUrl).port)).stdout, /^process \d+, .*: \d+ threads?/);
    if (process.platform !== 'win32') {
      cli.child.kill('SIGQUIT');
      await until(() => cli.stderr.includes('"threads":['), 'the dump');
      assert.equal((JSON.parse(cli.stderr) as { pid: number }).pid, pid);
    }
    assert.equal((await slow).status, 200);
    cli.child.kill('SIGTERM');
    assert.deepEqual(await cli.ended, { code: 0, signal: null });
  });
});

describe('capriccio.config.ts', () => {
  test('names the app and its options; what is typed comes first', async () => {
    const cli = await serving(['--config', fixture('config/capriccio.config.ts'), '--json', '--cores', '1'], { CAPRICCIO_CORES: '' });
    const { cores, port } = JSON.parse(cli.stdout) as { cores: number; port: number };
    assert.equal(cores, 1);
    assert.notEqual(port, 3000);
    assert.equal(await (await fetch(`${cli.url}/quick`)).text(), 'answer to /quick');
    cli.child.kill('SIGTERM');
    assert.deepEqual(await cli.ended, { code: 0, signal: null });
  });
});

describe('a configuration that cannot be loaded', () => {
  const configured = async (text: string): Promise<Awaited<ReturnType<typeof here>> & { file: string }> => {
    const folder = mkdtempSync(join(tmpdir(), 'capriccio-config-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, 'capriccio.config.mts');
    writeFileSync(file, text);
    return { ...await here('serve', 'test/fixtures/cli/slow-app.ts', '--config', file), file };
  };

  test.each([
    ['export default {\n  app: ,\n};\n', 'SyntaxError: Expression expected (line 2, column 8) (CAP_ERR_MODULE)\n'],
    ["import missing from 'package-that-is-not-there';\nexport default { missing };\n", "Error: Cannot find package 'package-that-is-not-there'"],
    ["throw new TypeError('no such luck');\n", 'TypeError: no such luck (CAP_ERR_MODULE)\n'],
  ])('%j is named, with the reason', async (text, reason) => {
    const { code, stdout, stderr, file } = await configured(text);
    assert.deepEqual([code, stdout], [1, '']);
    assert.ok(stderr.startsWith(`capriccio: ${file} cannot be loaded: ${reason}`), stderr);
  });
});

test('that a package has no type is said once, however many workers there are', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'capriccio-typeless-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'package.json'), '{}');
  writeFileSync(join(folder, 'app.ts'), 'export default { fetch: (): Response => new Response() };');
  const cli = await serving([join(folder, 'app.ts'), '--port', '0', '--cores', '3']);
  await until(() => cli.stderr.includes('MODULE_TYPELESS_PACKAGE_JSON'), 'the warning');
  cli.child.kill('SIGTERM');
  await cli.ended;
  assert.equal(cli.stderr.split('MODULE_TYPELESS_PACKAGE_JSON').length - 1, 1, cli.stderr);
});

describe('capriccio serve --watch', () => {
  test('starts again on the same port when a source changes, also after one that is broken', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'capriccio-watch-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const write = (text: string): void => writeFileSync(join(folder, 'app.mjs'), `export default { fetch: () => new Response(${text}) };`);
    write("'first'");
    const cli = await serving([join(folder, 'app.mjs'), '--port', '0', '--watch']);
    const says = async (text: string): Promise<void> => {
      const end = performance.now() + 15_000;
      while (await fetch(cli.url).then((answer) => answer.text(), () => '') !== text) {
        assert.ok(performance.now() < end, cli.stderr);
        await new Promise((resolve) => { setTimeout(resolve, 20); });
      }
    };
    await says('first');
    write("'second'");
    await says('second');
    write("'not closed");
    await new Promise<void>((resolve) => { const look = setInterval(() => { if (cli.stderr.includes('SyntaxError') || cli.stderr.includes('Invalid or unexpected')) { clearInterval(look); resolve(); } }, 20); });
    write("'third'");
    await says('third');
    cli.child.kill('SIGTERM');
    assert.deepEqual(await cli.ended, { code: 0, signal: null });
  });

  test('a configuration that has changed is read again, and one that is wrong is told of', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'capriccio-watch-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const config = join(folder, 'capriccio.config.mjs');
    writeFileSync(join(folder, 'app.mjs'), "export default { fetch: () => new Response('served') };");
    writeFileSync(config, "export default { app: './app.mjs', pool: { cores: 1 } };");
    const cli = await serving(['--config', config, '--port', '0', '--watch']);
    writeFileSync(config, "export default { app: './app.mjs', pool: { croes: 2 } };");
    await until(() => cli.stderr.includes("no option 'croes'; did you mean 'cores'?"), 'the refusal');
    writeFileSync(config, "export default { app: './app.mjs', pool: { cores: 2 } };");
    await until(() => cli.stdout.endsWith(' with 2 cores\n'), 'the second core');
    assert.equal(new Set(cli.stdout.match(/:\d+ /g)).size, 1, cli.stdout);
    assert.equal(await (await fetch(cli.url)).text(), 'served');
    cli.child.kill('SIGTERM');
    assert.deepEqual(await cli.ended, { code: 0, signal: null });
  });
});

describe('capriccio serve', () => {
  const app = fixture('slow-app.ts');

  test('serves, and on SIGTERM answers what is under way, accepts nothing new and exits with 0', async () => {
    const cli = await serving([app, '--port', '0', '--cores', '2']);
    assert.match(cli.stdout, /^listening on http:\/\/127\.0\.0\.1:\d+ with 2 cores\n$/);
    assert.equal(await (await fetch(`${cli.url}/quick`)).text(), 'answer to /quick');
    const slow = fetch(`${cli.url}/slow`);
    await new Promise((resolve) => { setTimeout(resolve, 200); });
    cli.child.kill('SIGTERM');
    const answer = await slow;
    assert.deepEqual([answer.status, await answer.text()], [200, 'answer to /slow']);
    assert.deepEqual(await cli.ended, { code: 0, signal: null });
    assert.match(cli.stderr, /^capriccio: SIGTERM: closing/);
    await assert.rejects(fetch(`${cli.url}/quick`));
  });

  test('--json says where it listens as data; SIGINT ends it too; PORT and CAPRICCIO_CORES are obeyed', async () => {
    const free = createServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    const { port } = free.address() as AddressInfo;
    await new Promise((resolve) => { free.close(resolve); });
    const cli = await serving([app, '--json', '--accept', 'reusePort'], { PORT: String(port), CAPRICCIO_CORES: '2' });
    assert.deepEqual(JSON.parse(cli.stdout), { event: 'listening', url: `http://127.0.0.1:${port}`, port, cores: 2 });
    cli.child.kill('SIGINT');
    assert.deepEqual(await cli.ended, { code: 0, signal: null });
    assert.match((JSON.parse(cli.stderr) as { note: string }).note, /^SIGINT: closing/);
  });

  test.each([[['--cores', '0'], {}], [[], { CAPRICCIO_CORES: '0' }]])('%j %j: in this process, for debugging, until a signal', async (args, env) => {
    const cli = await serving([fixture('one-process.ts'), '--port', '0', ...args], env);
    assert.match(cli.stdout, /^listening on http:\/\/127\.0\.0\.1:\d+ in this process\n$/);
    assert.deepEqual(await (await fetch(cli.url)).json(), { pid: cli.child.pid, isMainThread: true, thread: 'GET /', halved: 21 });
    const slow = fetch(`${cli.url}/slow`);
    await new Promise((resolve) => { setTimeout(resolve, 100); });
    cli.child.kill('SIGTERM');
    assert.equal((await slow).status, 200);
    assert.deepEqual(await cli.ended, { code: 0, signal: null });
  });

  test('a second signal ends it at once, although a request never ends', async () => {
    const cli = await serving([app, '--port', '0', '--grace-ms', '60000', '--admin-port', '0', '--json']);
    const { adminUrl } = JSON.parse(cli.stdout) as { adminUrl: string };
    fetch(`${cli.url}/spin`).catch(() => { /* it is cut */ });
    await until(async () => ((await (await fetch(`${adminUrl}/stats.json`)).json()) as { health: { stalled: number[] } }).health.stalled.length === 1, 'the request running');
    cli.child.kill('SIGTERM');
    await once(cli.child.stderr as NodeJS.ReadableStream, 'data');
    cli.child.kill('SIGTERM');
    assert.deepEqual(await cli.ended, { code: null, signal: 'SIGTERM' });   // its grace is a minute
  });

  test('workers that die soon, again and again, of what nobody caught: with its stack, and ever more slowly', async () => {
    const cli = start(['serve', fixture('dies-soon.ts'), '--port', '0', '--cores', '1']);
    await until(() => cli.stderr.includes('the next is started in 200 ms'), 'the second pause');
    cli.child.kill('SIGKILL');
    await cli.ended;
    assert.match(cli.stderr, /^capriccio: worker \d+ died: it threw RangeError: a moment later; another takes its place\n {4}at .*dies-soon\.ts:1:/);
    assert.match(cli.stderr, /\ncapriccio: a worker died again soon after its start \(it threw RangeError: a moment later\); the next is started in 100 ms\n/);
  });

  test('a port in use is an error that names it, exit code 1', async () => {
    const blocker = createServer().listen(0, '127.0.0.1');
    await once(blocker, 'listening');
    const { port } = blocker.address() as AddressInfo;
    const { code, stderr } = await capriccio('serve', app, '--port', String(port));
    blocker.close();
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`^capriccio: port ${port} of 127.0.0.1 is in use; .* \\(CAP_ERR_OPTION\\)`));
  });

  test.each([
    ['imports-syntax.ts', /^capriccio: SyntaxError: .* \(file:.*\/fixtures\/cli\/syntax\.mjs:2:16\)\n {4}at file:.*syntax\.mjs:2:16\n/],
    ['broken.ts', /this module cannot be loaded\n {4}at .*broken\.ts:1/],
    ['no-default.ts', /cannot serve this module: the module has no default export.*\(CAP_ERR_MODULE\)/],
  ])('%s is an error that says so, exit code 1, in this process too', async (name, message) => {
    for (const cores of ['1', '0']) {
      const { code, stdout, stderr } = await capriccio('serve', fixture(name), '--port', '0', '--cores', cores);
      assert.deepEqual([code, stdout], [1, '']);
      assert.match(stderr, message);
    }
  });
});
