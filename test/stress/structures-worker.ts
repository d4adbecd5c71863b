/**
 * The roles of the stress tests, one a thread. Each does what the product does with one structure, with payloads whose every word is known from
 * a seed, and counts; what it finds wrong it throws.
 */
import { parentPort, workerData } from 'node:worker_threads';
import {
  ARGUMENTS, COMPLETED, INBOX, NAMES_COUNT, NEXT, NameReader, NameWriter, PARK, Participant, RESULT, controlOf, giveBack, mailbox, makeClaims, mapMemory, parker, regionOf,
  slots, take, waiting,
} from '@capriccio/shared';
import { random, type Report, type Task } from './rig.ts';
import { textOf } from './texts.ts';

const task = workerData as Task;
const { id, layout, count } = task;
const memory = mapMemory(task.buffer, layout);
const { words } = memory;
const counters = new Int32Array(task.counters);
const chance = random(task.seed);
const others = layout.participantCount - 1;
/** A header word that nobody uses: nothing is ever stored there, so a wait on it is a pause. */
const QUIET = 40;

/** A mixing of two numbers, of which every bit matters. */
function mix(a: number, b: number): number {
  let h = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ b;
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) | 0;
}
function check(ok: boolean, what: string): void { if (!ok) throw new Error(`${task.role} ${id}: ${what}`); }
/** Waits a moment: spins for the most part, for races need two that run. */
function rest(round: number): void { if (round % 1_024 === 1_023) Atomics.wait(words, QUIET, 0, 0.05); else parker.pause(); }

const PAYLOAD = 8;
function writePayload(at: number, number: number): void { for (let k = 0; k < PAYLOAD; k++) words[at + k] = mix(number, k); }
function checkPayload(at: number, number: number, what: string): void { for (let k = 0; k < PAYLOAD; k++) check(words[at + k] === mix(number, k), `word ${k} of ${what} ${number} is torn`); }

// ---- mailbox: many producers push nodes with payload to one consumer, which sends them back through a mailbox each ----

/** Few, so that chains are short and the consumer takes often. */
const NODES = 16;
const numberOf = (producer: number, sequence: number): number => Math.imul(producer, 0x01000193) ^ sequence;

function mailboxProducer(): Report {
  const home = controlOf(layout, 0) + COMPLETED;
  const back = controlOf(layout, id) + COMPLETED;
  const free = Array.from({ length: NODES }, (_, k) => regionOf(layout, id) + k * 16);
  let wasEmpty = 0;
  let checksum = 0;
  for (let sequence = 0, round = 0; sequence < count;) {
    for (let node = mailbox.takeAll(words, back, NEXT); node !== mailbox.NIL;) { const next = words[node + NEXT] as number; free.push(node); node = next; }
    if (free.length === 0) { rest(round++); continue; }
    const node = free.pop() as number;
    const number = numberOf(id, sequence);
    writePayload(node + ARGUMENTS, number);
    words[node + 2] = id;
    words[node + 3] = sequence++;
    checksum = (checksum + number) | 0;
    if (mailbox.push(words, home, NEXT, node, node)) wasEmpty++;
    if ((chance() & 63) === 0) for (let k = chance() % 100; k > 0; k--) parker.pause();
  }
  return { pushed: count, checksum, wasEmpty };
}

function mailboxConsumer(): Report {
  const home = controlOf(layout, 0) + COMPLETED;
  const next = new Int32Array(layout.participantCount);
  let [taken, checksum, chains] = [0, 0, 0];
  for (let round = 0; taken < count * others;) {
    let node = mailbox.takeAll(words, home, NEXT);
    if (node === mailbox.NIL) { rest(round++); continue; }
    chains++;
    while (node !== mailbox.NIL) {
      const after = words[node + NEXT] as number;
      const [producer, sequence] = [words[node + 2] as number, words[node + 3] as number];
      check(sequence === next[producer], `of producer ${producer} came ${sequence} where ${next[producer]} was next`);
      (next[producer] as number)++;
      const number = numberOf(producer, sequence);
      checkPayload(node + ARGUMENTS, number, 'node');
      checksum = (checksum + number) | 0;
      taken++;
      mailbox.push(words, controlOf(layout, producer) + COMPLETED, NEXT, node, node);
      node = after;
    }
  }
  return { taken, checksum, chains };
}

// ---- ring: one spawner publishes tasks, takers run them; some are cancelled at any moment ----

