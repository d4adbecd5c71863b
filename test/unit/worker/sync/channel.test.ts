import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, test } from 'vitest';
import { directOf } from '../../../../packages/worker/src/suspended.ts';
import { Channel, select, sleep, spawn, yieldNow, type SelectCase, type WaitOptions } from '../../../../packages/worker/src/thread-api.ts';
import { agrees, pick, QueueModel, settle, steps } from './rig.ts';

/** An operation on one of the channels, or on several at once. */
interface Case { readonly channel: number; readonly isSend: boolean }
interface Op { readonly kind: 'send' | 'recv' | 'try' | 'select' | 'selectDefault'; readonly cases: readonly [Case, ...Case[]] }
type Act = { readonly close: number };
interface Line { readonly capacity: number; items: unknown[]; isClosed: boolean }

class ChannelModel extends QueueModel<Op, Act> {
  readonly #lines: Line[];
  readonly #channels: readonly Channel<unknown>[];
  constructor(channels: readonly Channel<unknown>[]) {
    super();
    this.#channels = channels;
    this.#lines = channels.map(({ capacity }) => ({ capacity, items: [], isClosed: false }));
  }
  static item = (id: number, of: number): string => `item ${id}.${of}`;

  start(id: number, op: Op): void {
    // What several could do at once is drawn by lot: such programs are not made (see `ops`).
    for (const [at, one] of op.cases.entries()) if (this.#attempt(id, op, at, one)) return;
    if (op.kind === 'try') this.results.set(id, undefined);
    else if (op.kind === 'selectDefault') this.results.set(id, 'default');
    else this.queue.push({ id, op });
  }
  /** How many of the cases could go on at once. */
  ready(op: Op): number { return op.cases.filter(({ channel, isSend }) => this.#canGoOn(channel, isSend)).length; }
  #canGoOn(channel: number, isSend: boolean): boolean {
    const { capacity, items, isClosed } = this.#lines[channel] as Line;
    return isClosed || this.#partner(channel, !isSend) !== undefined || (isSend ? items.length < capacity : items.length > 0);
  }
  /** Who waits longest for the other half. */
  #partner(channel: number, isSend: boolean): { id: number; op: Op; at: number } | undefined {
    for (const { id, op } of this.queue) {
      const at = op.cases.findIndex((one) => one.channel === channel && one.isSend === isSend);
      if (at >= 0) return { id, op, at };
    }
    return undefined;
  }
  #finish(id: number, op: Op, at: number, value: unknown): void {
    this.results.set(id, op.kind === 'select' || op.kind === 'selectDefault' ? `${at}: ${String(value)}` : op.kind === 'try' && op.cases[0].isSend ? true : value);
  }
  #serve(id: number, op: Op, at: number, value: unknown): void {
    this.queue.splice(this.queue.findIndex((one) => one.id === id), 1);
    this.#finish(id, op, at, value);
  }
  #attempt(id: number, op: Op, at: number, { channel, isSend }: Case): boolean {
    const line = this.#lines[channel] as Line;
    if (isSend) {
      if (line.isClosed) { this.results.set(id, 'CAP_ERR_CLOSED'); return true; }
      const receiver = this.#partner(channel, false);
      if (receiver !== undefined) this.#serve(receiver.id, receiver.op, receiver.at, ChannelModel.item(id, at));
      else if (line.items.length < line.capacity) line.items.push(ChannelModel.item(id, at));
      else return false;
      this.#finish(id, op, at, undefined);
      return true;
    }
    const sender = this.#partner(channel, true);
    if (line.items.length > 0) {
      this.#finish(id, op, at, line.items.shift());
      if (sender !== undefined) { line.items.push(ChannelModel.item(sender.id, sender.at)); this.#serve(sender.id, sender.op, sender.at, undefined); }
      return true;
    }
    if (sender !== undefined) {
      this.#finish(id, op, at, ChannelModel.item(sender.id, sender.at));
      this.#serve(sender.id, sender.op, sender.at, undefined);
      return true;
    }
    if (line.isClosed) this.results.set(id, 'CAP_ERR_CLOSED');
    return line.isClosed;
  }
  act({ close }: Act): void {
    const line = this.#lines[close % this.#lines.length] as Line;
    line.isClosed = true;
    for (const { id, op } of [...this.queue]) {
      if (!op.cases.some((one) => one.channel === close % this.#lines.length)) continue;
      this.queue.splice(this.queue.findIndex((one) => one.id === id), 1);
      this.results.set(id, 'CAP_ERR_CLOSED');
    }
    this.#channels[close % this.#lines.length]?.close();
  }
}

const send = directOf(Channel.prototype.send);
const recv = directOf(Channel.prototype.recv);
const selectDirect = directOf(select as (cases: Record<string, SelectCase<unknown>>, options?: WaitOptions) => Promise<unknown>);

/** Channels 0 and 1 meet, 2 holds two values. A select uses each channel once. */
const oneCase = fc.record({ channel: fc.nat(2), isSend: fc.boolean() });
const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 5, arbitrary: oneCase.map((one): Op => ({ kind: one.isSend ? 'send' : 'recv', cases: [one] })) },
  { weight: 2, arbitrary: oneCase.map((one): Op => ({ kind: 'try', cases: [one] })) },
  { weight: 4, arbitrary: fc.tuple(fc.constantFrom('select' as const, 'select' as const, 'selectDefault' as const), fc.uniqueArray(oneCase, { minLength: 1, maxLength: 3, selector: ({ channel }) => channel }))
    .map(([kind, cases]): Op => ({ kind, cases: cases as unknown as Op['cases'] })) },
);

