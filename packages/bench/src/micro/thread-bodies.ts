/* oxlint-disable require-yield -- frames that never wait are counted too */
/** What threads do in micro/: each so many times, by the direct forms that compiled code uses. All check what they get. */
import { DIRECT, SUSPENDED, directOf } from '@capriccio/worker';
import { Channel, Mutex, spawn, type Thread } from 'capriccio/thread';

export type Frames = Generator<unknown, void, unknown>;

export const check = (is: unknown, expected: unknown): void => { if (is !== expected) throw new Error(`${String(is)} where ${String(expected)} was expected`); };
const joinOf = (thread: Thread<unknown>): unknown => (thread.join as unknown as { [DIRECT]: () => unknown })[DIRECT].call(thread);
const lock = directOf(Mutex.prototype.lock);
const send = directOf(Channel.prototype.send);
const recv = directOf(Channel.prototype.recv);

function* nothing(): Generator<unknown, number, unknown> { return 1; }
export function* spawns(count: number): Frames {
  for (let k = 0; k < count; k++) {
    let value = joinOf(spawn(nothing));
    if (value === SUSPENDED) value = yield SUSPENDED;
    check(value, 1);
  }
}
export function* yields(count: number): Frames { for (let k = 0; k < count; k++) yield; }
export function* tryLocks(count: number): Frames { const mutex = new Mutex(); for (let k = 0; k < count; k++) (mutex.tryLock() as Disposable)[Symbol.dispose](); }
export function* locks(count: number): Frames {
  const mutex = new Mutex();
  for (let k = 0; k < count; k++) {
    let held: unknown = lock.call(mutex);
    if (held === SUSPENDED) held = yield SUSPENDED;
    (held as Disposable)[Symbol.dispose]();
  }
}
export function* ownItems(count: number): Frames {
  const channel = new Channel<number>({ capacity: 16 });
  for (let k = 0; k < count; k++) {
    if (send.call(channel, k) === SUSPENDED) yield SUSPENDED;
    let got: unknown = recv.call(channel);
    if (got === SUSPENDED) got = yield SUSPENDED;
    check(got, k);
  }
}
export function* sends(channel: Channel<number>, count: number): Frames { for (let k = 0; k < count; k++) if (send.call(channel, k) === SUSPENDED) yield SUSPENDED; }
export function* receives(channel: Channel<number>, count: number): Frames {
  for (let k = 0; k < count; k++) {
    let got: unknown = recv.call(channel);
    if (got === SUSPENDED) got = yield SUSPENDED;
    check(got, k);
  }
}
export async function awaits(count: number): Promise<void> { const settled = Promise.resolve(); for (let k = 0; k < count; k++) await settled; }
