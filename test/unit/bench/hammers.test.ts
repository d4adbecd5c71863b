/** Several processes that send: their answers are counted together, and what goes wrong in one is told. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { hammerFrom } from '../../../packages/bench/src/load/hammers.ts';

const options = (port: number) => ({ port, path: '/', connections: 2, depth: 1, ms: 300 });

test('answers of all are counted together, each on connections of its own', async () => {
  let requests = 0;
  const sockets = new Set<unknown>();
  const server = createServer((request, response) => { requests++; sockets.add(request.socket); response.setHeader('content-length', 3).end('yes'); }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await using hammers = await hammerFrom(2);
    const answers = await hammers.answers(options((server.address() as AddressInfo).port));
    assert.ok(answers > 0 && answers <= requests, `${answers} of ${requests}`);
    assert.ok(sockets.size >= 4, `${sockets.size} connections`);
  } finally { server.closeAllConnections(); server.close(); }
});

test('a server that is not there is an error of all', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => { server.close(resolve); });
  await using hammers = await hammerFrom(1);
  await expect(hammers.answers(options(port))).rejects.toThrow(/ECONNREFUSED/);
});