const ARGUMENT_WORDS = PAYLOAD - 1;

/** What is out, and what it must come home as. */
class Spawned {
  readonly open = new Map<number, { number: number; cancelled: 'revoked' | 'late' | undefined }>();
  readonly ends = { done: 0, withdrawn: 0, revoked: 0 };
  count = 0;
  readonly #me: Participant;
  constructor(me: Participant) { this.#me = me; }

  /** Fills a slot and makes it ready; visible after `publish`. @returns 0 when there is none */
  spawn(): number {
    const slot = this.#me.slots.allocate();
    if (slot === 0) return 0;
    for (let k = 0; k < ARGUMENT_WORDS; k++) words[slot + ARGUMENTS + k] = mix(this.count, k);
    words[slot + ARGUMENTS + ARGUMENT_WORDS] = this.count;
    this.open.set(slot, { number: this.count++, cancelled: undefined });
    this.#me.makeReady(slot, 0);
    return slot;
  }
  cancel(slot: number): void {
    const outcome = slots.cancel(words, slot);
    if (outcome === 'withdrawn') {
      this.open.delete(slot);
      this.ends.withdrawn++;
      this.#me.slots.recycle(slot);
    } else (this.open.get(slot) as { cancelled: unknown }).cancelled ??= outcome === 'revoked' ? 'revoked' : 'late';
  }
  /** Cancels what is claimed and has not begun, among the oldest. */
  revokeSome(): void {
    let looked = 0;
    for (const slot of this.open.keys()) {
      if (looked++ === 16) break;
      if (slots.stateOf(slots.loadState(words, slot)) === slots.CLAIMED && chance() % 4 === 0) this.cancel(slot);
    }
  }
  collect(): number {
    let home = 0;
    for (let slot = this.#me.takeCompleted(); slot !== 0; home++) {
      const next = this.#me.nextInChain(slot);
      this.#comeHome(slot);
      slot = next;
    }
    return home;
  }
  #comeHome(slot: number): void {
    const task = this.open.get(slot);
    if (task === undefined) throw new Error(`slot ${slot} comes home that is not out`);
    const isRevoked = slots.stateOf(slots.loadState(words, slot)) === slots.REVOKED;
    check(isRevoked === (task.cancelled === 'revoked'), `task ${task.number} was ${task.cancelled ?? 'not cancelled'} and comes home ${isRevoked ? 'revoked' : 'done'}`);
    if (!isRevoked) check(words[slot + RESULT] === mix(task.number, 99), `the result of ${task.number} is torn`);
    this.ends[isRevoked ? 'revoked' : 'done']++;
    this.open.delete(slot);
    this.#me.slots.release(slot);
  }
}

function ringSpawner(): Report {
  const me = new Participant(memory, 0);
  const spawned = new Spawned(me);
  const claims = makeClaims(4);
  for (let round = 0; spawned.count < count || spawned.open.size > 0; round++) {
    const home = spawned.collect();
    if (chance() % 256 === 0) for (let k = 0; k < 300 && spawned.count < count; k++) { const slot = spawned.spawn(); if (slot !== 0) spawned.cancel(slot); }   // more hints than the ring has cells
    const fresh: number[] = [];
    for (let burst = chance() % 8 === 0 ? 200 : chance() % 24; burst > 0 && spawned.count < count; burst--) { const slot = spawned.spawn(); if (slot === 0) break; fresh.push(slot); }
    if (me.rings.publish()) parker.offer(memory);
    spawned.revokeSome();
    if (chance() % 4 === 0) for (const slot of fresh) if (spawned.open.has(slot) && chance() % 4 === 0) spawned.cancel(slot);
    if (chance() % 32 === 0) { take(memory, 0, 0, 0, 2, claims); for (let k = 0; k < claims.count; k++) runTask(me, claims.slots[k] as number, claims.claimed[k] as number); me.handOver(); }
    if (fresh.length > 100) Atomics.wait(words, QUIET, 0, 0.2);           // leaves the cores to the takers: they race for what is there
    else if (home === 0 && fresh.length === 0) rest(round);
  }
  check(me.slots.available === me.slots.slotCount, `${me.slots.slotCount - me.slots.available} slots are missing`);
  for (let taker = 1; taker <= others; taker++) { Atomics.store(words, controlOf(layout, taker) + INBOX, 1); parker.wakeHard(memory, taker); }   // any mail: the end
  return { spawned: spawned.count, ...spawned.ends };
}
function runTask(me: Participant, slot: number, claimed: number): number {
  const running = slots.start(words, slot, claimed);
  if (running === 0) { me.letGo(slot); return 0; }
  const number = words[slot + ARGUMENTS + ARGUMENT_WORDS] as number;
  for (let k = 0; k < ARGUMENT_WORDS; k++) check(words[slot + ARGUMENTS + k] === mix(number, k), `argument ${k} of ${number} is torn`);
  Atomics.add(counters, number, 1);
  words[slot + RESULT] = mix(number, 99);
  me.finish(slot, running, slots.DONE);
  return 1;
}
function ringTaker(): Report {
  const me = new Participant(memory, id);
  const claims = makeClaims(16);
  let [ran, sleeps] = [0, 0];
  for (;;) {
    const max = chance() % 8 === 0 ? 16 : 1;
    const passed = take(memory, 0, 0, id, max, claims);
    if (max > 1 && chance() % 2 === 0) for (let k = 0; k < 100; k++) parker.pause();   // what is claimed and has not begun may be revoked
    for (let k = 0; k < claims.count; k++) ran += runTask(me, claims.slots[k] as number, claims.claimed[k] as number);
    if (me.hasEnded) me.handOver();
    if (passed > 0) continue;
    if (parker.hasMail(memory, id)) return { ran, sleeps };
    parker.announce(memory, id, true);
    if (waiting(memory, 0, 0) > 0 || parker.hasMail(memory, id)) { parker.retract(memory, id); continue; }
    sleeps++;
    check(parker.sleep(memory, id, 10_000) !== 'timed-out', 'nobody has woken it for 10 s');
    parker.retract(memory, id);
    if (waiting(memory, 0, 0) > 1) parker.offer(memory);
  }
}

