// What a request costs in system calls, CPU and time, one way of serving beside another, interleaved:
//   node --conditions=capriccio-source test/unit/core/probe/probe.ts [variants=plain,coalesced] [depth=16] [connections=32] [rounds=7] [ms=1000] [path=/]
//   e.g. probe.ts plain,coalesced 1          keep-alive without pipelining
//        probe.ts readfile,static 1 32 7 1000 /file.txt
// The servers stay up for the whole run; each round loads each of them once, in alternating order. System calls are counted by
// `strace -f -c` in a round of its own, whose times are not used.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const [, , names = 'plain,coalesced', ...numbers] = process.argv;
const variants = names.split(',');
const [depth = 16, connections = 32, rounds = 7, ms = 1000] = numbers.slice(0, 4).map(Number);
const path = numbers[4] ?? '/';
const serverFile = fileURLToPath(new URL('server.ts', import.meta.url));

interface Contender { name: string; child: ChildProcess; lines: Interface; port: number }

async function start(name: string): Promise<Contender> {
  const child = spawn(process.execPath, ['--conditions=capriccio-source', serverFile, name], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout! });
  const [line] = await once(lines, 'line') as [string];
  return { name, child, lines, port: Number(line) };
}

async function ask(contender: Contender): Promise<{ cpuUs: number; requests: number }> {
  contender.child.stdin!.write('\n');
  const [line] = await once(contender.lines, 'line') as [string];
  return JSON.parse(line) as { cpuUs: number; requests: number };
}

/** Keeps `depth` requests in flight on each connection: the next batch leaves when the last answer of the batch is in. */
async function load(port: number, forMs: number): Promise<number> {
  const batch = Buffer.from(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(depth));
  const marker = Buffer.from('HTTP/1.1 ');
  let running = true;
  let answers = 0;
  const sockets: Socket[] = [];
  const size = await sizeOf(port);
  for (let n = 0; n < connections; n++) {
    const socket = connect(port, '127.0.0.1');
    let bytes = 0;
    socket.on('connect', () => socket.write(batch));
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes < size * depth) return;
      if (bytes !== size * depth || chunk.indexOf(marker) === -1 && chunk.length > size) throw new Error('unexpected answer');
      answers += depth;
      bytes = 0;
      if (running) socket.write(batch);
    });
    sockets.push(socket);
  }
  await new Promise((resolve) => { setTimeout(resolve, forMs); });
  running = false;
  await new Promise((resolve) => { setTimeout(resolve, 30); });
  for (const socket of sockets) socket.destroy();
  return answers;
}

async function sizeOf(port: number): Promise<number> {
  const socket = connect(port, '127.0.0.1');
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  let size = 0;
  let expected = 1;
  while (size < expected) {
    const [chunk] = await once(socket, 'data') as [Buffer];
    if (size === 0) {
      const text = chunk.toString('latin1');
      expected = text.indexOf('\r\n\r\n') + 4 + Number(/content-length: (\d+)/i.exec(text)?.[1]);
    }
    size += chunk.length;
  }
  socket.destroy();
  return size;
}

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

async function syscalls(contender: Contender): Promise<string> {
  const out = `/tmp/capriccio-strace-${process.pid}`;
  const strace = spawn('strace', ['-f', '-c', '-o', out, '-p', String(contender.child.pid)], { stdio: 'ignore' });
  await new Promise((resolve) => { setTimeout(resolve, 400); });
  await ask(contender);
  await load(contender.port, ms);
  const { requests } = await ask(contender);
  strace.kill('SIGINT');
  await once(strace, 'exit');
  const counts = readFileSync(out, 'utf8').split('\n').map((line) => line.trim().split(/\s+/))
    .filter((words) => /^\d/.test(words[0] ?? '') && words.at(-1) !== 'total')
    .map((words) => ({ name: words.at(-1)!, calls: Number(words[3]) }));
  const total = counts.reduce((sum, { calls }) => sum + calls, 0);
  const main = counts.filter(({ calls }) => calls / requests >= 0.0005).map(({ name, calls }) => `${name} ${(calls / requests).toFixed(3)}`).join(', ');
  return `${(total / requests).toFixed(3)} a request (${main}; ${requests} requests)`;
}

const contenders = [];
for (const name of variants) contenders.push(await start(name));
const cpu = new Map(contenders.map(({ name }) => [name, [] as number[]]));
const rate = new Map(contenders.map(({ name }) => [name, [] as number[]]));
for (let round = -1; round < rounds; round++) {
  for (const contender of round % 2 === 0 ? contenders : contenders.toReversed()) {
    await ask(contender);
    const answers = await load(contender.port, ms);
    const { cpuUs, requests } = await ask(contender);
    if (round < 0) continue;
    cpu.get(contender.name)!.push(cpuUs / requests);
    rate.get(contender.name)!.push(answers / ms * 1000);
  }
}
console.log(`depth ${depth}, ${connections} connections, ${path}, ${rounds} rounds of ${ms} ms, node ${process.version}`);
const [base] = variants;
for (const { name } of contenders) {
  const cpuRatios = cpu.get(name)!.map((value, n) => value / cpu.get(base!)![n]!);
  console.log(`${name.padEnd(10)} cpu ${median(cpu.get(name)!).toFixed(2)} us a request (ratio ${median(cpuRatios).toFixed(3)}, ${Math.min(...cpuRatios).toFixed(3)}–${Math.max(...cpuRatios).toFixed(3)}), ${Math.round(median(rate.get(name)!))} requests/s`);
}
if (spawnSync('strace', ['-V']).status === 0) for (const contender of contenders) console.log(`${contender.name.padEnd(10)} ${await syscalls(contender)}`);
for (const { child } of contenders) child.stdin!.end();
