/**
 * The first experiment of the Capriccio paper (SOSP 2003, 4.1): as many threads as you like, half of them producers, half consumers, share one bounded
 * buffer. Producers put empty messages in, consumers process each by looping for a random time. Throughput should not depend on their number. The buffer
 * is made of a mutex and two conditions, as in the paper, or is a channel. A third form does nothing with an item and gives way after each: bare switches,
 * between threads of which each was last seen when all others had had their turn, so it shows what the processor's caches hold.
 * Source: von Behren et al., Capriccio: Scalable Threads for Internet Services, figure 2.
 */
import { directOf, SUSPENDED } from '@capriccio/worker';
import { Channel, Condition, Mutex, spawn } from 'capriccio/thread';
import { interleave, median, note, round3, table, type Bench, type Finding, type Side } from '../harness.ts';

const CAPACITY = 1_000;
/** Longest loop of a consumer: the paper does not say. About 1.2 us here. */
const LOOPS_MAX = 2_000;
const lock = directOf(Mutex.prototype.lock);
const wait = directOf(Condition.prototype.wait);
const send = directOf(Channel.prototype.send);
const recv = directOf(Channel.prototype.recv);

type Frames = Generator<unknown, void, unknown>;

/** The buffer, and how many items have gone through it. */
class Buffer {
  readonly channel: Channel<number> = new Channel({ capacity: CAPACITY });
  readonly mutex: Mutex = new Mutex();
  readonly notFull: Condition = new Condition(this.mutex);
  readonly notEmpty: Condition = new Condition(this.mutex);
  length = 0;
  taken = 0;
  #seed = 1;
  #sum = 0;

  /** Loops for a random time. */
  process(): void {
    this.taken++;
    this.#seed = (Math.imul(this.#seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    let sum = this.#sum;
    for (let k = (this.#seed >>> 8) % LOOPS_MAX; k > 0; k--) sum = (sum ^ k) + 1 | 0;
    this.#sum = sum;
  }
}

function* produce(buffer: Buffer, items: number): Frames {
  for (let k = 0; k < items; k++) {
    let held: unknown = lock.call(buffer.mutex);
    if (held === SUSPENDED) held = yield SUSPENDED;
    while (buffer.length === CAPACITY) if (wait.call(buffer.notFull) === SUSPENDED) yield SUSPENDED;
    buffer.length++;
    buffer.notEmpty.signal();
    (held as Disposable)[Symbol.dispose]();
  }
}
function* consume(buffer: Buffer, items: number): Frames {
  for (let k = 0; k < items; k++) {
    let held: unknown = lock.call(buffer.mutex);
    if (held === SUSPENDED) held = yield SUSPENDED;
    while (buffer.length === 0) if (wait.call(buffer.notEmpty) === SUSPENDED) yield SUSPENDED;
    buffer.length--;
    buffer.notFull.signal();
    (held as Disposable)[Symbol.dispose]();
    buffer.process();
  }
}

function* sendAll(buffer: Buffer, items: number): Frames {
  for (let k = 0; k < items; k++) if (send.call(buffer.channel, k) === SUSPENDED) yield SUSPENDED;
}
function* receiveAll(buffer: Buffer, items: number): Frames {
  for (let k = 0; k < items; k++) {
    if (recv.call(buffer.channel) === SUSPENDED) yield SUSPENDED;
    buffer.process();
  }
}

function* sendInTurn(buffer: Buffer, items: number): Frames {
  for (let k = 0; k < items; k++) {
    if (send.call(buffer.channel, k) === SUSPENDED) yield SUSPENDED;
    yield;
  }
}
function* receiveInTurn(buffer: Buffer, items: number): Frames {
  for (let k = 0; k < items; k++) {
    if (recv.call(buffer.channel) === SUSPENDED) yield SUSPENDED;
    buffer.taken++;
    yield;
  }
}

interface Kind { readonly name: string; readonly threads: readonly [typeof produce, typeof consume]; readonly isGoal: boolean }
const KINDS: readonly Kind[] = [
  { name: 'a mutex and two conditions', threads: [produce, consume], isGoal: true },
  { name: 'a channel', threads: [sendAll, receiveAll], isGoal: true },
  { name: 'a channel, nothing done, in turns', threads: [sendInTurn, receiveInTurn], isGoal: false },
];

/** Items a second with so many pairs, once all threads are there: creation is another question (micro/threads). */
async function throughput([produces, consumes]: Kind['threads'], pairs: number, items: number): Promise<number> {
  const buffer = new Buffer();
  const each = Math.max(2, Math.round(items / pairs));
  let last = Promise.resolve();
  for (let k = 0; k < pairs; k++) {
    spawn(consumes, buffer, each);
    const producer = spawn(produces, buffer, each);
    if (k === pairs - 1) last = producer.join();
  }
  const goal = pairs * each;
  const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });
  const first = Math.min(pairs, goal / 2);
  while (buffer.taken < first) await turn();
  const begun = buffer.taken;
  const began = performance.now();
  while (buffer.taken < goal) await turn();
  const ms = performance.now() - began;
  await last;
  return (goal - begun) / ms * 1000;
}

export const bench: Bench = async ({ rounds, quick }) => {
  const counts = quick ? [1, 10, 100, 1_000, 10_000] : [1, 10, 100, 1_000, 10_000, 50_000, 500_000];
  const items = quick ? 100_000 : 1_000_000;
  const found: Finding[] = [];
  for (const { name: kind, threads, isGoal } of KINDS) {
    const sides = counts.map((pairs): Side => ({ name: `${(pairs * 2).toLocaleString('en')} threads`, measure: () => throughput(threads, pairs, items) }));
    await throughput(threads, 10, items);
    const results = await interleave(sides, rounds, { label: kind, unit: 'items/s' });
    const medians = results.map(({ rounds: values }) => median(values));
    const best = Math.max(...medians);
    console.log(`\n${kind}`);
    table(['', 'items/s', 'of the best'], results.map(({ name }, k) => [name, round3(medians[k] as number), ((medians[k] as number) / best).toFixed(2)]));
    const least = Math.min(...medians.filter((_, k) => (counts[k] as number) <= 50_000));
    if (isGoal) found.push({ what: `${kind}: throughput up to 100,000 threads, of the best`, figure: (least / best).toFixed(2), goal: '≥ 0.8', isMet: least / best >= 0.8 });
  }
  note('Paper, figure 2: its throughput did not depend on the number of threads up to 64,000 but for a drop between 100 and 1,000, which it puts down to caches; LinuxThreads fell off after 20, NPTL after 100.');
  note('What differs: it does not say for how long its consumers loop, nor how large its buffer is. Creation is left out here: it is in paper/primitives and micro/threads.');
  return found;
};
