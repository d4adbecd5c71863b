/**
 * Malformed HTTP by the thousand: truncated, oversized, smuggling shapes, bad chunking, pipelined garbage. Each connection gets answers that are whole
 * and its own, 4xx, or a close; the server lives, and an honest client beside is served throughout. Seeded; CAPRICCIO_SEED repeats a run.
 */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { createPool } from 'capriccio';
import { expect, test } from 'vitest';

const isLong = process.env['CAPRICCIO_LONG'] === '1';
const seed = Number(process.env['CAPRICCIO_SEED'] ?? Date.now() % 2 ** 31);
const INPUTS = isLong ? 100_000 : 4000;
const AT_A_TIME = 32;

function random(from: number): () => number {
  let state = from | 0 || 1;
  return () => { state ^= state << 13; state ^= state >>> 17; state ^= state << 5; return (state >>> 0) / 2 ** 32; };
}

/** Pieces that parsers have disagreed about. */
const LINES = ['GET /echo HTTP/1.1', 'POST /echo HTTP/1.1', 'GET /echo HTTP/1.0', 'GET  /echo  HTTP/1.1', 'get /echo http/1.1', 'GET /echo HTTP/9.9', 'GET /echo', '\0\0\0\0', 'GET http://other/echo HTTP/1.1', 'OPTIONS * HTTP/1.1', `GET /${'a'.repeat(20_000)} HTTP/1.1`, 'CONNECT x:1 HTTP/1.1', 'PRI * HTTP/2.0', 'GET /%00%ff%zz?%%% HTTP/1.1', 'POST /echo HTTP/1.1\r\nX: y'];
const HEADERS = [
  'Host: x', 'Host: x\r\nHost: y', 'Content-Length: 5', 'Content-Length: 5\r\nContent-Length: 6', 'Content-Length: -1', 'Content-Length: 5, 5', 'Content-Length: +5', 'Content-Length: 0x5', 'Content-Length: 99999999999999999999', 'Content-Length:\t5 ',
  'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked\r\nContent-Length: 5', 'Transfer-Encoding: identity', 'Transfer-Encoding: chunked, identity', 'Transfer-Encoding : chunked', 'Transfer-Encoding: xchunked', 'Transfer-Encoding:\x0bchunked', 'transfer-encoding: CHUNKED',
  'Connection: close', 'Connection: keep-alive, upgrade\r\nUpgrade: websocket', 'Expect: 100-continue', 'Expect: nonsense', ' folded: yes', 'No-Colon', ': empty', 'A: \0', 'B: \x7f\xff', `Big: ${'b'.repeat(20_000)}`, 'X:\rY', 'Cookie: a=1\nZ: 2',
];
const BODIES = ['', 'hello', 'hello world', '5\r\nhello\r\n0\r\n\r\n', '5\r\nhel', 'ffffffffffffffff\r\nx', '-5\r\nhello\r\n0\r\n\r\n', '5;ext=\0\r\nhello\r\n0\r\n\r\n', '0\r\nTrailer: x\r\n\r\n', '5\nhello\n0\n\n', 'GET /secret HTTP/1.1\r\nHost: x\r\n\r\n', '\r\n\r\n\r\n', '0\r\n\r\nGET /secret HTTP/1.1\r\nHost: x\r\n\r\n'];

function make(chance: () => number, mark: string): Buffer {
  const pick = (list: readonly string[]): string => list[Math.floor(chance() * list.length)] as string;
  let text = '';
  for (let requests = 1 + Math.floor(chance() * 3); requests > 0; requests--) {
    text += `${chance() < 0.4 ? LINES[Math.floor(chance() * 2)] : pick(LINES)}\r\nX-Mark: ${mark}\r\n${chance() < 0.7 ? 'Host: x\r\n' : ''}`;
    for (let k = Math.floor(chance() * 3); k > 0; k--) text += `${pick(HEADERS)}\r\n`;
    text += `\r\n${pick(BODIES)}`;
  }
  const bytes = Buffer.from(text, 'latin1');
  const how = chance();
  if (how < 0.2) return bytes.subarray(0, Math.floor(chance() * bytes.length));
  if (how < 0.4) for (let k = 1 + Math.floor(chance() * 8); k > 0; k--) bytes[Math.floor(chance() * bytes.length)] = Math.floor(chance() * 256);
  return bytes;
}

