import assert from 'node:assert/strict';
import type { Memory, Visitor } from '@capriccio/shared';
import { allLive, assertAtRest, end, newVisitor, runMain, until } from './objects.ts';
import { model, tinyLayout } from './harness.ts';
import type { Control, Scenario } from './explore.ts';
import type { Shared } from './mutant.ts';

type Watch = InstanceType<Shared['DeathWatch']>;
const make = (S: Shared, capacity: number, ringBytes = 128) => (memory: Memory): void => { allLive(S)(memory); S.findOrMake(memory, 0, { name: 'c', kind: S.CHANNEL, parameters: [capacity, ringBytes] }); };
/** The same, and these have been sent. */
const fill = (S: Shared, capacity: number, values: readonly number[], ringBytes?: number) => (memory: Memory): void => {
  make(S, capacity, ringBytes)(memory);
  const visitor = new S.Visitor(memory, 0);
  for (const value of values) visitor.visit(S.objectAt(memory, 0), () => { S.channels.send(visitor, S.objectAt(memory, 0), S.packItem(value, true), undefined); });
};

/** Sends as the product does. @returns false when the channel was closed */
function send(S: Shared, memory: Memory, control: Control, visitor: Visitor, watch: Watch, value: number): boolean {
  const channel = S.objectAt(memory, 0);
  const item = control.quiet(() => S.packItem(value, true));
  let outcome = '';
  const waiter = {
    granted: (result: number, node: number): void => {
      if ((result & S.IS_CLOSED) !== 0) { visitor.nodes.release(node); outcome = 'closed'; return; }
      visitor.visit(channel, () => { S.channels.sendPromised(visitor, channel, item, node); control.note(['sent', value]); outcome = 'now'; });
    },
  };
  visitor.visit(channel, () => { outcome = S.channels.send(visitor, channel, item, waiter); if (outcome === 'now') control.note(['sent', value]); });
  until(S, memory, visitor, watch, () => outcome === 'now' || outcome === 'closed');
  return outcome === 'now';
}

/** @returns a value, or undefined when the channel is closed and empty */
function receive(S: Shared, memory: Memory, control: Control, visitor: Visitor, watch: Watch, view: InstanceType<Shared['channels']['View']>): unknown {
  const channel = S.objectAt(memory, 0);
  let isDone = false;
  let value: unknown;
  const take = (item: ReturnType<Shared['packItem']>): void => { value = S.unpackItem(item); control.note(['received', value]); isDone = true; };
  const waiter = {
    granted: (result: number, node: number): void => {
      if ((result & S.IS_CLOSED) !== 0) { visitor.nodes.release(node); isDone = true; return; }
      visitor.visit(channel, () => take(S.channels.receivePromised(visitor, channel, node)));
    },
  };
  const item = visitor.isPending(channel) ? undefined : S.channels.receiveNow(visitor, channel, view);
  if (item !== undefined) { take(item); return value; }
  visitor.visit(channel, () => {
    const outcome = S.channels.receive(visitor, channel, waiter);
    if (typeof outcome !== 'string') take(outcome);
    else if (outcome === 'closed') isDone = true;
  });
  until(S, memory, visitor, watch, () => isDone);
  return value;
}

const thread = (S: Shared, id: number, body: (memory: Memory, control: Control, visitor: Visitor, watch: Watch) => void) => (memory: Memory, control: Control): void => {
  const visitor = newVisitor(S, memory, control, id);
  const watch = control.quiet(() => new S.DeathWatch(memory, id));
  body(memory, control, visitor, watch);
  end(memory);
};
const sender = (S: Shared, id: number, values: readonly number[]) => thread(S, id, (memory, control, visitor, watch) => { for (const value of values) send(S, memory, control, visitor, watch, value); });
const receiver = (S: Shared, id: number, count: number) => thread(S, id, (memory, control, visitor, watch) => { const view = new S.channels.View(); for (let k = 0; k < count; k++) receive(S, memory, control, visitor, watch, view); });

/** What is left in the channel. */
function rest(S: Shared, memory: Memory): unknown[] {
  const visitor = new S.Visitor(memory, 0);
  const channel = S.objectAt(memory, 0);
  const values: unknown[] = [];
  for (let isOver = false; !isOver;) visitor.visit(channel, () => { const item = S.channels.receive(visitor, channel, undefined); if (typeof item === 'string') isOver = true; else values.push(S.unpackItem(item)); });
  return values;
}

