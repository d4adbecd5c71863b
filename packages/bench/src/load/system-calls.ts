/**
 * Counts the system calls of a process and its threads while something runs: with perf's tracepoints, which hardly slow it, or else with strace, under
 * which V8's helper threads meet at their locks more often than they would.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ALL = 'raw_syscalls:sys_enter';
/** Calls that are told apart; the rest is `other`. */
const NAMED = ['read', 'write', 'writev', 'sendfile64', 'pread64', 'epoll_pwait', 'epoll_ctl', 'futex', 'getrusage', 'madvise', 'mmap', 'munmap', 'io_uring_enter'] as const;
/** Until a counter has attached to every thread, ms. */
const ATTACH_MS = 500;

const works = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0;
const hasPerf = works('perf', 'stat', '-e', ALL, 'true');
/** What counts here. */
export const counter: 'perf' | 'strace' | undefined = hasPerf ? 'perf' : works('strace', '-V') ? 'strace' : undefined;

/** @returns calls by name. Under strace the run is slowed by the counting: take no time from it. Throws when nothing here can count. */
export async function countSystemCalls(pid: number, run: () => Promise<void>): Promise<Map<string, number>> {
  if (counter === undefined) throw new Error('neither perf nor strace is here, or may be used');
  const folder = mkdtempSync(join(tmpdir(), 'capriccio-calls-'));
  const file = join(folder, 'counts');
  const args = counter === 'strace' ? ['-f', '-c', '-o', file, '-p', String(pid)]
    : ['stat', '-x', ',', '-o', file, '-e', [ALL, ...NAMED.map((name) => `syscalls:sys_enter_${name}`)].join(','), '-p', String(pid)];
  try {
    const process = spawn(counter, args, { stdio: 'ignore' });
    await new Promise((resolve) => { setTimeout(resolve, ATTACH_MS); });
    await run();
    process.kill('SIGINT');
    await once(process, 'exit');
    const lines = readFileSync(file, 'utf8').split('\n');
    return counter === 'perf' ? countsOfPerf(lines) : countsOfStrace(lines);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function countsOfPerf(lines: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [count = '', , event = ''] of lines.map((line) => line.split(','))) if (/^\d+$/.test(count)) counts.set(event.replace('syscalls:sys_enter_', ''), Number(count));
  const all = counts.get(ALL);
  if (all === undefined) throw new Error(`perf counted nothing: ${lines.join(' ')}`);
  counts.delete(ALL);
  counts.set('other', all - [...counts.values()].reduce((sum, count) => sum + count, 0));
  return counts;
}

function countsOfStrace(lines: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const words of lines.map((line) => line.trim().split(/\s+/))) if (/^\d/.test(words[0] ?? '') && words.at(-1) !== 'total') counts.set(words.at(-1) as string, Number(words[3]));
  return counts;
}
