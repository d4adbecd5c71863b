/** The roles of the stress tests of shared objects, one a thread. What each finds wrong it throws; what it did it counts. */
import { parentPort, workerData } from 'node:worker_threads';
import { BARRIER, CHANNEL, MUTEX, SEMAPHORE, Visitor, barriers, channels, findOrMake, mapMemory, mutexes, packItem, parker, semaphores, unpackItem, type Item } from '@capriccio/shared';
import { random, type Report, type Task } from './rig.ts';

const task = workerData as Task;
const { id, count } = task;
const memory = mapMemory(task.buffer, task.layout);
const visitor = new Visitor(memory, id);
const chance = random(task.seed);
const cells = new Int32Array(task.counters);
function check(ok: boolean, what: string): void { if (!ok) throw new Error(`${task.role} ${id}: ${what}`); }

/** Parks until `isDone`, as the product does. */
function until(isDone: () => boolean): void {
  for (;;) {
    visitor.collect();
    if (isDone()) return;
    parker.announce(memory, id, false);
    if (!parker.hasMail(memory, id)) parker.sleep(memory, id, 5_000);
    parker.retract(memory, id);
  }
}
/** Enters, and waits for the grant if it has to. */
function enter(object: number, ask: (waiter: { granted(result: number, node: number): void }) => string): void {
  let node = 0;
  let outcome = '';
  visitor.visit(object, () => { outcome = ask({ granted: (_, granted) => { node = granted; } }); });
  until(() => outcome === 'now' || node !== 0);
  if (node !== 0) visitor.nodes.release(node);
}
function leave(object: number, work: () => void): void {
  let isDone = false;
  visitor.visit(object, () => { work(); isDone = true; });
  until(() => isDone);
}

/** A plain counter under a mutex, and plain words under a semaphore of one: what is written in one turn is read in the next. */
function counter(): Report {
  const mutex = findOrMake(memory, id, { name: 'mutex', kind: MUTEX, parameters: [] });
  const semaphore = findOrMake(memory, id, { name: 'one', kind: SEMAPHORE, parameters: [1, 1] });
  const gate = findOrMake(memory, id, { name: 'gate', kind: BARRIER, parameters: [task.layout.participantCount] });
  enter(gate, (waiter) => barriers.arrive(visitor, gate, waiter));
  let contended = 0;
  for (let turn = 0; turn < count; turn++) {
    if (mutexes.tryLock(memory, mutex, id) === 'busy') { contended++; enter(mutex, (waiter) => mutexes.lock(visitor, mutex, waiter)); }
    const before = cells[0] as number;
    for (let k = chance() % 40; k > 0; k--) parker.pause();
    cells[0] = before + 1;
    if (!mutexes.tryUnlock(memory, mutex, id)) leave(mutex, () => mutexes.unlock(visitor, mutex));
    enter(semaphore, (waiter) => semaphores.acquire(visitor, semaphore, 1, waiter));
    check(cells[2] === Math.imul(cells[1] as number, 7), 'the two words of a turn are of one turn');
    cells[1] = (cells[1] as number) + 1;
    cells[2] = Math.imul(cells[1] as number, 7);
    leave(semaphore, () => semaphores.release(visitor, semaphore, 1));
    if (chance() % 64 === 0) for (let k = chance() % 200; k > 0; k--) parker.pause();
  }
  return { turns: count, contended };
}

const textOf = (number: number): string => `item ${number} `.repeat(1 + number % 9);

function sender(): Report {
  const channel = findOrMake(memory, id, { name: 'channel', kind: CHANNEL, parameters: [8, 1024] });
  for (let k = 0; k < count; k++) {
    const number = id * 1_000_000 + k;
    const item = packItem(k % 3 === 0 ? number : textOf(number), true);
    let outcome = '';
    visitor.visit(channel, () => {
      outcome = channels.send(visitor, channel, item, { granted: (_, node) => visitor.visit(channel, () => { channels.sendPromised(visitor, channel, item, node); outcome = 'now'; }) });
    });
    until(() => outcome === 'now');
  }
  return { sent: count };
}

function receiver(): Report {
  const channel = findOrMake(memory, id, { name: 'channel', kind: CHANNEL, parameters: [8, 1024] });
  const last: number[] = [];
  let [received, sum] = [0, 0];
  while (received < count) {
    let item: Item | undefined;
    visitor.visit(channel, () => {
      const outcome = channels.receive(visitor, channel, { granted: (_, node) => visitor.visit(channel, () => { item = channels.receivePromised(visitor, channel, node); }) });
      if (typeof outcome === 'object') item = outcome;
    });
    until(() => item !== undefined);
    const value = unpackItem(item as Item) as number | string;
    const number = typeof value === 'number' ? value : Number(value.split(' ')[1]);
    if (typeof value === 'string') check(value === textOf(number), `item ${number} is torn`);
    const from = Math.floor(number / 1_000_000);
    check(number > (last[from] ?? -1), `${number} came after ${last[from]}`);
    last[from] = number;
    received++;
    sum += number;
  }
  return { received, sum };
}

/** Names objects that others name at the same time, and tells where they are. */
function maker(): Report {
  const found: Record<string, number> = {};
  for (let k = 0; k < count; k++) {
    const name = `name ${(k + id * 3) % count}`;
    found[name] = findOrMake(memory, id, { name, kind: MUTEX, parameters: [] });
  }
  return found;
}

const roles: Record<string, () => Report> = { counter, sender, receiver, maker };
parentPort?.postMessage((roles[task.role] as () => Report)());