/** Nothing is lost or doubled. What a dead thread did in its last step may be in either state: `doubt` items at most, of its own. */
function conserve(S: Shared, memory: Memory, notes: readonly unknown[], order: readonly number[], doubt: number): void {
  const sent = (notes as [string, number][]).filter(([what]) => what === 'sent').map(([, value]) => value);
  const received = (notes as [string, number][]).filter(([what]) => what === 'received').map(([, value]) => value);
  const out = [...received, ...rest(S, memory) as number[]];
  assert.equal(new Set(out).size, out.length, 'none twice');
  assert.deepEqual(out, order.filter((value) => out.includes(value)), 'in order');
  const lost = sent.filter((value) => !out.includes(value));
  const unsaid = out.filter((value) => !sent.includes(value));
  assert.ok(lost.length + unsaid.length <= doubt, `lost ${lost.join()}, came although not said to be sent ${unsaid.join()}`);
}

const flow = (first: readonly number[], count: number, killedMay: number) => (S: Shared): Scenario<[number]> => ({
  layout: tinyLayout(S),
  setUp: make(S, 1),
  threads: [(memory, control) => runMain(S, memory, control, 2), sender(S, 1, first), receiver(S, 2, count)],
  mayBlock: killedMay === 0 ? 0 : 0b011,
  check(_, memory, killed, notes) {
    conserve(S, memory, notes, first, killed === 0 ? 0 : 1);
    if (killed === 0) assertAtRest(S, memory, S.objectAt(memory, 0));
    assert.equal(memory.words[S.objectAt(memory, 0) + S.SECOND], 0, 'no item stays promised');
  },
});

model('channel: nothing is lost or doubled, whoever dies at any step', { bound: 1, kills: 1, killable: 0b100 }, flow([10], 1, 1), [
  { file: 'objects/burial.ts', from: '    if (kind === CHANNEL) { returnPromise(visitor, object, node, memory.words[node + NODE_RESULT] as number); continue; }\n', to: '', finds: /promised|lost/ },
]);
model('channel: order, back-pressure, every interleaving', { bound: 1 }, flow([10, 20, 30], 3, 0), [
  { file: 'objects/channel.ts', from: '  visitor.journal.show(channel + READ, ((read + roomFor(item)) | 0) | SHUT);\n', to: '', finds: /twice|lost|order|deadlock/ },
]);

model('channel: a sender killed at any step', { bound: 1, kills: 1, killable: 0b010 }, (S): Scenario<[number]> => ({
  layout: tinyLayout(S),
  setUp: fill(S, 1, [1]),
  threads: [(memory, control) => runMain(S, memory, control, 2), sender(S, 1, [10]), receiver(S, 2, 2)],
  mayBlock: 0b101,
  check(_, memory, killed, notes) {
    const channel = S.objectAt(memory, 0);
    conserve(S, memory, [['sent', 1], ...notes], [1, 10], killed === 0 ? 0 : 1);
    assert.equal(memory.words[channel + S.PLACES_PROMISED], 0, 'no place stays promised');
    assert.equal(memory.words[channel + S.BYTES_PROMISED], 0, 'no room stays promised');
    assert.equal(memory.words[channel + S.SENDERS], 0, 'no sender waits');
  },
}), [
  { file: 'objects/channel.ts', from: '    journal.write(channel + PLACES_PROMISED, (words[channel + PLACES_PROMISED] as number) - 1);\n', to: '', finds: /promised|deadlock|lost/ },
]);

/** Thread 1 closes while another waits to receive. */
model('channel: whoever waits is told that it is closed', { bound: 1, kills: 1, killable: 0b010 }, (S): Scenario<[number]> => ({
  layout: tinyLayout(S),
  setUp: make(S, 1),
  threads: [
    (memory, control) => runMain(S, memory, control, 2),
    thread(S, 1, (memory, control, visitor, watch) => { send(S, memory, control, visitor, watch, 10); visitor.visit(S.objectAt(memory, 0), () => { S.channels.close(visitor, S.objectAt(memory, 0)); control.note(['closed', 0]); }); }),
    receiver(S, 2, 2),
  ],
  mayBlock: 0b101,
  check(_, memory, killed, notes) {
    conserve(S, memory, notes, [10], killed === 0 ? 0 : 1);
    if ((notes as [string][]).some(([what]) => what === 'closed')) assertAtRest(S, memory, S.objectAt(memory, 0));
  },
}), [
  { file: 'objects/channel.ts', from: '  visitor.grant(node, IS_CLOSED);\n  return true;\n}\n\nfunction advanceSender', to: '  return false;\n}\n\nfunction advanceSender', finds: /waits/ },
]);

