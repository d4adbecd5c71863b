/**
 * The paper's pipe test: a few pairs pass a token through pipes while very many others are idle. Its kernel threads slowed down with idle pipes, its
 * threads over epoll did not. Here the busy pipes are sockets of the kernel, awaited by threads; the idle ones are threads that wait, first on sockets,
 * as many as descriptors allow, then on channels, up to a hundred thousand.
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, connect, type Socket } from 'node:net';
import { Channel, spawn, type Thread } from 'capriccio/thread';
import { median, note, progress, enter, round3, table, type Bench, type Finding } from '../harness.ts';

const PAIRS = 16;
const TOKENS = 300;
const WAITERS = [0, 1_000, 10_000, 100_000];
/** Descriptors that are left to the process. */
const SPARED = 256;

/** One end of a pipe: bytes that have come and nobody has read, or who waits for one. */
class End {
  readonly socket: Socket;
  #bytes = 0;
  #reader: (() => void) | undefined;
  constructor(socket: Socket) {
    this.socket = socket.setNoDelay(true);
    socket.on('data', ({ length }: Buffer) => {
      this.#bytes += length;
      this.#reader?.();
    }).on('close', () => this.#reader?.());
  }
  write(): void { this.socket.write('t'); }
  async read(): Promise<void> {
    if (this.#bytes === 0) await new Promise<void>((resolve) => { this.#reader = resolve; });
    this.#reader = undefined;
    this.#bytes--;
  }
}
type Pipe = readonly [End, End];

/** A pair of connected sockets: what one end writes, the other reads. */
async function openPipes(count: number): Promise<Pipe[]> {
  const accepted: Socket[] = [];
  const server = createServer((socket) => { accepted.push(socket); }).listen(0, '127.0.0.1', 4096);
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const ends: Socket[] = [];
  for (let k = 0; k < count; k++) {
    const end = connect(port, '127.0.0.1').setNoDelay(true);
    await once(end, 'connect');
    ends.push(end);
  }
  while (accepted.length < count) await new Promise((resolve) => { setImmediate(resolve); });
  server.close();
  const byPort = new Map(accepted.map((socket) => [socket.remotePort, socket]));
  return ends.map((end) => [new End(end), new End(byPort.get(end.localPort) as Socket)]);
}

async function player(mine: End, isFirst: boolean): Promise<void> {
  for (let k = 0; k < TOKENS; k++) {
    if (isFirst) mine.write();
    await mine.read();
    if (!isFirst) mine.write();
  }
}

/** Tokens a second over all busy pipes. */
async function throughput(busy: readonly Pipe[]): Promise<number> {
  const began = performance.now();
  await Promise.all(busy.flatMap(([a, b]) => [spawn(() => player(a, true)), spawn(() => player(b, false))]).map((thread) => thread.join()));
  return busy.length * TOKENS * 2 / (performance.now() - began) * 1000;
}

const descriptorsLeft = (): number => {
  try { return Number(execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' })); } catch { return 1024; }
};

export const bench: Bench = async ({ rounds, quick }) => {
  const busy = await openPipes(PAIRS);
  const socketsMax = Math.max(0, Math.min(10_000, Math.floor((descriptorsLeft() - SPARED) / 2)));
  const idle = await openPipes(quick ? Math.min(1000, socketsMax) : socketsMax);
  const rows: string[][] = [];
  const medians: number[] = [];
  await throughput(busy);
  const measure = async (name: string): Promise<void> => {
    const rates: number[] = [];
    for (let k = 0; k < rounds; k++) { progress(`${name}, round ${k + 1} of ${rounds}`); rates.push(await throughput(busy)); }
    progress('');
    enter({ label: name, unit: 'tokens/s' }, { name: `${PAIRS} pairs`, rounds: rates });
    medians.push(median(rates));
    rows.push([name, round3(median(rates)), (median(rates) / (medians[0] as number)).toFixed(2)]);
  };
  const waiting: Thread<unknown>[] = [];
  const channel = new Channel<number>();
  for (const waiters of quick ? WAITERS.slice(0, 3) : WAITERS) {
    while (waiting.length < waiters) waiting.push(spawn(async () => { await channel.recv(); }));
    await measure(`${waiters.toLocaleString('en')} threads wait on a channel`);
  }
  const onSockets = idle.map(([end]) => spawn(() => end.read()));
  await measure(`and ${idle.length.toLocaleString('en')} on idle sockets`);
  channel.close();
  for (const [a, b] of [...idle, ...busy]) { a.socket.destroy(); b.socket.destroy(); }
  await Promise.allSettled([...waiting, ...onSockets].map((thread) => thread.join()));
  table(['idle', 'tokens/s', 'of none idle'], rows);
  note('Paper, figure 3: throughput does not depend on idle pipes for its threads and NPTL’s; LinuxThreads fell off at hundreds.');
  note('What differs: its pipes are sockets of the loopback here, for Node reads pipes and sockets by the same loop over epoll; the idle ones are threads that wait on sockets as far as descriptors reach, and on channels beyond. Both ends of a pipe are threads of one isolate, so one core does all of it.');
  const least = Math.min(...medians) / (medians[0] as number);
  const found: Finding[] = [{ what: 'pipe test: throughput with idle waiters, of none', figure: least.toFixed(2), goal: '≥ 0.9', isMet: least >= 0.9 }];
  return found;
};
