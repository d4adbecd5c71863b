import assert from 'node:assert/strict';
import type { Member, Memory } from '@capriccio/shared';
import { COUNTER, allLive, assertAtRest, assertTold, end, newVisitor, runMain, until, workAsOwner } from './objects.ts';
import { model, tinyLayout } from './harness.ts';
import type { Control, Scenario } from './explore.ts';
import type { Shared } from './mutant.ts';

const make = (S: Shared) => (memory: Memory): void => { allLive(S)(memory); S.findOrMake(memory, 0, { name: 'm', kind: S.MUTEX, parameters: [] }); };

interface Core {
  readonly threads: number;
  /** Hand-overs among them while others wait. */
  readonly handOversMax: number;
  /** The first that has to wait gives up at once. */
  readonly givesUp?: boolean;
}

/** Threads of one core, each of which locks once: all ask, then each has its turn. @returns those that had it, in their order */
const core = (S: Shared, id: number, { threads, handOversMax, givesUp = false }: Core) => (memory: Memory, control: Control): number[] => {
  const visitor = newVisitor(S, memory, control, id);
  const watch = control.quiet(() => new S.DeathWatch(memory, id));
  const mutex = S.objectAt(memory, 0);
  const cohort = control.quiet(() => new S.Cohort(visitor, mutex, { visit: (monitor, work) => visitor.visit(monitor, work), now: () => 1, handOversMax }));
  const has: { who: number; hasDied: boolean }[] = [];
  const had: number[] = [];
  let left = threads;
  for (let who = 0; who < threads; who++) {
    const locked = S.mutexes.tryLock(memory, mutex, id);
    if (locked !== 'busy') { has.push({ who, hasDied: locked === 'owner-died' }); continue; }
    const member: Member = { next: undefined, previous: undefined, line: undefined, handed: (result) => { has.push({ who, hasDied: result === S.OWNER_DIED }); return true; } };
    if (!cohort.tryJoin(member)) {
      visitor.visit(mutex, () => {
        const admission = cohort.enter(member);
        if (admission !== 'waits') has.push({ who, hasDied: admission === 'owner-died' });
      });
    }
    if (member.line === undefined) continue;
    if (cohort.node !== 0) control.note(['waits', id]);
    if (givesUp && left === threads) { cohort.leave(member); left--; }
  }
  while (had.length < left) {
    until(S, memory, visitor, watch, () => has.length > 0);
    const { who, hasDied } = has.shift() as { who: number; hasDied: boolean };
    assert.equal(has.length, 0, 'one thread has it');
    workAsOwner(memory, control, id, hasDied);
    had.push(who);
    if (cohort.tryRelease()) continue;
    let isDone = false;
    visitor.visit(mutex, () => { cohort.release(); isDone = true; });
    until(S, memory, visitor, watch, () => isDone);
  }
  until(S, memory, visitor, watch, () => !visitor.isWaiting);
  end(memory);
  return had;
};

const scenario = (...cores: [Core, Core]) => (S: Shared): Scenario<[number, number[]?, number[]?]> => ({
  layout: tinyLayout(S),
  setUp: make(S),
  threads: [(memory, control) => runMain(S, memory, control, 2), ...cores.map((one, k) => core(S, k + 1, one))],
  check([, ...had], memory, killed, all) {
    const notes = all as [string, number, boolean?][];
    const mutex = S.objectAt(memory, 0);
    assertAtRest(S, memory, mutex);
    for (const turns of had) assert.deepEqual(turns, turns?.toSorted(), 'threads of one core in their order');
    for (const [k, { handOversMax }] of cores.entries()) {               // while the other waits: the owner, whose turn may be noted late, and so many more
      const waits = notes.findIndex(([what, id]) => what === 'waits' && id === 2 - k);
      const until = notes.findIndex(([what, id], at) => at > waits && what === 'has' && id === 2 - k);
      if (waits < 0 || until < 0) continue;
      assert.ok(notes.slice(waits, until).filter(([what]) => what === 'has').length <= handOversMax + 1, 'one that waited was passed by too many');
    }
    if (killed === 0) {
      assert.equal(memory.words[COUNTER], had.flat().length, 'no owner was beside another');
      assert.deepEqual(had.map((turns) => turns?.length), cores.map(({ threads, givesUp }, k) => (givesUp === true ? had[k]?.length : threads)), 'all had it');
      assert.ok(notes.every(([, , hasDied]) => hasDied !== true), 'nobody died');
      assert.equal(memory.words[mutex + S.OWNER], 0, 'it is free');
    } else assertTold(memory.words[mutex + S.OWNER] as number, killed, notes);
  },
});

model('cohort: one thread has it, whoever dies at any step', { bound: 1, kills: 1, killable: 0b110 }, scenario({ threads: 2, handOversMax: 0 }, { threads: 1, handOversMax: 0 }), [
  { file: 'objects/cohort.ts', from: '    if (this.#handOvers === this.#handOversMax) return false;\n', to: '', finds: /passed by too many/ },
  { file: 'objects/cohort.ts', from: 'this.node !== 0 || queueOwner(this.#visitor, this.#mutex, this);', to: 'true;', finds: /deadlock/ },
  { file: 'objects/cohort.ts', from: ' && !isOwner(this.#visitor.memory, this.#mutex, this.#visitor.id)', to: ' && this.#mutex < 0', finds: /deadlock/ },
  { file: 'objects/cohort.ts', from: 'member.handed(result)', to: 'member.handed(0)', finds: /told/ },
  { file: 'objects/mutex.ts', from: "(word & QUEUED) === 0 && Atomics.compareExchange(words, mutex + OWNER, word, 0) === word;", to: '(word & QUEUED) === 0 && (Atomics.store(words, mutex + OWNER, 0), true);', finds: /deadlock|beside|corrupt|race/ },
]);

model('cohort: it is kept for a while, and then passed on', { bound: 1, kills: 1, killable: 0b100 }, scenario({ threads: 3, handOversMax: 1 }, { threads: 1, handOversMax: 1 }), [
  { file: 'objects/cohort.ts', from: '      if (!this.#mayKeep()) return false;\n', to: '', finds: /passed by too many/ },
]);

model('cohort: one that gives up leaves the mutex to others, whoever dies at any step', { bound: 1, kills: 1, killable: 0b110 }, scenario({ threads: 1, handOversMax: 1, givesUp: true }, { threads: 2, handOversMax: 0 }), [
  { file: 'objects/cohort.ts', from: '    else this.#parts.visit(this.#mutex, () => this.release(result === OWNER_DIED));\n', to: '', finds: /deadlock|free/, options: { bound: 2, kills: 0 } },
]);
