import { createPool, isCapriccioError, type Pool, type Remote, type Thread } from 'capriccio';
import { current, spawn } from 'capriccio/thread';
import { staticFiles } from 'capriccio/static';

const pool: Pool = await createPool({ cores: 1, name: 'typed' });
const images: Remote<typeof import('./images.js')> = pool.module(new URL('./images.js', import.meta.url));
const width: number = await images.resize(6, 7);
const thread: Thread<number> = images.resize.with({ deadlineMs: 100 }).spawn(1, 2);
// @ts-expect-error -- there is no such export
images.resise(1, 2);
// @ts-expect-error -- an option that is not one
images.resize.with({ deadline: 100 });
export const local: Thread<number> = spawn(async (n: number) => n * width, 2);
export const all: unknown[] = [await thread.join(), current().signal.aborted, isCapriccioError(0), staticFiles('.')];
await pool.close();
