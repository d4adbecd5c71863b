/** Long texts leave in buffers that are used again: each client gets its own, however late it reads. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as textOf } from 'node:stream/consumers';
import { describe, onTestFinished, test } from 'vitest';
import { writePiece } from '../../../packages/core/src/serve/write-buffers.ts';

/** As many characters as make some hundred thousand bytes, other ones for each number. */
const bodyOf = (n: number, length = 100_000): string => `${n} “${String.fromCodePoint(0x1f600 + n % 64)}é${n}” `.repeat(Math.ceil(length / 12));

async function server(): Promise<(path: string) => Promise<IncomingMessage>> {
  const listening = createServer((req, res) => {
    const [, n, pieces, length] = (req.url as string).split('/').map(Number) as [number, number, number, number];
    for (let k = 0; k < pieces; k++) writePiece(res, bodyOf(n + k, length), k === pieces - 1);
  }).listen(0, '127.0.0.1');
  await once(listening, 'listening');
  onTestFinished(() => { listening.closeAllConnections(); listening.close(); });
  const { port } = listening.address() as AddressInfo;
  return async (path) => {
    const request = get({ host: '127.0.0.1', port, path, agent: false });
    const [response] = await once(request, 'response') as [IncomingMessage];
    return response;
  };
}

describe('pieces of answers', () => {
  test.each([['short', 1, 30], ['long', 1, 100_000], ['longer than a buffer', 1, 400_000], ['many', 9, 60_000], ['many that are short', 9, 40]])('%s', async (_, pieces, length) => {
    const ask = await server();
    const answers = await Promise.all(Array.from({ length: 12 }, async (__, n) => textOf(await ask(`/${n}/${pieces}/${length}`))));
    for (const [n, answer] of answers.entries()) assert.equal(answer, Array.from({ length: pieces }, (__, k) => bodyOf(n + k, length)).join(''));
  });

  test('one whose client reads late is what it was, and so are those of others meanwhile', async () => {
    const ask = await server();
    const late = await Promise.all([30, 31, 32].map((n) => ask(`/${n}/20/300000`)));          // far more than the system takes: none of them is read
    for (let round = 0; round < 4; round++) {
      const others = await Promise.all(Array.from({ length: 8 }, async (_, n) => textOf(await ask(`/${n}/2/100000`))));
      for (const [n, other] of others.entries()) assert.equal(other, bodyOf(n) + bodyOf(n + 1));
    }
    for (const [k, response] of late.entries()) assert.equal(await textOf(response), Array.from({ length: 20 }, (_, at) => bodyOf(30 + k + at, 300_000)).join(''));
  });

  test('a client that goes in the middle takes nothing from others', async () => {
    const ask = await server();
    for (let round = 0; round < 10; round++) {
      const gone = await Promise.all([0, 1, 2].map((n) => ask(`/${n}/20/300000`)));
      for (const response of gone) response.destroy();
      assert.equal(await textOf(await ask('/7/3/100000')), bodyOf(7) + bodyOf(8) + bodyOf(9));
    }
  });
});
