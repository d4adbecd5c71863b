/**
 * capriccio/pthread: POSIX threads, so that a textbook program ports line by line: `await` before what may wait, objects in place of pointers
 * (`new pthread_mutex_t()`; `{}` with a `value` for results). Names, semantics and error numbers are those of POSIX.1-2024.
 * For async functions, and code outside of threads; hand-written frames use capriccio/thread.
 */
export * from './barrier.ts';
export * from './cond.ts';
export * from './errno.ts';
export * from './key.ts';
export * from './mutex.ts';
export * from './once.ts';
export * from './rwlock.ts';
export * from './sem.ts';
export * from './spin.ts';
export * from './thread.ts';
export { clock_gettime, CLOCK_REALTIME, type timespec } from './time.ts';
