/**
 * A process that holds connections that do next to nothing: idle ones, kept alive after a first answer, and slow ones, a third each in their headers, in
 * their body, and in reading; a byte a second. Forked with <port> <idle> <slow>; says `ready` when all are there, obeys `pace` and answers `count`.
 * What the server ends is counted and opened again.
 */
import { connect, type Socket } from 'node:net';

const OPENING_MAX = 256;
const BEAT_MS = 20;

export type ToCrowd = { readonly type: 'pace'; readonly isOn: boolean } | { readonly type: 'count' };
export interface CrowdCount { readonly open: number; readonly ended: number; readonly failed: number }
export type FromCrowd = { readonly type: 'ready' } | { readonly type: 'count'; readonly count: CrowdCount };

type Kind = 'idle' | 'headers' | 'body' | 'reader';
const OPENINGS: Readonly<Record<Kind, string>> = {
  idle: 'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
  headers: 'GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ',
  body: 'POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n',
  reader: 'GET /download HTTP/1.1\r\nHost: x\r\n\r\n',
};

const [port, idle, slow] = process.argv.slice(2).map(Number) as [number, number, number];
const kinds: Kind[] = [...Array<Kind>(idle).fill('idle'), ...Array.from({ length: slow }, (_, k) => (['headers', 'body', 'reader'] as const)[k % 3] as Kind)];
const sockets = new Map<Socket, Kind>();
const missing = [...kinds];
let opening = 0;
let ended = 0;
let failed = 0;
let isOn = true;
let isReady = false;

function openMore(): void {
  while (opening < OPENING_MAX && missing.length > 0) open(missing.pop() as Kind);
  if (opening > 0 || missing.length > 0 || isReady) return;
  isReady = true;
  process.send?.({ type: 'ready' } satisfies FromCrowd);
}

function open(kind: Kind): void {
  opening++;
  let isOpening = true;
  const settled = (): void => { if (isOpening) { isOpening = false; opening--; openMore(); } };
  const socket = connect(port, '127.0.0.1');
  socket.on('connect', () => {
    sockets.set(socket, kind);
    socket.write(OPENINGS[kind]);
    if (kind === 'headers' || kind === 'body') settled();              // nothing is answered
  });
  if (kind === 'reader') socket.once('readable', settled);
  else socket.on('data', settled);
  socket.on('error', () => { failed++; });
  socket.on('close', () => {
    if (sockets.delete(socket)) ended++;
    missing.push(kind);
    if (isOpening) settled();
    else openMore();
  });
}

/** Each slow one moves once a second, spread over it. */
let turn = 0;
setInterval(() => {
  turn = (turn + 1) % (1000 / BEAT_MS);
  if (!isOn) return;
  let k = 0;
  for (const [socket, kind] of sockets) {
    if (kind === 'idle' || k++ % (1000 / BEAT_MS) !== turn) continue;
    if (kind === 'reader') socket.read(1);
    else socket.write('x');
  }
}, BEAT_MS);

process.on('message', (message: ToCrowd) => {
  if (message.type === 'pace') isOn = message.isOn;
  else process.send?.({ type: 'count', count: { open: sockets.size, ended, failed } } satisfies FromCrowd);
});
process.on('disconnect', () => { process.exit(); });
openMore();
