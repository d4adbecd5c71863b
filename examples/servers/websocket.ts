// An upgrade: the server that is exported takes it, as it would if it listened itself.
import { createServer } from 'node:http';
import { pool } from 'capriccio/thread';
import { WebSocketServer } from 'ws';

const work = pool().module<typeof import('./work.ts')>(new URL('./work.ts', import.meta.url));
const server = createServer((_request, response) => { response.end('connect by WebSocket\n'); });
const sockets = new WebSocketServer({ noServer: true });

server.on('upgrade', (request, socket, head) => {
  sockets.handleUpgrade(request, socket, head, (client) => {
    client.on('message', (limit: Buffer) => { void work.primeBelow(Number(limit.toString())).then((prime) => client.send(String(prime))); });
  });
});

export default server;
