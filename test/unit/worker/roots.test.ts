/** Whose turn it is on one worker: shares by tickets, short roots before long ones, what is paid in advance and what is owed. */
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { Roots } from '../../../packages/worker/src/roots.ts';
import { Continuation, type Entry, type Root, type Runnable } from '../../../packages/worker/src/run-queues.ts';

const runnable = (): Runnable => new Continuation(() => { /* never run here */ });
const entryOf = (root: Root): Entry => ({ root, begin() { /* never begun here */ } });
const fill = (root: Root, node: number, count: number): Runnable[] => Array.from({ length: count }, () => { const thread = runnable(); root.push(thread, node); return thread; });

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

  test('but one of which some were refused keeps what it did not use meanwhile, up to its claim', () => {
    for (const [claimMs, idleMs, ahead] of [[60, 200, 60], [60, 20, 20], [0, 200, 0]] as const) {
      const roots = new Roots();
      const [busy, other, rare] = ['busy', 'other', 'rare'].map((name) => roots.named(name)) as [Root, Root, Root];
      const runs = (root: Root): void => { root.shift(); roots.charge(root, 1); };
      for (const root of [busy, other, rare]) { fill(root, 0, root === rare ? 1 : 1000); roots.activate(root); }
      for (let k = 0; k < 3 + 2 * idleMs; k++) runs(roots.pick() as Root);
      rare.claimMs = claimMs;
      fill(rare, 0, 500);
      roots.activate(rare);
      let inRow = 0;
      for (let root = roots.pick(); root === rare; root = roots.pick()) { runs(rare); inRow++; }
      assert.ok(Math.abs(inRow - ahead) <= 2, `${inRow} ms in a row, of ${ahead} that it had not used`);
    }
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
