/** Runs a question in a process of its own, bounded in time: what one question leaves warm, or breaks, is not the next one's. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { emptyRecord, type QuestionRecord } from './journal.ts';
import type { Answer, QuestionOptions } from './questions.ts';

const PATIENCE_MS = 15 * 60_000;
const HERE = new URL('.', import.meta.url);

/**
 * @param output  where its text goes: a file descriptor, or 'ignore'
 * @param sources  the folder of the benchmarks to run: another revision's, when two are compared
 */
export async function runQuestion(name: string, options: QuestionOptions, output: number | 'ignore' = 1, sources: URL = HERE): Promise<Answer> {
  const began = performance.now();
  const child = fork(fileURLToPath(new URL('question-process.ts', sources)), [new URL(`${name}.ts`, sources).href, JSON.stringify(options)], {
    execArgv: ['--conditions=capriccio-source', '--expose-gc'], stdio: ['ignore', output, output === 'ignore' ? 'ignore' : 2, 'ipc'],
  });
  const end = (): void => { child.kill('SIGKILL'); };
  process.once('exit', end);
  let record: QuestionRecord | undefined;
  child.on('message', (message) => { record = message as QuestionRecord; });
  const timer = setTimeout(end, PATIENCE_MS);
  const [code, signal] = await once(child, 'exit') as [number | null, string | null];
  clearTimeout(timer);
  process.off('exit', end);
  const ms = performance.now() - began;
  if (record !== undefined) return { name, ms, record };
  return { name, ms, record: emptyRecord(), failure: ms >= PATIENCE_MS ? `not answered within ${PATIENCE_MS / 60_000} minutes` : `its process ended (${signal ?? code})` };
}
