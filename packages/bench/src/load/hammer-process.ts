/** A process that hammers when it is told to: forked by hammers.ts, ends when its channel closes. */
import { hammer, type HammerOptions } from './hammer.ts';
import type { FromHammer } from './hammers.ts';

const say = (message: FromHammer): void => { process.send?.(message); };

process.on('message', (options: HammerOptions) => {
  hammer(options).then((answers) => { say({ type: 'answers', answers }); }, (error: unknown) => { say({ type: 'failed', message: String(error) }); });
});
process.once('disconnect', () => { process.exit(); });
say({ type: 'ready' });