describe('Channel and select', () => {
  test('agree with their model', async () => {
    const act = fc.record({ close: fc.nat(60).map((n) => (n < 3 ? n : -1)) });
    await agrees(steps(op, act), () => {
      const channels = [new Channel<unknown>(), new Channel<unknown>(), new Channel<unknown>({ capacity: 2 })];
      const inner = new ChannelModel(channels);
      let started = 0;
      const casesOf = (id: number, { cases }: Op): Record<string, SelectCase<unknown>> => Object.fromEntries(cases.map(({ channel, isSend }, at) => {
        const line = channels[channel] as Channel<unknown>;
        return [`${at}`, isSend ? line.sending(ChannelModel.item(id, at)) : line.receiving()];
      }));
      /** Of a select that could do several things the model allows each: it is cut down to the one that it can follow. */
      const narrowed = new Map<Op, Op>();
      const narrow = (wide: Op): Op => {
        const known = narrowed.get(wide);
        if (known !== undefined) return known;
        const one = pick(wide.cases, wide.cases.length) as Case;
        const narrow = inner.ready(wide) > 1 ? { ...wide, cases: [one] as const } : wide;
        narrowed.set(wide, narrow);
        return narrow;
      };
      const tryIt = (id: number, { cases: [{ channel, isSend }] }: Op): unknown => {
        const line = channels[channel] as Channel<unknown>;
        return isSend ? line.trySend(ChannelModel.item(id, 0)) || undefined : line.tryRecv()?.value;
      };
      return {
        model: {
          results: inner.results,
          start: (id: number, wide: Op) => inner.start(id, narrow(wide)),
          act: (one: Act) => { if (one.close >= 0) inner.act(one); },
          isWaiting: (id: number) => inner.isWaiting(id),
          giveUp: (id: number, code: string) => inner.giveUp(id, code),
        },
        subject: {
          awaited: async (wide, options) => {
            const id = started++;
            const one = narrow(wide);
            const line = channels[one.cases[0].channel] as Channel<unknown>;
            if (one.kind === 'send') return line.send(ChannelModel.item(id, 0), options);
            if (one.kind === 'recv') return line.recv(options);
            if (one.kind === 'try') return tryIt(id, one);
            return select(casesOf(id, one), one.kind === 'selectDefault' ? { ...options, default: 'default' } : options);
          },
          direct: (wide, options) => {
            const id = started++;
            const one = narrow(wide);
            const line = channels[one.cases[0].channel] as Channel<unknown>;
            if (one.kind === 'send') return send.call(line, ChannelModel.item(id, 0), options);
            if (one.kind === 'recv') return recv.call(line, options);
            if (one.kind === 'try') return tryIt(id, one);
            return selectDirect(casesOf(id, one), one.kind === 'selectDefault' ? { ...options, default: 'default' } as WaitOptions : options);
          },
          show: (value, { kind }) => {
            if (kind !== 'select' && kind !== 'selectDefault') return value;
            const { key, value: got } = value as { key: string; value: unknown };
            return key === 'default' ? got : `${key}: ${String(got)}`;
          },
        },
      };
    });
  });
});

