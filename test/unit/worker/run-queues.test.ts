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

describe('short roots borrow from long ones', () => {
  /** Roots that take so many milliseconds a piece, each with so many pieces to begin; `begin` runs the one whose turn it is. */
  function worker(costs: readonly number[], pieces: number, tickets: readonly number[] = []) {
    const roots = new Roots();
    const all = costs.map((ms, k) => { const root = roots.named(`r${k}`); root.tickets = tickets[k] ?? 1; root.costUs = ms * 1000; for (let n = 0; n < pieces; n++) root.entries.push(entryOf(root)); roots.activate(root); return root; });
    const used = new Map(all.map((root) => [root, 0]));
    const begin = (): Root | undefined => {
      const root = roots.pick();
      if (root === undefined) return undefined;
      root.entries.shift();
      const ms = root.costUs / 1000;
      used.set(root, (used.get(root) as number) + ms);
      roots.charge(root, ms);
      return root;
    };
    return { roots, all, used, begin };
  }

  test('what is short goes before what is long, several in a row', () => {
    const { all: [long, short], begin } = worker([25, 3], 8);
    assert.deepEqual(Array.from({ length: 9 }, begin), [...Array<Root>(8).fill(short as Root), long]);
  });

  test('as long as it owes: among those that always have something to run each gets its share, but for a bounded time', () => {
    const { all, used, begin } = worker([3, 3, 5, 9, 25], 3000);
    for (let k = 0; k < 2000; k++) {
      begin();
      const times = all.map((root) => used.get(root) as number);
      const [least, most] = [Math.min(...times), Math.max(...times)];
      assert.ok(most - least <= 60 + 25, `${times}`);
    }
  });

  test('all together keep a long one waiting for no longer than one would', () => {
    const { all, begin } = worker([100, ...Array<number>(60).fill(1)], 400);
    let before = 0;
    while (begin() !== all[0]) before++;
    assert.ok(before > 60 && before <= 301, `${before} ms`);
  });

  test('nor while another is held back that has had still less', () => {
    const { all: [held, long, ...short], begin } = worker([100, 100, ...Array<number>(60).fill(1)], 400);
    for (let k = 0; k < 61; k++) begin();
    (held as Root).hasRoom = () => false;
    let before = 0;
    while (begin() !== long) before++;
    assert.ok(before <= 301, `${before} ms`);
    assert.equal(short.length, 60);
  });

  test('tickets count: who has four times as many stands back a quarter as far', () => {
    const { all: [long], begin } = worker([20, 1], 400, [4, 1]);
    let before = 0;
    while (begin() !== long) before++;
    assert.equal(before, 60 / 4 - 8);
  });

  test('who comes joins those that can run, not one that is held back', () => {
    const { roots, all: [held, other], begin } = worker([1, 1], 50);
    (held as Root).hasRoom = () => false;
    for (let k = 0; k < 20; k++) assert.equal(begin(), other);
    const late = roots.named('late');
    late.costUs = 1000;
    for (let n = 0; n < 50; n++) late.entries.push(entryOf(late));
    roots.activate(late);
    const row = Array.from({ length: 20 }, begin);
    assert.ok(Math.abs(row.filter((root) => root === late).length - 10) <= 1, 'it has saved nothing up');
  });
});

