// Starts the library in a pool of one worker, as `npm start` does, answers one request, and says how long that took since the process began.
//   <application's module URL> <compiled, or anything else>
import { createPool } from 'capriccio';

const [, , app = '', how] = process.argv;
const pool = await createPool({ cores: 1, compile: how === 'compiled' });
const server = await pool.serve(new URL(app), { port: 0 });
const response = await fetch(`${server.url}/documents`);
const { count } = await response.json() as { count: number };
const ms = performance.now();
const { user, system } = process.cpuUsage();
await server.close();
await pool.close();
console.log(JSON.stringify({ ms, cpuMs: (user + system) / 1000, count }));
