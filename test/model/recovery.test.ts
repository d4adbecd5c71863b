import assert from 'node:assert/strict';
import { awaitMail, collect, run, spawn, work } from './protocol.ts';
import { model, tinyLayout } from './harness.ts';
import type { Scenario } from './explore.ts';
import type { Shared } from './mutant.ts';

const allLive = (S: Shared): NonNullable<Scenario['setUp']> => (memory) => { for (const id of [1, 2]) S.markLive(memory, id); };

/**
 * Worker 1 spawns a task for anybody and places one on worker 2, and dies at any step; worker 2 takes and runs. Main stands in for the dead
 * spawner until its region is at rest, whatever worker 2 holds at that moment.
 */
model('recovery: a spawner killed at any step', { bound: 1, kills: 1, killable: 0b010 }, (S): Scenario<[string]> => ({
  layout: tinyLayout(S),
  mayBlock: 0b110,
  setUp: allLive(S),
  threads: [
    (memory, control) => {
      let orphans: InstanceType<typeof S.OrphanedRegion> | undefined;
      for (;;) {
        const version = control.version();
        const killed = control.dead() !== 0;
        if (killed && orphans === undefined) { S.markDead(memory, 1); orphans = new S.OrphanedRegion(memory, 1); }
        if (orphans?.isAtRest()) { S.resetControl(memory, 1); return 'at rest'; }
        if (!killed && Atomics.load(memory.words, 40) === 1) return 'not killed';
        control.changed(version);
      }
    },
    (memory, control) => {
      const me = control.quiet(() => new S.Participant(memory, 1));
      spawn(S, memory, me, 10);
      const slot = me.slots.allocate();
      memory.words[slot + S.ARGUMENTS] = 20;
      me.place(slot, 2);
      let home = 0;
      while (home < 2) { collect(S, memory, me, () => { home++; }); if (home < 2) awaitMail(S, memory, 1); }
      Atomics.store(memory.words, 40, 1);
    },
    (memory, control) => {
      const me = control.quiet(() => new S.Participant(memory, 2));
      void me;
      return work(S, memory, control, 2, { victims: [1] });
    },
  ],
  check([end], memory, killed, notes) {
    assert.equal(end, killed === 0 ? 'not killed' : 'at rest');
    assert.equal(new Set(notes.map((note) => (note as [string, number])[1])).size, notes.length, 'no task runs twice');
    if (killed !== 0) assert.equal(S.slotsInUse(memory, 1), 0, 'the region is at rest');
  },
}), [
  { file: 'recovery.ts', from: "if (stateOf(word) === READY && cancel(words, slot) === 'withdrawn') return;", to: 'if (stateOf(word) === READY) { free(words, slot); return; }', finds: /corrupt|race|rest|twice|deadlock/ },
  { file: 'recovery.ts', from: '  if (holder === deadOwner || !isLive(memory, holder)) { free(words, slot); return; }', to: '  if (stateOf(now) === CLAIMED || holder === deadOwner || !isLive(memory, holder)) { free(words, slot); return; }', finds: /corrupt|race|rest|twice|deadlock/ },
  { file: 'recovery.ts', from: 'if (loadState(this.#memory.words, slot) === word) free(this.#memory.words, slot);', to: 'void slot, void word;', finds: /deadlock/ },
]);

/**
 * Both at once: worker 1 has spawned, worker 2 runs what worker 1 spawned and is the one that dies; then worker 1 recovers its own slots
 * itself, as every owner does.
 */
model('recovery: a worker killed at any step', { bound: 1, kills: 1, killable: 0b100 }, (S): Scenario<[string, number]> => ({
  layout: tinyLayout(S),
  mayBlock: 0b100,
  setUp: allLive(S),
  threads: [
    (memory, control) => {
      let orphans: InstanceType<typeof S.OrphanedRegion> | undefined;
      for (;;) {
        const version = control.version();
        if (control.dead() !== 0 && orphans === undefined) { S.markDead(memory, 2); orphans = new S.OrphanedRegion(memory, 2); }
        if (orphans?.isAtRest()) return 'forgotten';
        if (Atomics.load(memory.words, 40) === 1) return 'the spawner is done';
        control.changed(version);
      }
    },
    (memory, control) => {
      const me = control.quiet(() => new S.Participant(memory, 1));
      const open = new Set([spawn(S, memory, me, 10), spawn(S, memory, me, 20)]);
      const claims = S.makeClaims(1);
      let answers = 0;
      const end = (slot: number): void => { assert.ok(open.delete(slot), 'one end a task'); answers++; };
      while (open.size > 0) {
        const version = control.version();
        collect(S, memory, me, end);
        if (me.deaths.isDue) {
          me.deaths.acknowledge(() => { /* nothing is placed on a spawner, and it runs nothing */ }, (dead) => {
            collect(S, memory, me, end);
            for (const slot of [...open]) {
              const finding = S.inspect(memory.words, slot, dead);
              if (finding === 'reopened') me.rings.push(0, slot);
              if (finding === 'begun' || finding === 'ended') { end(slot); me.slots.release(slot); }
            }
            me.rings.publish();
          });
          if (S.take(memory, 1, 0, 1, 1, claims) > 0 && claims.count > 0) {       // nobody else is left: it runs its own work
            run(S, memory, control, me, claims.slots[0] as number, claims.claimed[0] as number);
            me.handOver();
          }
          continue;
        }
        if (open.size > 0 && control.dead() === 0) awaitMail(S, memory, 1);
        else if (S.take(memory, 1, 0, 1, 1, claims) > 0 && claims.count > 0) { run(S, memory, control, me, claims.slots[0] as number, claims.claimed[0] as number); me.handOver(); }
        else if (!me.deaths.isDue) control.changed(version);
      }
      Atomics.store(memory.words, 40, 1);
      return answers;
    },
    (memory, control) => work(S, memory, control, 2, { victims: [1] }),
  ],
  check([, answers]) { assert.equal(answers, 2); },
}), [
  { file: 'recovery.ts', from: "        if (reopen(words, slot, word)) return 'reopened';\n        continue;", to: "        return 'none';", finds: /deadlock|livelock/ },
  { file: 'recovery.ts', from: '  Atomics.add(words, DEATHS, 1);\n', to: '', finds: /deadlock|livelock/ },
]);
