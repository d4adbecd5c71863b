// `npm start -- --serve`: the library, served by a pool of ours until interrupted.
import { once } from 'node:events';
import { createPool } from 'capriccio';

export async function serveUntilInterrupted(app: URL, { cores, port }: { cores: number; port: number }): Promise<void> {
  await using pool = await createPool(cores);
  await using server = await pool.serve(app, { port });
  console.log(`The library is served on ${server.url} with ${cores} ${cores === 1 ? 'core' : 'cores'}; interrupt to end.`);
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  console.log('Ending.');
}
