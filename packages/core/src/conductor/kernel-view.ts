/**
 * What the kernel says of a thread of this process, by /proc/self/task and descriptors that are kept (1 us a reading; opening each time costs
 * six). Where there is no /proc, `open` gives undefined and heartbeat.ts is asked instead.
 */
import { closeSync, openSync, readFileSync, readSync, readdirSync } from 'node:fs';
import type { Witness } from './suspicion.ts';

/** System calls by processor: those in which libuv's loop waits, and the one behind every lock and `Atomics.wait`. */
const CALLS: Readonly<Record<string, { readonly poll: readonly number[]; readonly futex: number } | undefined>> = {
  x64: { poll: [232, 281, 441], futex: 202 },
  arm64: { poll: [22, 441], futex: 98 },
};
/** Threads of V8's platform, by name: the collector's helpers. */
const HELPER = /V8Worker/;
export const TASKS = '/proc/self/task';
/** `syscall` says "running" of a thread that runs or waits for a processor. */
const RUNNING = 'r'.charCodeAt(0);

const buffer = Buffer.alloc(512);

/** A file of /proc, read from its start each time. */
class ProcFile {
  readonly #descriptor: number;
  constructor(path: string) { this.#descriptor = openSync(path, 'r'); }
  /** Bytes read into `buffer`; 0 when the thread has ended. */
  read(): number { try { return readSync(this.#descriptor, buffer, 0, buffer.length, 0); } catch { return 0; } }
  close(): void { closeSync(this.#descriptor); }
}

/** Undefined where the system has no such file, or does not let us read it. */
function readable(path: string): ProcFile | undefined {
  try {
    const file = new ProcFile(path);
    if (file.read() > 0) return file;
    file.close();
  } catch { /* as below */ }
  return undefined;
}

/** The first number of schedstat: time on a processor, ns; -1 when the thread has ended. */
function firstNumber(length: number): number {
  if (length === 0) return -1;
  let value = 0;
  for (let k = 0; k < length; k++) {
    const digit = (buffer[k] as number) - 48;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
  }
  return value;
}
/** The letter behind the name in stat. */
const stateLetter = (length: number): string => String.fromCodePoint(buffer[buffer.lastIndexOf(0x29, length) + 2] ?? 0);
const isSleeping = (letter: string): boolean => letter === 'S' || letter === 'D';

/** The stack pointer's place in its page while a worker waits in its own loop: stacks begin with a page, and all workers get there by the same calls. */
interface Depth { known: number | undefined }
const depthOf = (stack: string | undefined): number => Number(BigInt(stack ?? '0') & 0xfffn);

/**
 * FUTEX_WAIT_PRIVATE without a time, for the value 2 ("locked, and others wait": a mutex of glibc's) or 3 (a signal that waits for those it woke). Atomics.wait
 * and other conditions wait by FUTEX_WAIT_BITSET, or with a time.
 */
export function isAtLock([number, , operation, value, timeout]: readonly string[]): boolean {
  return Number(number) === CALLS[process.arch]?.futex && operation === '0x80' && (value === '0x2' || value === '0x3') && timeout === '0x0';
}

/** A thread of libuv: it waits for work by a lock, and for nothing else. */
export class LibuvThread {
  readonly #syscall: ProcFile;
  private constructor(syscall: ProcFile) { this.#syscall = syscall; }
  /** Undefined where the kernel does not say. */
  static open(task: string): LibuvThread | undefined {
    const file = readable(`${TASKS}/${task}/syscall`);
    return file === undefined ? undefined : new LibuvThread(file);
  }
  isBusy(): boolean {
    const [number] = buffer.toString('latin1', 0, this.#syscall.read()).split(' ', 1);
    return number !== '' && Number(number) !== CALLS[process.arch]?.futex;
  }
}

class KernelThread implements Witness {
  readonly #clock: ProcFile;
  readonly #stat: ProcFile;
  readonly #syscall: ProcFile | undefined;
  readonly #helpers: Helpers;
  #loopDescriptor = '';
  readonly #depth: Depth;

  constructor(task: number, helpers: Helpers, depth: Depth) {
    this.#depth = depth;
    this.#clock = new ProcFile(`${TASKS}/${task}/schedstat`);
    this.#stat = new ProcFile(`${TASKS}/${task}/stat`);
    this.#helpers = helpers;
    this.#syscall = readable(`${TASKS}/${task}/syscall`);
  }

  cpuNs(): number { return firstNumber(this.#clock.read()); }
  /** One reading of `syscall` says as much as `stat`, at a third of its price. */
  isAsleep(): boolean {
    if (this.#syscall === undefined) return isSleeping(stateLetter(this.#stat.read()));
    const length = this.#syscall.read();
    return length > 0 && buffer[0] !== RUNNING;
  }

  #call(): string[] { return this.#syscall === undefined ? [] : buffer.toString('latin1', 0, this.#syscall.read()).split(' '); }

  /** It waits where its own event loop does, and not in a loop inside a callback (`execSync` runs one, deeper in the stack and on another descriptor). */
  isInLoop(): boolean {
    const calls = CALLS[process.arch];
    const [number, descriptor, , , , , , stack] = this.#call();
    if (calls === undefined || number === undefined || number === '' || number === 'running') return true;   // not to be told: its word says that it rests
    if (!calls.poll.includes(Number(number))) return false;
    if (this.#loopDescriptor === '') {
      if (this.#depth.known !== undefined && depthOf(stack) !== this.#depth.known) return false;
      this.#loopDescriptor = descriptor ?? '';
    }
    return descriptor === this.#loopDescriptor;
  }

  /** It waits in its own loop for certain: how deep in its stack that is holds for all workers. */
  learnDepth(): void {
    const [number, , , , , , , stack] = this.#call();
    if (CALLS[process.arch]?.poll.includes(Number(number)) === true) this.#depth.known = depthOf(stack);
  }

  /** A mutex of glibc's: V8's platform has one for all isolates, and who waits for it waits for a thread that may have found no processor. */
  isAtLock(): boolean { return isAtLock(this.#call()); }

  /** It waits for a lock while a helper of the collector runs: perhaps for that. */
  mayBeCollecting(): boolean {
    const calls = CALLS[process.arch];
    const [number] = this.#call();
    return (calls === undefined || Number(number) === calls.futex) && this.#helpers.areRunning();
  }

  close(): void {
    for (const file of [this.#clock, this.#stat, this.#syscall]) file?.close();
  }
}

/** V8's helper threads, which all isolates share. */
class Helpers {
  readonly #files: { readonly clock: ProcFile; readonly stat: ProcFile; cpuNs: number }[] = [];

  constructor() {
    for (const task of readdirSync(TASKS)) {
      try {
        if (HELPER.test(readFileSync(`${TASKS}/${task}/comm`, 'latin1'))) this.#files.push({ clock: new ProcFile(`${TASKS}/${task}/schedstat`), stat: new ProcFile(`${TASKS}/${task}/stat`), cpuNs: 0 });
      } catch { /* it has ended meanwhile */ }
    }
  }

  /** One of them runs, wants to, or has since the last question; or waits for a page, or for the map of the process's memory (`D`), in the middle of its work. */
  areRunning(): boolean {
    let found = false;
    for (const one of this.#files) {
      const cpuNs = firstNumber(one.clock.read());
      if (cpuNs !== one.cpuNs || stateLetter(one.stat.read()) !== 'S') found = true;
      one.cpuNs = cpuNs;
    }
    return found;
  }
}

export class KernelView {
  readonly #helpers = new Helpers();
  readonly #depth: Depth = { known: undefined };

  /** Undefined where the system has no such files. */
  static create(): KernelView | undefined {
    try {
      readFileSync('/proc/thread-self/schedstat');
      return new KernelView();
    } catch { return undefined; }
  }

  /** Undefined when there is no such thread. */
  open(task: number): KernelThread | undefined {
    try { return new KernelThread(task, this.#helpers, this.#depth); } catch { return undefined; }
  }

  /** A thread that waits in its own loop, for it has nothing to run: it shows what that looks like. */
  learnFrom(task: number): void {
    if (this.#depth.known !== undefined || task === 0) return;
    const thread = this.open(task);
    thread?.learnDepth();
    thread?.close();
  }
}