describe('what is paid in advance', () => {
  /** Two roots that always have something to begin. Beginning takes the first 0.1 ms, and 5 ms later; the other 5 ms at once. @returns begins of each in so many picks */
  function begins(prepays: boolean): number[] {
    const roots = new Roots();
    const [waits, computes] = [roots.named('waits'), roots.named('computes')];
    for (const root of [waits, computes]) { root.entries.push(entryOf(root)); roots.activate(root); }
    const counts = new Map([[waits, 0], [computes, 0]]);
    for (let k = 0; k < 100; k++) {
      const root = roots.pick() as Root;
      counts.set(root, (counts.get(root) as number) + 1);
      roots.charge(root, root === waits ? 0.1 : 5);
      if (root === waits && prepays) roots.prepay(root, 5);
    }
    return [...counts.values()];
  }
  test('what waits first begins no more than its share can end', () => {
    const [unpaid] = begins(false);
    assert.ok(unpaid as number > 90, `${unpaid} of 100: that is what it is for`);
    assert.deepEqual(begins(true), [50, 50]);
  });

  test('it comes back, and nobody goes before who has been waiting by it', () => {
    const roots = new Roots();
    const [one, two] = [roots.named('one'), roots.named('two')];
    for (const root of [one, two]) { root.entries.push(entryOf(root)); roots.activate(root); }
    roots.prepay(one, 10);
    assert.equal(roots.pick(), two);
    roots.charge(two, 4);
    assert.equal(roots.pick(), two);
    roots.repay(one, 10);
    assert.equal(one.prepaidMs, 0);
    assert.equal(one.pass, two.pass, 'not before the present');
    roots.charge(two, 1);
    assert.equal(roots.pick(), one);
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

describe('roots of a worker', () => {
  test('share it by their tickets', () => {
    const roots = new Roots();
    const [one, three] = [roots.named('one'), roots.named('three')];
    three.tickets = 3;
    for (const root of [one, three]) { fill(root, 0, 1_000); roots.activate(root); }
    const turns = new Map([[one, 0], [three, 0]]);
    for (let k = 0; k < 400; k++) {
      const root = roots.pick() as Root;
      root.shift();
      turns.set(root, turns.get(root) as number + 1);
      roots.charge(root, 1);
    }
    assert.ok(Math.abs(turns.get(one) as number - 100) <= 1, `${turns.get(one)} of 400`);
  });

  test('one that was idle is dropped from the list, and comes back without credit', () => {
    const roots = new Roots();
    const [busy, rare] = [roots.named('busy'), roots.named('rare')];
    fill(busy, 0, 1_000);
    fill(rare, 0, 1);
    roots.activate(busy);
    roots.activate(rare);
    let picked: Root | undefined;
    for (let k = 0; k < 200; k++) { picked = roots.pick() as Root; picked.shift(); roots.charge(picked, 1); }
    assert.deepEqual(roots.active, [busy]);
    assert.equal(rare.isActive, false);
    fill(rare, 0, 100);
    roots.activate(rare);
    let ofRare = 0;
    for (let k = 0; k < 100; k++) {
      const root = roots.pick() as Root;
      root.shift();
      roots.charge(root, 1);
      if (root === rare) ofRare++;
    }
    assert.ok(Math.abs(ofRare - 50) <= 1, `${ofRare} of 100 turns`);
  });

  test('activated twice, a root is there once', () => {
    const roots = new Roots();
    const root = roots.named('a');
    assert.equal(roots.named('a'), root);
    fill(root, 0, 1);
    roots.activate(root);
    roots.activate(root);
    assert.equal(roots.active.length, 1);
  });

  test('what is runnable and what has not begun is counted over all', () => {
    const roots = new Roots();
    for (const name of ['a', 'b']) {
      const root = roots.named(name);
      fill(root, 0, 3);
      root.entries.push(entryOf(root));
      root.children.push(entryOf(root));
      roots.activate(root);
    }
    assert.deepEqual([roots.runnable, roots.queued], [6, 4]);
    assert.equal([...roots.all].length, 2);
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

describe('a share is paid for', () => {
  test('also what a root has used outside of batches; what is not known is nothing', () => {
    const roots = new Roots();
    const [a, b] = [roots.named('a'), roots.named('b')];
    for (const root of [a, b]) { fill(root, 1, 1); roots.activate(root); }
    assert.equal(roots.pick(), a);
    roots.chargeBeside(a, 5);
    roots.chargeBeside(b, -1);
    assert.equal(roots.pick(), b);
    assert.deepEqual([a.usedMs, b.usedMs], [5, 0]);
  });

  test('by two roots of the same work together', () => {
    const roots = new Roots();
    const [brings, runs, other] = [roots.named('brings'), roots.named('runs'), roots.named('other')];
    brings.partner = runs;
    runs.partner = brings;
    for (const root of [brings, runs, other]) { fill(root, 1, 1_000); roots.activate(root); }
    for (let k = 0; k < 400; k++) {
      const root = roots.pick() as Root;
      root.draw();
      root.shift();
      roots.charge(root, root === runs ? 3 : 1);
    }
    assert.ok(Math.abs(other.usedMs - brings.usedMs - runs.usedMs) <= 4, `${other.usedMs} beside ${brings.usedMs} + ${runs.usedMs}`);
  });
});
