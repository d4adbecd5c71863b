/**
 * Object table: shared objects by name. Whoever names one first makes it; all get the same. Entries are never taken out.
 *
 *   State       ENTRY = FREE ──claim──► CLAIMED by p ──copy──► READY.  What p claims for lies staged in p's own region before the claim.
 *   Invariants  T1 entries are claimed in order: none is FREE before one that is not. A name is looked for from the first on, and claimed at
 *                  the first FREE one, so it stands in one entry.
 *               T2 what is staged is not changed while an entry is claimed for it; an entry that is READY is never changed.
 *               T3 an object's storage begins where its predecessor's ends: from the parameters alone, so everybody computes the same.
 *   Ordering    all words by Atomics: this is rare, and readers read what its writer may be changing (they look at ENTRY again after it).
 *   Hazards     a claimer that is read while it stages its next name: ENTRY has become READY then, and the reader reads again.
 *   Crash       dead before the claim: nothing. Between claim and READY: everybody reads what it staged, which nobody changes, and main completes
 *               the entry before the number passes on (finishClaims).
 *   Proof       T1, T2, Crash → model/object-table "object table: one name, one object, whoever dies at any step"; T3, Hazards → model/object-table "object table: storage lies one after the other";
 *               Ordering → stress/objects "objects: everybody gets the same".
 *   Source      an insert-only open table with helping, as in lock-free hash tables (Michael, SPAA 2002), without the hash: there are few.
 */
import { CapriccioError } from '../errors.ts';
import { LINE } from '../layout.ts';
import type { Memory } from '../memory.ts';
import {
  CHANNEL, ENTRY, KIND, NAME, NAME_LENGTH, NAME_WORDS, PARAMETERS, PARAMETER_COUNT, RWLOCK, SEMAPHORE, kindNames, objectAt, stagingOf, type Kind,
} from './object-layout.ts';

const FREE = 0;
const READY = 1;
const CLAIMED = 2;
const CLAIMER_SHIFT = 4;

/** Longest name, bytes of UTF-8. */
export const NAME_BYTES_MAX: number = NAME_WORDS * 4;

/** What an object is made of. */
export interface ObjectDescription { readonly name: string; readonly kind: Kind; readonly parameters: readonly number[] }

/** Words of storage that an object takes. */
function storageWords({ layout }: Memory, kind: number, [, second]: readonly number[]): number {
  if (kind === SEMAPHORE || kind === RWLOCK) return Math.ceil(layout.participantCount / LINE) * LINE;
  return kind === CHANNEL ? Math.ceil((second as number) / 4 / LINE) * LINE : 0;
}

/** Where the entry's description is to be read: its own words, or what its claimer has staged. */
const sourceOf = (memory: Memory, object: number, entry: number): number => (entry === READY ? object : stagingOf(memory, entry >> CLAIMER_SHIFT));

interface Read { readonly kind: number; readonly parameters: number[]; readonly name: string }

function readAt({ words }: Memory, at: number): Read {
  const parameters = Array.from({ length: PARAMETER_COUNT }, (_, k) => Atomics.load(words, at + PARAMETERS + k));
  const length = Math.min(Atomics.load(words, at + NAME_LENGTH), NAME_BYTES_MAX);   // it may be in the middle of a change: then it is read again
  const bytes = Buffer.alloc(NAME_BYTES_MAX);
  for (let k = 0; k < length; k += 4) bytes.writeInt32LE(Atomics.load(words, at + NAME + k / 4), k);
  return { kind: Atomics.load(words, at + KIND), parameters, name: bytes.toString('utf8', 0, length) };
}

function stage({ words }: Memory, at: number, { name, kind, parameters }: ObjectDescription): void {
  const bytes = Buffer.alloc(NAME_BYTES_MAX);
  const length = bytes.write(name);
  Atomics.store(words, at + KIND, kind);
  for (let k = 0; k < PARAMETER_COUNT; k++) Atomics.store(words, at + PARAMETERS + k, parameters[k] ?? 0);
  Atomics.store(words, at + NAME_LENGTH, length);
  for (let k = 0; k < length; k += 4) Atomics.store(words, at + NAME + k / 4, bytes.readInt32LE(k));
}

function complete({ words }: Memory, object: number, staged: number): void {
  for (let at = KIND; at < NAME + NAME_WORDS; at++) Atomics.store(words, object + at, Atomics.load(words, staged + at));
  Atomics.store(words, object + ENTRY, READY);
}

/**
 * The object of a name, made if there is none. @returns its first word
 * Throws CAP_ERR_OPTION when the name is too long or stands for something else, CAP_ERR_MEMORY when there is no room for one more.
 */
