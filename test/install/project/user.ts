import { createPool, isCapriccioError, type Pool, type Remote, type Thread } from 'capriccio';
import { Channel, Mutex, current, select, spawn } from 'capriccio/thread';
import { pthread_cond_t, pthread_mutex_lock, pthread_mutex_t } from 'capriccio/pthread';
import { staticFiles } from 'capriccio/static';

const pool: Pool = await createPool({ cores: 1, name: 'typed' });
const images: Remote<typeof import('./images.js')> = pool.module(new URL('./images.js', import.meta.url));
const width: number = await images.resize(6, 7);
const thread: Thread<number> = images.resize.with({ deadlineMs: 100 }).spawn(1, 2);
// @ts-expect-error -- there is no such export
images.resise(1, 2);
// @ts-expect-error -- an option that is not one
images.resize.with({ deadline: 100 });
const words = new Channel<string>({ capacity: 1 });
const got: 'word' | 'room' = (await select({ word: words.receiving(), room: words.sending('a') })).key;
const chosen = await select({ word: words.receiving() });
export const word: string = chosen.value;
const shared = pool.channel<number>('numbers', { capacity: 4 });
export const count: number = (await select({ next: shared.receiving() })).value;
// @ts-expect-error -- what a primitive does inside is nobody's business
new Mutex().take;
// @ts-expect-error -- of those across cores too
pool.mutex('m').lockDirect;
// @ts-expect-error -- a condition is no mutex
await pthread_mutex_lock(new pthread_cond_t());
await pthread_mutex_lock(new pthread_mutex_t());
export const local: Thread<number> = spawn(async (n: number) => n * width, 2);
export const all: unknown[] = [await thread.join(), current().signal.aborted, isCapriccioError(0), staticFiles('.'), got];
await pool.close();
