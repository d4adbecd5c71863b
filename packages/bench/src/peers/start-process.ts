/** Opens one contender, waits until each worker has answered, says how long that took and what the process has grown by: see start.ts. */
import { openers, type Open } from './contenders.ts';

const [name = '', cores = '1'] = process.argv.slice(2);
const open = await (openers[name] as () => Promise<Open>)();             // loading its code is the application's time, not the pool's
globalThis.gc?.();
const before = process.memoryUsage.rss();
const began = performance.now();
const contender = await open(Number(cores));
await Promise.all(Array.from({ length: Number(cores) }, () => contender.call('spin', 20)));
const ms = performance.now() - began - 20;
await Promise.all(Array.from({ length: 50 }, (_, k) => contender.call('increment', k)));
const bytesEach = (process.memoryUsage.rss() - before) / Number(cores);
process.send?.({ ms, bytesEach }, undefined, undefined, () => { process.exit(); });
