import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { Roots } from '../../../packages/worker/src/roots.ts';
import { Continuation, Root, type Entry, type Runnable } from '../../../packages/worker/src/run-queues.ts';

const runnable = (): Runnable => new Continuation(() => { /* never run here */ });
const entryOf = (root: Root): Entry => ({ root, begin() { /* never begun here */ } });
const fill = (root: Root, node: number, count: number): Runnable[] => Array.from({ length: count }, () => { const thread = runnable(); root.push(thread, node); return thread; });

describe('nodes inside a root', () => {
  test('threads of one node leave in the order in which they came', () => {
    const root = new Root('a');
    const threads = fill(root, 7, 40);
    assert.deepEqual(Array.from({ length: 40 }, () => root.shift()), threads);
    assert.equal(root.shift(), undefined);
    assert.equal(root.runnable, 0);
  });

  test('two nodes take turns however unequal their queues are', () => {
    const root = new Root('a');
    const many = new Set(fill(root, 1, 1_000));
    const few = new Set(fill(root, 2, 50));
    let [ofMany, ofFew] = [0, 0];
    for (let k = 0; k < 100; k++) { if (many.has(root.shift() as Runnable)) ofMany++; else ofFew++; root.settle(0.01); }
    assert.deepEqual([ofMany, ofFew], [50, 50]);
    assert.equal(few.size, 50);
    assert.equal(root.runnable, 950);
  });

  test('a node that was empty for long has saved nothing up', () => {
    const root = new Root('a');
    fill(root, 1, 500);
    fill(root, 2, 1);
    for (let k = 0; k < 300; k++) { root.shift(); root.settle(0.01); }                          // node 2 has long been empty
    const back = new Set(fill(root, 2, 100));
    let ofBack = 0;
    for (let k = 0; k < 100; k++) { if (back.has(root.shift() as Runnable)) ofBack++; root.settle(0.01); }
    assert.ok(Math.abs(ofBack - 50) <= 1, `${ofBack} of 100 turns`);
  });
});

describe('threads that have been handed a lock', () => {
  test('go before what is queued, whatever node or level that is of', () => {
    const root = new Root('a');
    fill(root, 1, 3);
    root.push(Object.assign(runnable(), { attainedUs: 50_000 }), 2);
    const holder = runnable();
    root.hand(holder);
    assert.equal(root.runnable, 5);
    assert.equal(root.draw(), 'resume');
    assert.equal(root.shift(), holder);
    assert.equal(root.runnable, 4);
  });

  test('let one of the others have a turn after every four', () => {
    const root = new Root('a');
    const others = fill(root, 1, 3);
    const pair = [runnable(), runnable()];
    const got: Runnable[] = [];
    root.hand(pair[0] as Runnable);
    for (let k = 0; k < 15; k++) {
      root.draw();
      const thread = root.shift() as Runnable;
      got.push(thread);
      if (!others.includes(thread)) root.hand(pair[(pair.indexOf(thread) + 1) % 2] as Runnable);   // a lock that two hand to each other for ever
      root.settle(0.001);
    }
    assert.deepEqual(got.flatMap((thread, k) => (others.includes(thread) ? [k] : [])), [4, 9, 14]);
    assert.deepEqual(got.filter((thread) => others.includes(thread)), others);
  });

  test('are charged to the level that they are of', () => {
    const root = new Root('a');
    const long = Object.assign(runnable(), { attainedUs: 50_000 });
    const queued = Object.assign(runnable(), { attainedUs: 50_000 });
    root.push(queued, 1);
    fill(root, 1, 2);
    root.hand(long);
    root.draw();
    root.shift();
    root.settle(10);
    for (let k = 0; k < 2; k++) { root.draw(); assert.notEqual(root.shift(), queued); root.settle(0.1); }   // its level has had more than its share
    assert.equal(root.draw(), 'resume');
    assert.equal(root.shift(), queued);
  });

  test('keep a root running that has nothing else', () => {
    const root = new Root('a');
    root.hand(runnable());
    assert.ok(root.canRun);
    assert.equal(root.draw(), 'resume');
    assert.notEqual(root.shift(), undefined);
    assert.equal(root.shift(), undefined);
    assert.ok(root.isIdle);
  });
});

