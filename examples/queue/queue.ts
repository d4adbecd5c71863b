// What both sides know of the queue.
import { Redis } from 'ioredis';

export const QUEUE = 'primes';
/** Who writes a job's id there wants it to end, wherever it runs. */
export const CANCELLED = 'primes:cancelled';

export interface Asked { readonly limit: number }
export interface Counted { readonly primes: number; readonly by: number }

/** REDIS: an address or a socket's path. BullMQ waits for jobs by calls that may take as long as they like. */
export const connect = (): Redis => new Redis(process.env['REDIS'] ?? 'redis://127.0.0.1:6379', { maxRetriesPerRequest: null });
