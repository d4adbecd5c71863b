/**
 * Burial: what a participant's death asks of shared objects. Main's alone, for it joins threads. Two steps, each for every object:
 *
 *   takePlace    before the death is marked: completes what the dead had begun (its claim of a name, its committed change) and, where it was
 *                inside, goes on with what was to follow and leaves. Nobody else can be there, so it does not wait.
 *   bury         after it: the dead's nodes leave the queues, its promises go back, what it owned passes on. A visit to each object, so it may
 *                end later; a number passes on only after that.
 *
 * Everything here reads states and may be repeated. Proved with each kind: test/model.
 */
import { advanceBarrier, unarrive } from './barrier.ts';
import { advanceChannel, returnPromise } from './channel.ts';
import { advanceCondition } from './condition.ts';
import { redo } from './journal.ts';
import { takeOver } from './monitor.ts';
import { advanceMutex, buryOwner } from './mutex.ts';
import { BARRIER, CHANNEL, CONDITION, MUTEX, NODE_MONITOR, NODE_NOTE, NODE_RESULT, RWLOCK, SECOND, SEMAPHORE } from './object-layout.ts';
import { allObjects, finishClaims } from './object-table.ts';
import { advanceRwLock, buryLocks } from './rwlock.ts';
import { advanceSemaphore, buryHolder } from './semaphore.ts';
import type { Visitor } from './visitor.ts';
import { NODE_WAITING, isGranted, nodeState, nodesInUse, setFree, unlink } from './wait-queue.ts';

/** Inside: grants whatever can be granted. */
function advance(visitor: Visitor, object: number): void {
  switch (visitor.facts.of(object).kind) {
    case MUTEX: {
      for (const other of allObjects(visitor.memory)) {
        const { kind, parameters } = visitor.facts.of(other);
        if (kind === CONDITION && parameters[0] === object) advanceCondition(visitor, other, object);
      }
      advanceMutex(visitor, object);
      break;
    }
    case SEMAPHORE: advanceSemaphore(visitor, object); break;
    case BARRIER: advanceBarrier(visitor, object); break;
    case RWLOCK: advanceRwLock(visitor, object); break;
    case CHANNEL: advanceChannel(visitor, object); break;
    case CONDITION: break;                                               // nobody enters it: its mutex's monitor protects it
    default: throw new Error(`object ${object} is of no kind: the arena is corrupt`);
  }
}

/** Inside: a waiting node leaves its queue and is FREE. @returns false when it does not wait */
export function withdraw(visitor: Visitor, object: number, node: number): boolean {
  if (!takeOut(visitor, object, node)) return false;
  advance(visitor, object);
  return true;
}

function takeOut(visitor: Visitor, object: number, node: number): boolean {
  const { memory, journal } = visitor;
  if (nodeState(memory, node) !== NODE_WAITING) return false;
  unlink(memory, journal, node);
  if (visitor.facts.of(object).kind === BARRIER && memory.words[node + NODE_NOTE] === memory.words[object + SECOND]) unarrive(visitor, object);
  setFree(journal, node);
  visitor.commit();
  return true;
}

/** Main, once the thread of `dead` is joined and before its death is marked. */
export function takePlace(visitor: Visitor, dead: number): void {
  const { memory } = visitor;
  finishClaims(memory, dead);
  redo(memory, dead);
  for (const object of allObjects(memory)) {
    if (takeOver(memory, object, dead, visitor.id)) visitor.leaveFor(object, () => advance(visitor, object));
  }
}

/** Main, once the death is marked. Calls `done` when the dead is buried in every object. */
export function bury(visitor: Visitor, dead: number, done: () => void): void {
  const { memory } = visitor;
  const nodes = Map.groupBy(nodesInUse(memory, dead), (node) => memory.words[node + NODE_MONITOR] as number);   // plain: its writer is joined
  let left = 1;
  const end = (): void => { if (--left === 0) done(); };
  for (const object of allObjects(memory)) {
    left++;
    visitor.visit(object, () => { buryIn(visitor, object, dead, nodes.get(object) ?? []); end(); });
  }
  end();
}

function buryIn(visitor: Visitor, object: number, dead: number, nodes: readonly number[]): void {
  const { memory, journal, facts } = visitor;
  const { kind } = facts.of(object);
  for (const node of nodes) {
    if (takeOut(visitor, object, node)) continue;
    if (!isGranted(nodeState(memory, node))) continue;
    if (kind === CHANNEL) { returnPromise(visitor, object, node, memory.words[node + NODE_RESULT] as number); continue; }
    setFree(journal, node);                                              // what it was granted is found below
    visitor.commit();
  }
  if (kind === MUTEX) buryOwner(visitor, object, dead);
  else if (kind === SEMAPHORE) buryHolder(visitor, object, dead);
  else if (kind === RWLOCK) buryLocks(visitor, object, dead);
  advance(visitor, object);
}