describe('levels inside a root', () => {
  const had = (attainedUs: number): Runnable => Object.assign(runnable(), { attainedUs });

  test('who has had little goes before who has had much', () => {
    const root = new Root('a');
    const [long, short] = [had(50_000), had(0)];
    root.push(long, 1);
    root.settle(0);
    root.push(short, 1);
    assert.equal(root.draw(), 'resume');
    assert.equal(root.shift(), short);
    root.settle(0.1);
    assert.equal(root.draw(), 'resume');
    assert.equal(root.shift(), long);
  });

  test('a batch charges its threads alike, whole microseconds, at least one', () => {
    const root = new Root('a');
    const [first, second] = fill(root, 1, 2) as [Runnable, Runnable];
    root.draw();
    root.shift();
    root.shift();
    root.settle(0.5);
    assert.deepEqual([first.attainedUs, second.attainedUs], [250, 250]);
    root.push(first, 1);
    root.draw();
    root.shift();
    root.settle(0.0001);
    assert.equal(first.attainedUs, 251);
  });

  test('new ones begin beside long ones: two of them at a time are no obstacle, unless more than six wait', () => {
    const root = new Root('a');
    root.push(had(5000), 1);
    root.entries.push(entryOf(root));
    assert.equal(root.draw(), 'begin');
    for (let k = 0; k < 6; k++) root.entries.push(entryOf(root));
    assert.equal(root.mayStart, false, 'seven wait, and one long one is here');
    root.entries.shift();
    assert.equal(root.mayStart, true);
    root.push(had(5000), 1);
    assert.equal(root.mayStart, false, 'two long ones are here');
    assert.equal(root.draw(), 'resume');
  });

  test('what arrived begins in its order, or the newest first; nobody before one that may not leave', () => {
    const root = new Root('a');
    const [one, two, kept, four] = [true, true, false, true].map((mayLeave): Entry => ({ ...entryOf(root), mayLeave })) as [Entry, Entry, Entry, Entry];
    for (const entry of [one, two, four]) root.entries.push(entry);
    assert.equal(root.takeEntry(), one);
    root.isNewestFirst = true;
    assert.equal(root.takeEntry(), four);
    for (const entry of [kept, four]) root.entries.push(entry);
    root.entries.shift();
    assert.deepEqual([root.takeEntry(), root.takeEntry(), root.takeEntry()], [kept, four, undefined]);
  });

  test('where there is no room for what its threads take, a root starts none', () => {
    const roots = new Roots();
    const [full, other] = [roots.named('full'), roots.named('other')];
    full.hasRoom = () => false;
    for (const root of [full, other]) { root.entries.push(entryOf(root)); roots.activate(root); }
    assert.equal(roots.pick(), other);
    full.hasRoom = () => true;
    assert.equal(roots.pick(), full);
  });

  test('nodes of level 0 share by the tickets that they are given', () => {
    const root = new Root('a');
    root.setTickets(2, 3);
    fill(root, 1, 1000);
    const three = new Set(fill(root, 2, 1000));
    let ofThree = 0;
    for (let k = 0; k < 400; k++) { root.draw(); if (three.has(root.shift() as Runnable)) ofThree++; root.settle(0.01); }
    assert.ok(Math.abs(ofThree - 300) <= 1, `${ofThree} of 400`);
  });
});

describe('the start gate', () => {
  test('is shut while six of a root are runnable', () => {
    const root = new Root('a');
    fill(root, 0, 5);
    assert.equal(root.mayStart, true);
    fill(root, 1, 1);
    assert.equal(root.mayStart, false);
    root.shift();
    assert.equal(root.mayStart, true);
  });

  test('is shut while the module of the root is being loaded: others may take what is published', () => {
    const roots = new Roots();
    const root = roots.named('a');
    root.sources = 1;
    roots.activate(root);
    root.isLoading = true;
    assert.equal(root.canRun, false);
    assert.equal(roots.pick(), undefined);
    assert.deepEqual(roots.active, [root], 'it is not idle');
    root.isLoading = false;
    assert.equal(roots.pick(), root);
  });

  test('a root with begun threads starts something once in sixteen batches, if the gate is open', () => {
    const root = new Root('a');
    fill(root, 0, 1);
    const starts = (): number => Array.from({ length: 160 }, () => root.draw()).filter((what) => what === 'begin').length;
    assert.equal(starts(), 0, 'there is nothing to start');
    root.entries.push(entryOf(root));
    assert.equal(starts(), 10);
    fill(root, 0, 5);
    assert.equal(starts(), 0, 'six are runnable');
  });

  test('children and begun threads need no gate', () => {
    const root = new Root('a');
    root.children.push(entryOf(root));
    root.isLoading = true;
    assert.equal(root.canRun, true);
    assert.equal(root.isIdle, false);
  });
});

test('whether a root wants a back lane is told without asking for room, which may take it', () => {
  const root = new Root('a');
  let asked = 0;
  root.hasRoom = () => { asked++; root.isHeld = asked < 2; return !root.isHeld; };
  assert.equal(root.wantsLane, false, 'nothing waits');
  root.entries.push(entryOf(root));
  assert.deepEqual([root.wantsLane, asked], [true, 0]);
  assert.equal(root.mayStart, false);
  assert.deepEqual([root.wantsLane, asked], [false, 1], 'it had no room when it was asked');
  root.hasLaneRoom = () => root.wantsLane;
  assert.equal(root.mayStart, true);
  assert.deepEqual([root.wantsLane, asked], [true, 2]);
  fill(root, 7, 6);
  assert.equal(root.wantsLane, false, 'as many as may be have begun');
});

