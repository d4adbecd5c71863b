/** `capriccio dump`: all threads of a running program, and what each waits for. */
import { readFileSync } from 'node:fs';
import { CapriccioError } from '@capriccio/shared';
import { dumpText, takeDump, type Dump, type Dumpable } from '../thread-dump.ts';
import { adminAddress, readAdmin } from './admin-client.ts';
import { UsageError, wholeNumber, type Typed, type Verb } from './arguments.ts';
import type { Output } from './output.ts';

export const dumpVerb: Verb = {
  name: 'dump',
  positionals: '<admin-port>',
  summary: 'prints all threads of a running program, and what each waits for',
  options: {
    pid: { value: 'n', about: 'has the program of this process print them itself, on its stderr' },
  },
  notes: [
    'A served app with --admin-port is asked there: capriccio dump 9000. Any program that `capriccio serve` or `capriccio run` has started prints its',
    'threads when SIGQUIT comes: capriccio dump --pid 1234, kill -QUIT 1234, or Ctrl-\\ in its terminal. It goes on as if nothing had happened.',
  ],
};

/** SIGQUIT, as a bit of SigCgt. */
const QUIT_BIT = 1n << 2n;

/** Resolves with the exit code. Throws UsageError; CAP_ERR_TIMEOUT when nothing answers, CAP_ERR_MODULE for a process that would not survive the signal. */
export async function dump(typed: Typed, output: Output): Promise<number> {
  const pid = wholeNumber(typed, 'pid');
  if (pid === undefined) {
    const found = await readAdmin(adminAddress(typed, 'dump'), '/dump.json') as Dump;
    output.result(dumpText(found), found);
    return 0;
  }
  if (typed.positionals.length > 0) throw new UsageError('dump takes an admin port or --pid, not both');
  if (!listensToQuit(pid)) throw new CapriccioError('CAP_ERR_MODULE', `process ${pid} does not listen to SIGQUIT, which would end it: it is no program that capriccio serve or capriccio run has started`);
  process.kill(pid, 'SIGQUIT');
  output.result(`process ${pid} prints its threads on its stderr`, { asked: pid });
  return 0;
}

/** Whoever does not handle the signal is ended by it. Throws CAP_ERR_OPTION where that cannot be told, or there is no such process. */
function listensToQuit(pid: number): boolean {
  let status: string;
  try {
    status = readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch (error) {
    throw new CapriccioError('CAP_ERR_OPTION', process.platform === 'linux' ? `there is no process ${pid}` : `--pid needs /proc to see that process ${pid} survives the signal: use its admin port, or kill -QUIT ${pid}`, { cause: error });
  }
  return (BigInt(`0x${/^SigCgt:\s*([\da-f]+)/m.exec(status)?.[1] ?? '0'}`) & QUIT_BIT) !== 0n;
}

/** Prints the threads on stderr whenever SIGQUIT comes (Ctrl-\\; Ctrl-Break on Windows). @returns how to stop */
export function dumpOnQuit(pool: () => Dumpable | undefined, output: Output): () => void {
  const signal = process.platform === 'win32' ? 'SIGBREAK' : 'SIGQUIT';
  const print = (): void => {
    const asked = pool();
    if (asked !== undefined) takeDump(asked).then((dump) => output.report(dumpText(dump), dump), (error: unknown) => output.error(error));
  };
  process.on(signal, print);
  return () => { process.off(signal, print); };
}
