/**
 * A program in a worker: what `capriccio run` has loaded there. Its module is evaluated in a thread, so that it is one; and the worker stands for a process
 * of its own: arguments, exit code, 'beforeExit' and 'exit', signals, standard input. It ends as a process ends: when nothing is left that could go on, by
 * process.exit, or of what nobody caught. The worker's exit is the program's; its code tells how. Loaded by worker-plugin.ts. Next: cli/run.ts, on main.
 */
import { constants } from 'node:os';
import { isMainThread } from 'node:worker_threads';
import { describeFailure, rebuildFailure } from '@capriccio/shared';
import { findExport, loadModule, type Runtime } from '@capriccio/worker';
import { makeMain } from './main-module.ts';
import { ProgramInput } from './input.ts';
import { PROGRAM, type FromProgram, type LoadedProgram, type ProgramOrder, type ToProgram } from './messages.ts';
import { resize, standForTerminal } from './terminal.ts';

/** Between two looks whether anything is left to run, ms: the first, and the longest. */
const LOOK_MS = 1;
const LOOK_MS_MAX = 16;
/** Looks that find nothing before it is believed that a module waits for what cannot come. */
const LOOKS_UNSETTLED = 8;
/** As Node says that a module's await has not settled. */
const EXIT_UNSETTLED = 13;

/** Evaluates the module of a program, in the calling thread. Rejects with what it throws. Without a default function it does not return in a worker, which ends. */
export async function runProgram(runtime: Runtime, url: string, { path, args, hasTerminalInput, sizes }: ProgramOrder): Promise<LoadedProgram> {
  process.argv = [process.execPath, path, ...args];
  makeMain(url);
  const worker = runtime.me.id;
  if (isMainThread) return { worker, hasFunction: hasFunction(await loadModule(url)) };
  const tell = (message: FromProgram): void => runtime.mail.post(0, { kind: 'service', service: PROGRAM, body: message });
  standForProcess(runtime, tell, hasTerminalInput);
  for (const [name, size] of Object.entries(sizes)) if (size !== undefined) standForTerminal(process[name as keyof typeof sizes], size);
  let isLoaded = false;
  const loading = loadModule(url).finally(() => { isLoaded = true; });
  watchUnsettled(runtime, () => isLoaded, tell);
  const namespace = await loading;
  if (hasFunction(namespace)) return { worker, hasFunction: true };
  const names = exportsOf(namespace);
  if (names.length > 0) tell({ event: 'exports', names });
  await untilNothingIsLeft(runtime);
  return process.exit();
}

const hasFunction = (namespace: Record<string, unknown>): boolean => typeof findExport(namespace, 'default') === 'function';

/** CommonJS always has a default export: an empty object is none. */
const exportsOf = (namespace: Record<string, unknown>): string[] => Object.keys(namespace).filter((name) => {
  const value = namespace[name];
  return name !== '__esModule' && name !== 'module.exports' && !(name === 'default' && typeof value === 'object' && value !== null && Object.keys(value).length === 0 && Object.getPrototypeOf(value) === Object.prototype);
});

function standForProcess(runtime: Runtime, tell: (message: FromProgram) => void, hasTerminalInput: boolean): void {
  let input: ProgramInput | undefined;
  runtime.serve(PROGRAM, (body) => {
    const message = body as ToProgram;
    switch (message.order) {
      case 'exit': if (message.code !== undefined) process.exitCode = message.code; return process.exit();
      case 'signal': process.emit(message.name, message.name, message.number); break;
      case 'input': input?.arrive(message.bytes); break;
      case 'unreadable': input?.destroy(rebuildFailure(message.failure) as Error); break;
      case 'resize': resize(process[message.stream], message.size); break;
      default: throw new Error(`unknown message ${JSON.stringify(message)}`);
    }
  });
  process.on('uncaughtExceptionMonitor', (error) => { if (process.listenerCount('uncaughtException') === 0) tell({ event: 'uncaught', failure: describeFailure(error) }); });
  tellSignals(tell);
  Object.defineProperty(process, 'stdin', { configurable: true, enumerable: true, get: () => input ??= new ProgramInput({ tell, hold: () => runtime.hold() }, hasTerminalInput) });
}

/** Signals come to a process, and there to its main thread: it is told which of them are listened to here. */
function tellSignals(tell: (message: FromProgram) => void): void {
  const names = new Set<NodeJS.Signals>();
  const isSignal = (name: string | symbol): name is NodeJS.Signals => typeof name === 'string' && Object.hasOwn(constants.signals, name);
  process.on('newListener', (name) => {
    if (!isSignal(name) || names.has(name)) return;
    names.add(name);
    tell({ event: 'signals', names: [...names] });
  });
  process.on('removeListener', (name) => {
    if (isSignal(name) && process.listenerCount(name) === 0 && names.delete(name)) tell({ event: 'signals', names: [...names] });
  });
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms).unref(); });

/** As Node does: 'beforeExit' may begin something again. */
async function untilNothingIsLeft(runtime: Runtime): Promise<void> {
  for (;;) {
    for (let ms = LOOK_MS; !runtime.isAtRest(1); ms = Math.min(ms * 2, LOOK_MS_MAX)) await pause(ms);
    process.emit('beforeExit', Number(process.exitCode ?? 0));
    await pause(0);                                                    // what it has begun counts once the loop has turned
    if (runtime.isAtRest(1)) return;
  }
}

/** A module that awaits what can never come would keep the program for ever. */
function watchUnsettled(runtime: Runtime, isLoaded: () => boolean, tell: (message: FromProgram) => void): void {
  let looks = 0;
  const look = setInterval(() => {
    if (isLoaded()) { clearInterval(look); return; }
    looks = runtime.isAtRest(1) && runtime.objects.threadsWaiting === 0 ? looks + 1 : 0;
    if (looks < LOOKS_UNSETTLED) return;
    clearInterval(look);
    tell({ event: 'unsettled' });
    process.exit(EXIT_UNSETTLED);
  }, LOOK_MS_MAX).unref();
}
