/** Shared objects: what threads of all cores wait for, by name. Way in: monitor.ts (who is inside), journal.ts (changes), wait-queue.ts, visitor.ts, then a kind. */
export * as barriers from './barrier.ts';
export * from './burial.ts';
export * as channels from './channel.ts';
export * as conditions from './condition.ts';
export * from './item.ts';
export * from './journal.ts';
export * as monitors from './monitor.ts';
export * as mutexes from './mutex.ts';
export * from './object-layout.ts';
export * from './object-table.ts';
export * as rwlocks from './rwlock.ts';
export * as semaphores from './semaphore.ts';
export * from './visitor.ts';
export { frontOf } from './wait-queue.ts';
