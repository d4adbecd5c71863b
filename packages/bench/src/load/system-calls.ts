/** Counts the system calls of a process and its threads while something runs, with strace. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const canCount = (): boolean => spawnSync('strace', ['-V']).status === 0;

/** @returns calls by name. The run is slowed by the counting: take no time from it. */
export async function countSystemCalls(pid: number, run: () => Promise<void>): Promise<Map<string, number>> {
  const folder = mkdtempSync(join(tmpdir(), 'capriccio-strace-'));
  try {
    const strace = spawn('strace', ['-f', '-c', '-o', join(folder, 'counts'), '-p', String(pid)], { stdio: 'ignore' });
    await new Promise((resolve) => { setTimeout(resolve, 500); });       // until it has attached to every thread
    await run();
    strace.kill('SIGINT');
    await once(strace, 'exit');
    const counts = new Map<string, number>();
    for (const line of readFileSync(join(folder, 'counts'), 'utf8').split('\n')) {
      const words = line.trim().split(/\s+/);
      if (/^\d/.test(words[0] ?? '') && words.at(-1) !== 'total') counts.set(words.at(-1) as string, Number(words[3]));
    }
    return counts;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