// ---- parker: two threads hand a ball over. Every other time nothing lies between them but the park word ----

const SERVED = 1;
const isStrict = (ball: number): boolean => (mix(ball, 7) & 1) === 1;
const partner = 1 - id;

/** Strictly: once the partner is parked, so that its own exchange is what it sees the ball by. Else at any moment, as in the product. */
function serve(ball: number): void {
  const theirs = regionOf(layout, partner);
  if (isStrict(ball)) for (let round = 0; Atomics.load(words, controlOf(layout, partner) + PARK) !== parker.PARKED; round++) rest(round);
  writePayload(theirs + 2, ball);
  if (isStrict(ball)) words[theirs] = ball;
  else Atomics.store(words, theirs, ball);
  parker.wake(memory, partner);
  Atomics.store(words, theirs + SERVED, ball);
}
/** @returns how often it slept */
function receive(ball: number): number {
  const mine = regionOf(layout, id);
  let sleeps = 0;
  const sleep = (): boolean => {
    sleeps++;
    check(parker.sleep(memory, id, 10_000) !== 'timed-out', `ball ${ball} has not come for 10 s`);
    return parker.retract(memory, id);
  };
  parker.announce(memory, id, false);
  if (isStrict(ball)) {
    check(sleep(), 'woken by nobody');
    check(words[mine] === ball, `woken for ball ${ball}, found ${words[mine]}`);
  } else {
    while (Atomics.load(words, mine) !== ball) { sleep(); parker.announce(memory, id, false); }
    parker.retract(memory, id);
  }
  for (let round = 0; Atomics.load(words, mine + SERVED) !== ball; round++) rest(round);     // its notify may come late: not into the next sleep
  checkPayload(mine + 2, ball, 'ball');
  return sleeps;
}
function player(): Report {
  let sleeps = 0;
  if (id === 0) serve(1);
  for (let ball = 2 - id; ball <= count; ball += 2) {
    sleeps += receive(ball);
    if ((chance() & 3) === 0) for (let k = chance() % 200; k > 0; k--) parker.pause();
    if (ball < count) serve(ball + 1);
  }
  return { sleeps };
}

// ---- blocks: one owner sends blocks of all sizes to readers; results come back by themselves, arguments with the slot that carried them ----

