/** `pthread_once` over our Once. Next: key.ts. */
import { Once } from '../sync/once.ts';
import { EINVAL } from './errno.ts';

/** A new one is PTHREAD_ONCE_INIT. */
export class pthread_once_t {
  declare private readonly isNoOther: never;
  /** @internal */ readonly once: Once<undefined> = new Once();
}
/** Runs `routine`, which may be async, unless it has run; returns when it has ended. If it is cancelled or throws, it has not run. @returns 0, EINVAL */
export async function pthread_once(control: pthread_once_t, routine: () => unknown): Promise<number> {
  if (typeof routine !== 'function') return EINVAL;
  await control.once.run(async () => { await routine(); return undefined; });
  return 0;
}
