/** The primitives across cores, as a pool and its threads offer them: checked options, then @capriccio/worker's shared objects. */
import { SharedMutex, type SharedBarrier, type SharedChannel, type SharedChannelOptions, type SharedCondition, type SharedObjects, type SharedPrimitives, type SharedRwLock, type SharedSemaphore, type SharedSemaphoreOptions } from '@capriccio/worker';
import { checkNumber, checkObject, checkOneOf, checkString, refuse, shown } from './check.ts';

const CAPACITY_MAX = 2 ** 20;
const BYTES_MAX = 2 ** 28;
const COUNT_MAX = 2 ** 31 - 1;
/** Ring bytes for each value, and at least, where nothing is said. */
const BYTES_EACH = 64;
const BYTES_DEFAULT = 65_536;

const whole = (value: unknown, what: string, min: number, max: number): number => checkNumber(value, what, { min, max, integer: true }) ?? refuse(`${what} must be given: an integer from ${min} to ${max}`);
const named = (name: unknown, kind: string): string => checkString(name, `the name of a ${kind}`) ?? refuse(`a ${kind} must have a name`);

export class CheckedPrimitives implements SharedPrimitives {
  readonly #objects: SharedObjects;
  constructor(objects: SharedObjects) { this.#objects = objects; }

  mutex(name: string): SharedMutex { return this.#objects.mutex(named(name, 'mutex')); }
  condition(name: string, mutex: SharedMutex): SharedCondition {
    if (!(mutex instanceof SharedMutex)) refuse(`a condition takes the shared mutex that protects it, not ${shown(mutex)}: pool.condition(name, pool.mutex(other))`);
    return this.#objects.condition(named(name, 'condition'), mutex);
  }
  semaphore(name: string, permits: number, options?: SharedSemaphoreOptions): SharedSemaphore {
    const { onWorkerLost } = checkObject(options, 'semaphore', ['onWorkerLost']);
    const lost = checkOneOf(onWorkerLost, 'onWorkerLost', ['release', 'keep']) ?? 'release';
    return this.#objects.semaphore(named(name, 'semaphore'), whole(permits, 'the permits of a semaphore', 0, COUNT_MAX), lost === 'release');
  }
  barrier(name: string, parties: number): SharedBarrier { return this.#objects.barrier(named(name, 'barrier'), whole(parties, 'the parties of a barrier', 1, COUNT_MAX)); }
  rwlock(name: string): SharedRwLock { return this.#objects.rwlock(named(name, 'rwlock')); }
  channel<T>(name: string, options: SharedChannelOptions): SharedChannel<T> {
    const given = checkObject(options, 'channel', ['capacity', 'bytes']);
    if (given['capacity'] === 0) refuse('a channel across cores has a capacity of at least 1: a rendezvous cannot outlive the death of one side between its two halves');
    const capacity = whole(given['capacity'], 'capacity', 1, CAPACITY_MAX);
    const bytes = checkNumber(given['bytes'], 'bytes', { min: 1024, max: BYTES_MAX, integer: true }) ?? Math.max(BYTES_DEFAULT, capacity * BYTES_EACH);
    return this.#objects.channel<T>(named(name, 'channel'), capacity, bytes);
  }
}
