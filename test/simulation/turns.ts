/** Whose turn it is on one worker of the simulated machine, as the product's scheduler draws it. */
import type { Roots } from '../../packages/worker/src/roots.ts';
import type { Root } from '../../packages/worker/src/run-queues.ts';
import type { SimThread } from './machine.ts';

export interface Desk { readonly roots: Roots<SimThread>; current: Root<SimThread> | undefined }

/** @param beginOne  begins one of a root, if that comes to anything; @param mayRun  false: it has been ended instead */
export function takeTurn(desk: Desk, beginOne: (root: Root<SimThread>) => SimThread | undefined, mayRun: (thread: SimThread) => boolean = () => true): SimThread | undefined {
  for (let root = desk.roots.pick(); root !== undefined; root = desk.roots.pick()) {
    const thread = root.draw() === 'resume' ? root.shift() : beginOne(root);
    desk.current = root;
    if (thread !== undefined && mayRun(thread)) return thread;
    desk.roots.charge(root, 0);
  }
  return undefined;
}