/** Sends one input, in one piece or several, and takes all that comes until the server closes or has been silent for long enough. */
function exchange(port: number, input: Buffer, chance: () => number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.on('connect', () => {
      const cut = chance() < 0.3 ? Math.floor(chance() * input.length) : input.length;
      socket.write(input.subarray(0, cut));
      if (cut < input.length) setImmediate(() => socket.write(input.subarray(cut), () => { socket.end(); }));
      else socket.end();
    });
    socket.on('data', (chunk) => { text += chunk.toString('latin1'); });
    socket.on('error', () => { /* a reset is a way to close */ }).on('close', () => { resolve(text); });
    socket.setTimeout(15_000, () => { socket.destroy(); resolve(`${text}\nHUNG`); });
  });
}

/** What is wrong with what came: no answers to others, no status but those that fit, nothing that is not HTTP. */
function faultIn(text: string, input: Buffer): string | undefined {
  if (text.endsWith('\nHUNG')) return 'it was neither answered nor closed';
  if (text !== '' && !/^HTTP\/1\.1 [1-5]\d\d /.test(text)) return `it began with ${JSON.stringify(text.slice(0, 60))}`;
  for (const [, status] of text.matchAll(/HTTP\/1\.1 (\d\d\d) /g)) if (!['100', '200', '400', '404', '405', '408', '411', '413', '414', '417', '431', '501', '505'].includes(status as string)) return `status ${status}`;
  for (const [, other] of text.matchAll(/mark=(\S+?);/g)) if (/^(?:m\d+|honest)$/.test(other as string) && !input.includes(other as string)) return `it got the data of ${other}`;
  return undefined;
}

test('malformed: 4xx or a close, never a crash, never another’s data', { timeout: isLong ? 3_600_000 : 150_000 }, async () => {
  console.log(`malformed: seed ${seed}, ${INPUTS} inputs`);
  const chance = random(seed);
  const lost: unknown[] = [];
  await using pool = await createPool({ cores: 2, audit: true, execArgv: ['--conditions=capriccio-source', '--disable-warning=CapriccioRequestError'] });
  pool.on('lost', (event) => { lost.push(event); });
  await using server = await pool.serve(new URL('../fixtures/core/serve/marks.ts', import.meta.url), { port: 0, graceMs: 500, deadlineMs: 60_000, limits: { headersMs: 1000, bodyMs: 2000, bodyBytes: 10_000 } });
  const faults: string[] = [];
  let next = 0;
  let answered = 0;
  const one = async (): Promise<void> => {
    while (next < INPUTS && faults.length < 5) {
      const mark = `m${next++}`;
      const input = make(chance, mark);
      const text = await exchange(server.port, input, chance);
      const fault = faultIn(text, input);
      if (fault !== undefined) faults.push(`input ${mark} of seed ${seed}: ${fault}: ${JSON.stringify(input.toString('latin1').slice(0, 400))}`);
      if (text.includes('HTTP/1.1 200')) answered++;
    }
  };
  let isOver = false;
  let honest = 0;
  const beside = (async () => { while (!isOver) { assert.equal(await (await fetch(`${server.url}/echo`, { method: 'POST', body: 'honest', headers: { 'x-mark': 'honest' } })).text(), 'mark=honest;honest'); honest++; } })();
  await Promise.all(Array.from({ length: AT_A_TIME }, one));
  isOver = true;
  await beside;
  console.log(`malformed: ${answered} of ${INPUTS} were answered with 200, ${honest} honest ones beside`);
  expect(faults).toEqual([]);
  expect(lost).toEqual([]);
  expect(honest).toBeGreaterThan(10);
  expect(answered, 'some of them are well-formed').toBeGreaterThan(INPUTS / 200);
  expect(answered).toBeLessThan(INPUTS);
});
