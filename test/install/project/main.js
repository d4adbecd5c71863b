import { readFileSync } from 'node:fs';
import { createPool } from 'capriccio';

const pool = await createPool(1);
const images = pool.module(new URL('./images.js', import.meta.url));
const [resized, status] = await Promise.all([images.resize(6, 7), images.status()]);
const ran = await pool.run(new URL('./images.js', import.meta.url), 'a', 'b');
const server = await pool.serve(new URL('./app.js', import.meta.url), { port: 0 });
const served = await (await fetch(`${server.url}/x`)).text();
await pool.close();
console.log(JSON.stringify({ resized, ran, status, served, version: JSON.parse(readFileSync('node_modules/capriccio/package.json', 'utf8')).version }));