export function findOrMake(memory: Memory, me: number, wanted: ObjectDescription): number {
  if (Buffer.byteLength(wanted.name) > NAME_BYTES_MAX) throw new CapriccioError('CAP_ERR_OPTION', `the name '${wanted.name.slice(0, 20)}…' has ${Buffer.byteLength(wanted.name)} bytes; a shared object's may have ${NAME_BYTES_MAX}`);
  const { words, layout } = memory;
  let storage = layout.storageAt;
  let isStaged = false;
  for (let index = 0; index < layout.objectCount;) {
    const object = objectAt(memory, index);
    const entry = Atomics.load(words, object + ENTRY);
    if (entry === FREE) {
      const needed = storageWords(memory, wanted.kind, wanted.parameters);
      if (storage + needed > layout.totalWords) throw new CapriccioError('CAP_ERR_MEMORY', `the ${kindNames[wanted.kind]} '${wanted.name}' needs ${needed * 4} bytes, and ${(layout.totalWords - storage) * 4} of ${layout.objectBytes} are left for shared objects: use fewer or smaller channels`);
      if (!isStaged) { stage(memory, stagingOf(memory, me), wanted); isStaged = true; }
      if (Atomics.compareExchange(words, object + ENTRY, FREE, CLAIMED | me << CLAIMER_SHIFT) !== FREE) continue;
      complete(memory, object, stagingOf(memory, me));
      return object;
    }
    const found = readAt(memory, sourceOf(memory, object, entry));
    if (entry !== READY && Atomics.load(words, object + ENTRY) !== entry) continue;
    if (found.name === wanted.name) { checkSame(found, wanted); return object; }
    storage += storageWords(memory, found.kind, found.parameters);
    index++;
  }
  throw new CapriccioError('CAP_ERR_MEMORY', `there are ${layout.objectCount} shared objects, and no room for '${wanted.name}': names are for ever, so use fewer of them`);
}

function checkSame(found: Read, { name, kind, parameters }: ObjectDescription): void {
  if (found.kind !== kind) throw new CapriccioError('CAP_ERR_OPTION', `'${name}' is the name of a ${kindNames[found.kind as Kind]}, so it cannot be that of a ${kindNames[kind]}`);
  if (found.parameters.some((value, k) => value !== (parameters[k] ?? 0))) throw new CapriccioError('CAP_ERR_OPTION', `the ${kindNames[kind]} '${name}' has been made with other options: everybody who names it must give the same`);
}

/** Objects that can be used, first to last. A claimed one may be, by whoever helped itself to it. */
export function* allObjects(memory: Memory): Generator<number> {
  for (let index = 0; index < memory.layout.objectCount; index++) {
    if (Atomics.load(memory.words, objectAt(memory, index) + ENTRY) === FREE) return;
    yield objectAt(memory, index);
  }
}

/** Its kind, without its name; 0 while it is being made. */
export const kindOf = ({ words }: Memory, object: number): number => (Atomics.load(words, object + ENTRY) === READY ? Atomics.load(words, object + KIND) : 0);

/** What an object is, whatever its entry's state. */
export function describe(memory: Memory, object: number): Read {
  for (;;) {
    const entry = Atomics.load(memory.words, object + ENTRY);
    const found = readAt(memory, sourceOf(memory, object, entry));
    if (Atomics.load(memory.words, object + ENTRY) === entry) return found;
  }
}

/** What never changes of an object. */
export interface ObjectFacts { readonly kind: Kind; readonly parameters: readonly number[]; /** First word of its storage. */ readonly storage: number }

/** Facts by object, read once. */
export class ObjectFactsCache {
  readonly #memory: Memory;
  readonly #facts = new Map<number, ObjectFacts>();
  #last = 0;
  #lastFacts: ObjectFacts | undefined;
  constructor(memory: Memory) { this.#memory = memory; }

  of(object: number): ObjectFacts {
    if (object === this.#last) return this.#lastFacts as ObjectFacts;
    let facts = this.#facts.get(object);
    if (facts === undefined) {
      facts = this.#read(object);
      this.#facts.set(object, facts);
    }
    this.#last = object;
    return this.#lastFacts = facts;
  }
  #read(object: number): ObjectFacts {
    let storage = this.#memory.layout.storageAt;
    for (const other of allObjects(this.#memory)) {
      const { kind, parameters } = describe(this.#memory, other);
      if (other === object) return { kind: kind as Kind, parameters, storage };
      storage += storageWords(this.#memory, kind, parameters);
    }
    throw new Error(`there is no object at ${object}`);
  }
}

/** Main, for a dead participant: completes the entry that it had claimed. */
export function finishClaims(memory: Memory, dead: number): void {
  for (const object of allObjects(memory)) {
    if (Atomics.load(memory.words, object + ENTRY) === (CLAIMED | dead << CLAIMER_SHIFT)) complete(memory, object, stagingOf(memory, dead));
  }
}