const AT = ARGUMENTS, LENGTH = ARGUMENTS + 1, NUMBER = ARGUMENTS + 2, IS_RESULT = ARGUMENTS + 3;
function blockOwner(): Report {
  const me = new Participant(memory, 0);
  const carriers = Array.from({ length: 64 }, () => me.slots.allocate());
  let [sent, full, bytes, out] = [0, 0, 0, 0];
  const take = (): void => {
    for (let slot = me.takeCompleted(); slot !== 0;) {
      const next = me.nextInChain(slot);
      if (words[slot + IS_RESULT] === 0) me.blocks.free(words[slot + AT] as number);
      carriers.push(slot);
      out--;
      slot = next;
    }
  };
  for (let round = 0; sent < count || out > 0; round++) {
    take();
    const length = chance() % 4 === 0 ? 1 + chance() % me.blocks.bytesMax : 4 + chance() % 2_000;
    const block = sent < count && carriers.length > 0 ? me.blocks.allocate(length) : 0;
    if (block === 0) { if (sent < count && carriers.length > 0) full++; rest(round); continue; }
    const slot = carriers.pop() as number;
    const reader = 1 + chance() % others;
    const isResult = chance() % 2;
    fillBlock(block, length, sent);
    words[slot + AT] = block;
    words[slot + LENGTH] = length;
    words[slot + NUMBER] = sent++;
    words[slot + IS_RESULT] = isResult;
    if (isResult === 1) me.blocks.hold(block, reader);
    bytes += length;
    out++;
    mailbox.push(words, controlOf(layout, reader) + INBOX, NEXT, slot, slot);
  }
  for (let reader = 1; reader <= others; reader++) Atomics.store(counters, reader, 1);
  me.blocks.collect();
  check(me.blocks.heldCount === 0, `${me.blocks.heldCount} blocks have not come back`);
  let whole = 0;
  while (me.blocks.allocate(32_768) !== 0) whole++;
  check(whole === layout.payloadBytes / 32_768, `only ${whole} blocks of 32 KiB can be had at the end`);
  return { sent, bytes, full };
}
/** Every 64th byte, the first words and the last bytes: what two holders of one block, or a torn publication, would change. */
function fillBlock(block: number, length: number, number: number): void {
  for (let at = 0; at < length; at += 64) memory.bytes[block * 4 + at] = mix(number, at);
  memory.bytes[block * 4 + length - 1] = mix(number, length);
}
function checkBlock(block: number, length: number, number: number): void {
  for (let at = 0; at < length - 1; at += 64) check(memory.bytes[block * 4 + at] === (mix(number, at) & 0xff), `byte ${at} of ${length} of block ${number} is wrong`);
  check(memory.bytes[block * 4 + length - 1] === (mix(number, length) & 0xff), `the last byte of block ${number} is wrong`);
}
function blockReader(): Report {
  let [read, bytes] = [0, 0];
  for (let round = 0; ; round++) {
    const isOver = Atomics.load(counters, id) === 1;
    let slot = mailbox.takeAll(words, controlOf(layout, id) + INBOX, NEXT);
    if (slot === 0) { if (isOver) return { read, bytes }; rest(round); continue; }
    while (slot !== 0) {
      const next = words[slot + NEXT] as number;
      const length = words[slot + LENGTH] as number;
      checkBlock(words[slot + AT] as number, length, words[slot + NUMBER] as number);
      read++;
      bytes += length;
      if (words[slot + IS_RESULT] === 1) giveBack(memory, 0, words[slot + AT] as number);
      mailbox.push(words, controlOf(layout, 0) + COMPLETED, NEXT, slot, slot);
      slot = next;
    }
  }
}

// ---- names: one writer appends texts, readers follow the count ----

function nameWriter(): Report {
  const writer = new NameWriter(memory, 0);
  let bytes = 0;
  for (let number = 0; number < count; number++) {
    const text = textOf(number);
    bytes += text.length;
    check(writer.intern(text) === number, `text ${number} has another number`);
    if ((chance() & 15) === 0) rest(number);
  }
  return { written: count, bytes };
}
function nameReader(): Report {
  const reader = new NameReader(memory, 0);
  let [read, bytes] = [0, 0];
  for (let round = 0; read < count; round++) {
    const known = Atomics.load(words, controlOf(layout, 0) + NAMES_COUNT);
    if (known === read) { rest(round); continue; }
    while (read < known) {
      const text = reader.text(read);
      check(text === textOf(read), `text ${read} is ${JSON.stringify(text)}`);
      bytes += text.length;
      read++;
    }
  }
  return { read, bytes };
}

const roles: Readonly<Record<string, () => Report>> = { mailboxProducer, mailboxConsumer, ringSpawner, ringTaker, player, blockOwner, blockReader, nameWriter, nameReader };
parentPort?.postMessage((roles[task.role] as () => Report)());