describe('Channel', () => {
  test('senders and receivers are served in the order in which they came', async () => {
    const channel = new Channel<number>({ capacity: 3 });
    const got: number[] = [];
    const senders = Array.from({ length: 50 }, (_, k) => spawn(async () => { await channel.send(k); }));
    await settle();
    const receivers = Array.from({ length: 50 }, () => spawn(async () => { got.push(await channel.recv()); }));
    await Promise.all([...senders, ...receivers].map((thread) => thread.join()));
    assert.deepEqual(got, Array.from({ length: 50 }, (_, k) => k));
  });

  test('holds a sender back when it is full', async () => {
    const channel = new Channel<number>({ capacity: 4 });
    let sent = 0;
    const sender = spawn(async () => { for (; sent < 100; sent++) await channel.send(sent); });
    for (let taken = 0; taken < 100; taken++) {
      await settle();
      assert.ok(sent - taken <= 4, `${sent - taken} ahead`);
      assert.equal(await channel.recv(), taken);
    }
    await sender.join();
  });

  test('is iterated over until it is closed and empty; several share what comes', async () => {
    const channel = new Channel<number>({ capacity: 2 });
    const got: number[][] = [[], []];
    const readers = got.map((list) => spawn(async () => { for await (const value of channel) { list.push(value); await yieldNow(); } }));
    for (let k = 0; k < 30; k++) await channel.send(k);
    channel.close();
    await Promise.all(readers.map((thread) => thread.join()));
    assert.deepEqual(got.flat().toSorted((a, b) => a - b), Array.from({ length: 30 }, (_, k) => k));
    assert.ok(got.every((list) => list.length > 5));
  });

  test('leaving an iteration neither closes it nor loses a value', async () => {
    const channel = new Channel<number>({ capacity: 4 });
    for (let k = 0; k < 3; k++) await channel.send(k);
    for await (const value of channel) if (value === 1) break;
    assert.equal(await channel.recv(), 2);
    assert.equal(channel.isClosed, false);
  });

  test('an iteration passes on an error that is not its own end', async () => {
    const channel = new Channel<number>();
    const thread = spawn(async () => { for await (const value of channel) void value; });
    await settle();
    thread.cancel();
    await assert.rejects(thread.join(), { code: 'CAP_ERR_CANCELLED' });
  });

  test('closed, it refuses what is sent and gives what it holds; using closes it', async () => {
    let held: Channel<number>;
    {
      using channel = new Channel<number>({ capacity: 2, name: 'jobs' });
      held = channel;
      await channel.send(1);
      assert.equal(channel.length, 1);
    }
    await assert.rejects(held.send(2), { code: 'CAP_ERR_CLOSED', message: "channel 'jobs' has been closed" });
    assert.throws(() => held.trySend(2), { code: 'CAP_ERR_CLOSED' });
    assert.equal(await held.recv(), 1);
    await assert.rejects(held.recv(), { code: 'CAP_ERR_CLOSED' });
    assert.throws(() => held.tryRecv(), { code: 'CAP_ERR_CLOSED' });
  });

  test('refuses options that make no sense', () => {
    for (const capacity of [-1, 0.5, Number.NaN, '2', Infinity]) assert.throws(() => new Channel({ capacity: capacity as number }), { code: 'CAP_ERR_OPTION' });
  });
});

describe('select', () => {
  test('is fair: of two channels that always have something each has its share', async () => {
    const [a, b] = [new Channel<number>({ capacity: 1 }), new Channel<number>({ capacity: 1 })];
    const feeders = [a, b].map((channel) => spawn(async () => { for (;;) await channel.send(1); }));
    const counts = { a: 0, b: 0 };
    for (let k = 0; k < 400; k++) {
      counts[(await select({ a: a.receiving(), b: b.receiving() })).key]++;
      await settle();
    }
    for (const feeder of feeders) { feeder.join().catch(() => { /* cancelled */ }); feeder.cancel(); }
    assert.ok(Math.min(counts.a, counts.b) > 120, `${counts.a} of 400`);
  });

  test('waits no longer than it may, and leaves nothing behind in the queues', async () => {
    const [a, b] = [new Channel<number>(), new Channel<string>()];
    await assert.rejects(select({ a: a.receiving(), b: b.sending('x') }, { timeoutMs: 2 }), { code: 'CAP_ERR_TIMEOUT' });
    assert.equal(a.trySend(1), false);
    assert.equal(b.tryRecv(), undefined);
    assert.deepEqual(await select({ a: a.receiving() }, { default: 'none' }), { key: 'default', value: 'none' });
  });

  test('a select that can both send and receive on one channel does not meet itself', async () => {
    const channel = new Channel<number>();
    const one = select({ out: channel.sending(5), in: channel.receiving() });
    await sleep(1);
    assert.equal(await channel.recv(), 5);
    assert.deepEqual(await one, { key: 'out', value: undefined });
  });

  test('refuses what is no case, and nothing to wait for', async () => {
    await assert.rejects(select({}), { code: 'CAP_ERR_OPTION' });
    await assert.rejects(select({ a: 5 as unknown as SelectCase<number> }), { code: 'CAP_ERR_OPTION' });
    await assert.rejects(select(null as unknown as Record<string, SelectCase<number>>), { code: 'CAP_ERR_OPTION' });
  });
});
