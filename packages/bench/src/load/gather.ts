// Connections that all lead to the same few isolates of a server: what a server meets behind a few busy proxies, or after some of its workers were away
// while clients connected. Which isolate is at the other end, the server's application tells.
import { Connection, encodeRequest } from './client.ts';
import type { Gathering } from './plan.ts';

const waveMax = 64;
const wavesMax = 64;
const answerMs = 10_000;

/** Opens connections until `count` of them lead to the first `groups` isolates that answered; the others are closed then, and not before, for a server may give new connections to who has few. Rejects when there are never enough. */
export async function gather(target: { host: string; port: number }, { path, groups }: Gathering, count: number): Promise<Connection[]> {
  const byAnswer = new Map<string, Connection[]>();
  const chosen = (): Connection[] => [...byAnswer.values()].slice(0, groups).flat();
  for (let wave = 0; wave < wavesMax && chosen().length < count; wave++) {
    await Promise.all(Array.from({ length: Math.min(waveMax, count) }, async () => {
      const connection = new Connection(target);
      const answer = await ask(connection, path, target.host);
      byAnswer.set(answer, [...byAnswer.get(answer) ?? [], connection]);
    }));
  }
  const kept = chosen().slice(0, count);
  for (const connection of [...byAnswer.values()].flat()) if (!kept.includes(connection)) connection.close();
  if (kept.length < count) throw new Error(`of ${[...byAnswer.values()].flat().length} connections only ${kept.length} led to the same isolates`);
  return kept;
}

function ask(connection: Connection, path: string, host: string): Promise<string> {
  const request = encodeRequest({ route: path, weight: 0, method: 'GET', path, status: 200, bodyHash: '' }, host);
  return new Promise((resolve, reject) => {
    connection.send(request, answerMs, (outcome) => {
      if ('failure' in outcome) reject(new Error(`${path} was not answered: ${outcome.failure}`));
      else resolve(outcome.response.body.toString());
    });
  });
}
