/**
 * The words of shared objects, of wait nodes, and of what a creator stages. Word offsets; layout.ts says where each area lies.
 *
 *   object   line 0: ENTERED, OWNER, WANTED       changed by anybody, by Atomics only
 *            line 1: QUEUE … DIED                 changed only from inside, by the journal
 *            line 2: ENTRY, KIND, PARAMETERS, NAME  written once, by its creator (object-table.ts)
 *            line 3: READ of a channel         changed by anybody, by Atomics only: who receives does not disturb who sends
 */
import { LINE, controlOf, ownerOf, regionOf } from '../layout.ts';
import type { Memory } from '../memory.ts';

export const OBJECT_WORDS: number = 4 * LINE;
export const NODE_WORDS = 8;
/** Entries of a journal: two words each. The largest change writes eleven. */
export const JOURNAL_ENTRIES_MAX: number = LINE;

/** Who is inside, + 1; 0: nobody. */
export const ENTERED = 0;
/** Mutex: its owner + 1, QUEUED, DIED: mutex.ts. */
export const OWNER = 1;
/** One bit a participant that wants to enter. */
export const WANTED = 2;
/** Head and tail of the waiters; of a channel, those who receive. */
export const QUEUE: number = LINE;
/** Head and tail of a channel's senders. */
export const SENDERS: number = LINE + 2;
/** Semaphore: permits above the first number. Barrier: arrived in this round. Lock: readers. */
export const VALUE: number = LINE + 4;
/** Barrier: rounds. Reader-writer lock: writer + 1. Channel: items promised to receivers. Condition: the last node of a broadcast. */
export const SECOND: number = LINE + 5;
/** Channel: bytes written since the beginning, modulo 2^32; shown to those outside. Where room was counted from last. */
export const WRITTEN: number = LINE + 6;
export const READ_SEEN: number = LINE + 7;
/** Channel: places and bytes promised to senders; 1 when closed. */
export const PLACES_PROMISED: number = LINE + 8;
export const BYTES_PROMISED: number = LINE + 9;
export const CLOSED: number = LINE + 10;
/** Reader-writer lock: 1 when a writer has died and no writer has had it since. */
export const DIED: number = LINE + 11;
/** FREE, claimed by whom, or READY. */
export const ENTRY: number = 2 * LINE;
/** Channel: bytes read, modulo 2^32, and SHUT: channel.ts. */
export const READ: number = 3 * LINE;
/** What is staged, and copied into the entry: kind, parameters, bytes of the name, the name. */
export const KIND: number = ENTRY + 1;
export const PARAMETERS: number = ENTRY + 2;
export const PARAMETER_COUNT = 3;
export const NAME_LENGTH: number = PARAMETERS + PARAMETER_COUNT;
export const NAME: number = NAME_LENGTH + 1;
export const NAME_WORDS = 24;

/** Words of a wait node. */
export const NODE_STATE = 0;
export const NODE_LINK = 1;
export const NODE_NEXT = 2;
export const NODE_PREVIOUS = 3;
/** The queue that it is in, or was granted from: address of its head. */
export const NODE_QUEUE = 4;
/** The object whose monitor protects it. */
export const NODE_MONITOR = 5;
/** What it asks for: permits, mode, bytes, round. */
export const NODE_NOTE = 6;
/** What the granter tells. */
export const NODE_RESULT = 7;

export const MUTEX = 1;
export const CONDITION = 2;
export const SEMAPHORE = 3;
export const BARRIER = 4;
export const RWLOCK = 5;
export const CHANNEL = 6;
export type Kind = typeof MUTEX | typeof CONDITION | typeof SEMAPHORE | typeof BARRIER | typeof RWLOCK | typeof CHANNEL;
export const kindNames: Readonly<Record<Kind, string>> = { [MUTEX]: 'mutex', [CONDITION]: 'condition', [SEMAPHORE]: 'semaphore', [BARRIER]: 'barrier', [RWLOCK]: 'rwlock', [CHANNEL]: 'channel' };

/** Bits of NODE_RESULT. */
export const OWNER_DIED = 1;
export const IS_CLOSED = 2;

export const objectAt = ({ layout }: Memory, index: number): number => layout.objectsAt + index * OBJECT_WORDS;
export const nodesOf = ({ layout }: Memory, id: number): number => regionOf(layout, id) + layout.nodesAt;
export const stagingOf = ({ layout }: Memory, id: number): number => regionOf(layout, id) + layout.stagingAt - KIND;
export const journalOf = ({ layout }: Memory, id: number): number => regionOf(layout, id) + layout.journalAt;
/** The participant that waits behind a node. */
export const waiterOf = (memory: Memory, node: number): number => ownerOf(memory.layout, node);
export { controlOf };
