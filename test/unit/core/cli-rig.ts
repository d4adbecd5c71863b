/** The command line as a child process, and in this one. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { afterAll } from 'vitest';
import { commandLine } from '../../../packages/core/src/cli/command-line.ts';

export const root = new URL('../../../', import.meta.url);
export const fixture = (name: string): string => `test/fixtures/cli/${name}`;
/** All that a command is given of this process's environment. */
export const bare = { PATH: process.env['PATH'], NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'], NODE_OPTIONS: process.env['NODE_OPTIONS'] };
/** A child that has not ended by then is killed, ms: a test sees the signal and fails. */
export const BOUND_MS = 20_000;

export interface Cli { readonly child: ChildProcess; stdout: string; stderr: string; readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }> }
export const children = new Set<ChildProcess>();
afterAll(() => { for (const child of children) child.kill('SIGKILL'); });

export function start(args: readonly string[], env: Record<string, string> = {}, stdin: 'ignore' | 'pipe' = 'ignore'): Cli {
  const child = spawn(process.execPath, ['--conditions=capriccio-source', 'packages/core/src/cli/main.ts', ...args], {
    cwd: root, env: { ...bare, CAPRICCIO_CORES: '1', ...env }, stdio: [stdin, 'pipe', 'pipe'],
  });
  children.add(child);
  const timer = setTimeout(() => child.kill('SIGKILL'), BOUND_MS);
  const cli: Cli = {
    child, stdout: '', stderr: '',
    ended: once(child, 'close').then(([code, signal]) => { clearTimeout(timer); children.delete(child); return { code: code as number | null, signal: signal as NodeJS.Signals | null }; }),
  };
  child.stdout?.on('data', (chunk) => { cli.stdout += String(chunk); });
  child.stderr?.on('data', (chunk) => { cli.stderr += String(chunk); });
  return cli;
}

export async function capriccio(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const cli = start(args);
  const { code } = await cli.ended;
  return { code, stdout: cli.stdout, stderr: cli.stderr };
}

/** Starts a server and waits for the line that says where it listens. */
export async function serving(args: readonly string[], env?: Record<string, string>): Promise<Cli & { url: string }> {
  const cli = start(['serve', ...args], env);
  const url = await Promise.race([
    new Promise<string>((resolve) => { cli.child.stdout?.on('data', () => { const found = /http:\/\/[\w.:[\]]+/.exec(cli.stdout); if (found !== null && cli.stdout.endsWith('\n')) resolve(found[0]); }); }),
    cli.ended.then(() => assert.fail(`it ended before it listened: ${cli.stderr}`)),
  ]);
  return Object.assign(cli, { url });
}

/** The same in this process, for what starts no pool. */
export async function here(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const code = await commandLine(args, stdout, stderr);
  return { code, stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') };
}
