import { capriccio } from './peers/contenders.ts';
import { drive } from './harness.ts';
const win = +process.argv[2]!, total = +process.argv[3]!;
const c = await capriccio(+(process.argv[4] ?? 1));
const call = (k: number): Promise<unknown> => c.call('increment', k);
await drive(call, 1000, 200000);
for (let k = 0; k < 4; k++) console.log(Math.round(await drive(call, win, total)));
await c[Symbol.asyncDispose]();