/** Two receivers, an item each: what is promised to one is not taken by the other. */
model('channel: a promise is kept', { bound: 1 }, (S): Scenario<[number]> => ({
  layout: tinyLayout(S),
  setUp: make(S, 2),
  threads: [thread(S, 0, (memory, control, visitor, watch) => { send(S, memory, control, visitor, watch, 10); send(S, memory, control, visitor, watch, 20); }), receiver(S, 1, 1), receiver(S, 2, 1)],
  check(_, memory, __, notes) {
    assert.deepEqual((notes as [string, number][]).filter(([what]) => what === 'received').map(([, value]) => value), [10, 20], 'each once, in order');
    assertAtRest(S, memory, S.objectAt(memory, 0));
  },
}), [
  { file: 'objects/channel.ts', from: '  if (itemsNow(visitor, channel) > (words[channel + SECOND] as number)) {\n    journal.write', to: '  if (itemsNow(visitor, channel) > 0) {\n    journal.write', finds: /order|corrupt/ },
]);

/** A ring of four heads, of which one stays free: places are written again while a receiver may still be looking at them. */
model('channel: two receivers outside, one sender', { bound: 1 }, (S): Scenario<[number]> => ({
  layout: tinyLayout(S),
  setUp: fill(S, 4, [1, 2], 64),
  threads: [thread(S, 0, (memory, control, visitor, watch) => { for (const value of [10, 20, 30]) send(S, memory, control, visitor, watch, value); }), receiver(S, 1, 2), receiver(S, 2, 3)],
  check(_, memory, __, notes) {
    const received = (notes as [string, number][]).filter(([what]) => what === 'received').map(([, value]) => value);
    assert.deepEqual(received.toSorted((a, b) => a - b), [1, 2, 10, 20, 30], 'each once');
    assertAtRest(S, memory, S.objectAt(memory, 0));
    assert.equal((memory.words[S.objectAt(memory, 0) + S.READ] as number) & 1, 0, 'it is open again');
  },
}), [
  { file: 'objects/channel.ts', from: '    if (Atomics.compareExchange(words, channel + READ, read, next) !== read) continue;', to: '    Atomics.store(words, channel + READ, next);', finds: /each once|deadlock/ },
  { file: 'objects/channel.ts', from: '  shut(visitor, channel);\n  const outcome', to: '  const outcome', finds: /each once|deadlock|no length/ },
  { file: 'objects/channel.ts', from: '    if (read !== view.read || read === view.written) {', to: '    if (read === view.written) {', finds: /each once|deadlock|no length/ },
  { file: 'objects/channel.ts', from: '  shut(visitor, channel);\n  if (sendIfRoom', to: '  shut(visitor, channel);\n  if (false && sendIfRoom', finds: /deadlock/ },
  { file: 'objects/channel.ts', from: ' + bytes + HEAD_BYTES <= ringBytesOf', to: ' + bytes <= ringBytesOf', finds: /each once|deadlock/, options: { bound: 0 } },
]);

model('channel: a receiver killed at any step, another goes on', { bound: 1, kills: 1, killable: 0b010 }, (S): Scenario<[number]> => ({
  layout: tinyLayout(S),
  setUp: fill(S, 3, [1, 2]),
  threads: [
    (memory, control) => runMain(S, memory, control, 2),
    receiver(S, 1, 3),
    thread(S, 2, (memory, control, visitor, watch) => { receive(S, memory, control, visitor, watch, new S.channels.View()); send(S, memory, control, visitor, watch, 10); }),
  ],
  mayBlock: 0b111,
  check(_, memory, killed, notes) {
    const received = (notes as [string, number][]).filter(([what]) => what === 'received').map(([, value]) => value);
    const out = [...received, ...rest(S, memory) as number[]];
    assert.equal(new Set(out).size, out.length, 'none twice');
    const sent = (notes as [string][]).some(([what]) => what === 'sent') ? [1, 2, 10] : [1, 2];
    assert.ok(sent.filter((value) => !out.includes(value)).length <= (killed === 0 ? 0 : 1), `of ${sent.join()} came ${out.join()}`);
    assert.equal(memory.words[S.objectAt(memory, 0) + S.SECOND], 0, 'no item stays promised');
  },
}), [
  { file: 'objects/channel.ts', from: '    const next = item === undefined ? read', to: '    Atomics.compareExchange(words, channel + READ, read, (read + 16) | 0);\n    const next = item === undefined ? read', finds: /came|lost|deadlock|waits/ },
]);
