/**
 * Where every shared word lies: one table, in words (4 bytes) from the start of the arena.
 *
 *   arena = header | control block of participant 0, 1, … | region of participant 0, 1, … | shared objects | their storage
 *   region = slots | ring cells (one ring after the other) | names | payload | wait nodes | staging | journal
 *
 * Words with different writers are one LINE (128 bytes) apart, for adjacent cache lines are prefetched in pairs on x86-64 and
 * arm64 (crossbeam's CachePadded uses the same figure). `writer` says who may store: `owner` is the participant whose block it
 * is, `main` the thread that created the pool, `conductor` the pool's conductor thread, `any` everybody, by Atomics only.
 */
import { CapriccioError } from './errors.ts';

/** Words in a padded line. */
export const LINE = 32;

/** Most rings of a participant: a function's root picks one, so that a flood of one root does not stand before the others. With PUBLISHED, their ends fill a cache line. */
export const RING_COUNT_MAX = 15;

/** Words of a slot: one 64-byte cache line. */
export const SLOT_WORDS = 16;

/** A claimer has eight bits in a slot's state word. */
export const PARTICIPANTS_MAX = 255;

export type Writer = 'owner' | 'main' | 'any' | 'claimer' | 'conductor';
export interface Word { readonly name: string; readonly at: number; readonly words: number; readonly writer: Writer; readonly what: string }

/** Header words. */
export const DEATHS = 0;
export const CORES: number = DEATHS + 1;
export const GUARD: number = DEATHS + 2;
export const IDLE_MASK: number = LINE;
export const SEEKING_MASK: number = 2 * LINE;
export const CONDUCTOR: number = 3 * LINE;
export const BEAT: number = 4 * LINE;
export const ROLE_CHANGES: number = 5 * LINE;
export const LANES: number = 6 * LINE;
export const BACK_MASK: number = 7 * LINE;
export const LANE_ROWS: number = 8 * LINE;
const LANE_ROWS_WORDS = 96 * LINE;
export const URL_COSTS: number = LANE_ROWS + LANE_ROWS_WORDS;
const URL_COSTS_WORDS = 256 * LINE;
const HEADER_WORDS = URL_COSTS + URL_COSTS_WORDS;

/** Words of a control block. */
export const PARK = 0;
export const COMPLETED: number = LINE;
export const INBOX: number = 2 * LINE;
export const RETURNED: number = 3 * LINE;
export const ATTENTION: number = 4 * LINE;
export const LIFE: number = 5 * LINE;
export const PUBLISHED: number = 6 * LINE;
export const BOTTOM: number = PUBLISHED + 1;
export const NAMES_COUNT: number = 7 * LINE;
export const SLOTS_TOUCHED: number = NAMES_COUNT + 1;
export const ATTENTION_SEEN: number = NAMES_COUNT + 2;
export const DEATHS_SEEN: number = NAMES_COUNT + 3;
export const TICK: number = NAMES_COUNT + 4;
export const BUSY_SINCE: number = NAMES_COUNT + 5;
export const RUNNABLE: number = NAMES_COUNT + 6;
export const THREADS: number = NAMES_COUNT + 7;
export const QUEUED: number = NAMES_COUNT + 8;
export const CONNECTIONS: number = NAMES_COUNT + 9;
export const SEAT: number = NAMES_COUNT + 10;
export const NODES_TOUCHED: number = NAMES_COUNT + 11;
export const JOURNAL_COUNT: number = NAMES_COUNT + 12;
export const KERNEL_ID: number = NAMES_COUNT + 13;
export const ROOT: number = NAMES_COUNT + 14;
export const HARD_SLEEP: number = NAMES_COUNT + 15;
export const TAKEN: number = NAMES_COUNT + 16;
export const STATISTICS: number = 8 * LINE;
export const ROLE: number = 9 * LINE;
export const TOP: number = 10 * LINE;
export const NOTICES: number = TOP + RING_COUNT_MAX * LINE;
export const CALLED: number = NOTICES + LINE;
const CONTROL_WORDS = CALLED + LINE;

/** Words of a slot. */
export const STATE = 0;
export const NEXT = 1;
export const FUNCTION = 2;
export const META = 3;
export const ARGUMENTS = 4;
export const RESULT = 12;
export const RESULT_META = 14;
export const OWNER_NOTE = 15;

/** The table: documentation, and what the tidy test checks the constants against. */
export const layoutTable: { readonly header: readonly Word[]; readonly control: readonly Word[]; readonly slot: readonly Word[] } = {
  header: [
    { name: 'DEATHS', at: DEATHS, words: 1, writer: 'main', what: 'how many workers have died; every participant compares it with what it has seen' },
    { name: 'CORES', at: CORES, words: 1, writer: 'main', what: 'how many workers are to take work at a time: roles.ts' },
    { name: 'GUARD', at: GUARD, words: 1, writer: 'main', what: '1 while main watches the conductor; else the conductor tells main when it wakes' },
    { name: 'IDLE_MASK', at: IDLE_MASK, words: 8, writer: 'any', what: 'one bit a participant that is parked or about to' },
    { name: 'SEEKING_MASK', at: SEEKING_MASK, words: 8, writer: 'any', what: 'one bit a participant that is awake, has nothing to do and looks for work' },
    { name: 'CONDUCTOR', at: CONDUCTOR, words: 1, writer: 'any', what: 'AWAKE, ASLEEP or NUDGED: the word that the conductor thread sleeps on: conductor-word.ts' },
    { name: 'BEAT', at: BEAT, words: 1, writer: 'conductor', what: 'passes of the conductor thread, so that its stall can be seen' },
    { name: 'ROLE_CHANGES', at: ROLE_CHANGES, words: 1, writer: 'any', what: 'counts changes of ROLE words: every participant compares it with what it has seen' },
    { name: 'LANES', at: LANES, words: 1, writer: 'main', what: 'whether back lanes are CLOSED, OPEN or UNAVAILABLE: lanes.ts' },
    { name: 'BACK_MASK', at: BACK_MASK, words: 8, writer: 'any', what: 'one bit a worker that is a back lane' },
    { name: 'LANE_ROWS', at: LANE_ROWS, words: LANE_ROWS_WORDS, writer: 'any', what: '1,024 rows of three words: two hashes of a root, and its verdict' },
    { name: 'URL_COSTS', at: URL_COSTS, words: URL_COSTS_WORDS, writer: 'any', what: '8,192 entries of one word: what requests for a URL take: url-costs.ts' },
  ],
  control: [
    { name: 'PARK', at: PARK, words: 1, writer: 'any', what: 'RUNNING, PARKED or NOTIFIED: the word slept on' },
    { name: 'COMPLETED', at: COMPLETED, words: 1, writer: 'any', what: 'mailbox of slots of this participant that have ended' },
    { name: 'INBOX', at: INBOX, words: 1, writer: 'any', what: 'mailbox of slots placed on this participant' },
    { name: 'RETURNED', at: RETURNED, words: 1, writer: 'any', what: 'mailbox of payload blocks of this participant that others have read' },
    { name: 'ATTENTION', at: ATTENTION, words: 1, writer: 'any', what: 'counts requests to look at the states of what runs here' },
    { name: 'LIFE', at: LIFE, words: 1, writer: 'main', what: 'how often its number has died, and UNUSED, LIVE or DEAD; LIVE is written by the worker itself at its start' },
    { name: 'PUBLISHED', at: PUBLISHED, words: 1, writer: 'owner', what: 'counts hints ever published: unchanged means nothing new to take' },
    { name: 'BOTTOM', at: BOTTOM, words: RING_COUNT_MAX, writer: 'owner', what: "producer's end of each claim ring" },
    { name: 'NAMES_COUNT', at: NAMES_COUNT, words: 1, writer: 'owner', what: 'entries in the table of names' },
    { name: 'SLOTS_TOUCHED', at: SLOTS_TOUCHED, words: 1, writer: 'owner', what: 'slots ever used: a scan need not look beyond' },
    { name: 'ATTENTION_SEEN', at: ATTENTION_SEEN, words: 1, writer: 'owner', what: 'the ATTENTION that the last look answered' },
    { name: 'DEATHS_SEEN', at: DEATHS_SEEN, words: 1, writer: 'owner', what: 'the DEATHS whose recovery is done here' },
    { name: 'TICK', at: TICK, words: 1, writer: 'owner', what: 'turns of the scheduler, so that a stall can be seen from outside' },
    { name: 'BUSY_SINCE', at: BUSY_SINCE, words: 1, writer: 'owner', what: 'when the turn began, ms of the shared clock; 0 outside a turn' },
    { name: 'RUNNABLE', at: RUNNABLE, words: 1, writer: 'owner', what: 'threads in run queues' },
    { name: 'THREADS', at: THREADS, words: 1, writer: 'owner', what: 'threads that have started and not ended' },
    { name: 'QUEUED', at: QUEUED, words: 1, writer: 'owner', what: 'private entries that have not started' },
    { name: 'CONNECTIONS', at: CONNECTIONS, words: 1, writer: 'owner', what: 'open connections of a server' },
    { name: 'SEAT', at: SEAT, words: 1, writer: 'owner', what: 'its place among the workers: who replaces a dead one takes it over, as numbers do not' },
    { name: 'NODES_TOUCHED', at: NODES_TOUCHED, words: 1, writer: 'owner', what: 'wait nodes ever used: a burial need not look beyond' },
    { name: 'JOURNAL_COUNT', at: JOURNAL_COUNT, words: 1, writer: 'owner', what: 'entries of the committed change that is being applied; 0: none' },
    { name: 'KERNEL_ID', at: KERNEL_ID, words: 1, writer: 'owner', what: "its thread's number in /proc/self/task; 0: not known" },
    { name: 'ROOT', at: ROOT, words: 1, writer: 'owner', what: 'the root whose batch runs: its number in the table of names + 1; 0 outside of batches' },
    { name: 'TAKEN', at: TAKEN, words: 1, writer: 'owner', what: 'connections that main has handed over and that have come, ever, modulo 2^32' },
    { name: 'HARD_SLEEP', at: HARD_SLEEP, words: 1, writer: 'owner', what: '1 while it sleeps outside of its event loop, which stands' },
    { name: 'STATISTICS', at: STATISTICS, words: LINE, writer: 'owner', what: 'sixteen doubles for stats(); a reader may meet an old one' },
    { name: 'ROLE', at: ROLE, words: 1, writer: 'any', what: 'FRONT, SPARE, RETIRING, BLOCKED, LEAVING or BACK, and when it became so: roles.ts' },
    { name: 'TOP', at: TOP, words: RING_COUNT_MAX * LINE, writer: 'any', what: "takers' end of each claim ring, a line each" },
    { name: 'NOTICES', at: NOTICES, words: 1, writer: 'any', what: 'mailbox of wait nodes of this participant that have been granted' },
    { name: 'CALLED', at: CALLED, words: 1, writer: 'any', what: '1 when a monitor that this participant wanted has been left' },
  ],
  slot: [
    { name: 'STATE', at: STATE, words: 1, writer: 'any', what: 'generation 20 bits, claimer 8, state 4: slot.ts' },
    { name: 'NEXT', at: NEXT, words: 1, writer: 'any', what: 'link while in a mailbox: the pusher’s until its CAS, then the taker’s' },
    { name: 'FUNCTION', at: FUNCTION, words: 1, writer: 'owner', what: "number of the function in the owner's table of names" },
    { name: 'META', at: META, words: 1, writer: 'owner', what: 'argument count, tags and flags: inline.ts' },
    { name: 'ARGUMENTS', at: ARGUMENTS, words: 8, writer: 'owner', what: 'arguments inline, or a block; untouched until the owner frees the slot' },
    { name: 'RESULT', at: RESULT, words: 2, writer: 'claimer', what: 'result inline, or a block' },
    { name: 'RESULT_META', at: RESULT_META, words: 1, writer: 'claimer', what: 'tag and length of the result' },
    { name: 'OWNER_NOTE', at: OWNER_NOTE, words: 1, writer: 'owner', what: 'the participant it is placed on' },
  ],
};

/** Sizes that a pool chooses. All are bounds: nothing in the arena grows. */
export interface LayoutOptions {
  /** Main and every worker that may be alive or draining at one time, 2 to 255. */
  readonly participantCount: number;
  /** Slots of a participant, a power of two from 16: tasks that are published and not yet answered. */
  readonly slotCount: number;
  /** Payload bytes of a participant, a multiple of 65,536. */
  readonly payloadBytes: number;
  /** Bytes for names (functions, shapes) of a participant, a multiple of 128. */
  readonly namesBytes: number;
  /** Claim rings of a participant, 1 to 15. */
  readonly ringCount: number;
  /** Threads of a participant that may wait for shared objects at a time, a multiple of 16. Default 16. */
  readonly nodeCount?: number;
  /** Named shared objects, 1 to 65,536. Default 16. */
  readonly objectCount?: number;
  /** Bytes for what shared objects keep besides their words (channels above all), a multiple of 128. Default 16,384. */
  readonly objectBytes?: number;
  /** How many of them, the last ones, hold work for back lanes only. Default 0. */
  readonly backRingCount?: number;
}

/** Offsets derived from the sizes; plain numbers, so it travels to workers by structured clone. */
export interface Layout extends LayoutOptions {
  readonly backRingCount: number;
  readonly controlAt: number;
  readonly regionAt: number;
  readonly regionWords: number;
  readonly ringsAt: number;
  readonly namesAt: number;
  readonly payloadAt: number;
  readonly nodeCount: number;
  readonly nodesAt: number;
  readonly stagingAt: number;
  readonly journalAt: number;
  readonly objectCount: number;
  readonly objectBytes: number;
  readonly objectsAt: number;
  readonly storageAt: number;
  readonly totalWords: number;
}

/** Words of a wait node, of an object, of what a creator stages, of a journal: objects/object-layout.ts says what they hold. */
const NODE_SIZE = 8;
const OBJECT_SIZE = 4 * LINE;
const STAGING_SIZE = LINE;
const JOURNAL_SIZE = 2 * LINE;

const isPowerOfTwo = (n: number): boolean => Number.isInteger(n) && n > 0 && (n & (n - 1)) === 0;

/**
 * Lays out an arena. Throws CAP_ERR_OPTION when a size is out of its range.
 * Word offsets are below 2^31, so the arena may be up to 8 GiB; pages that nobody touches cost no memory.
 */
export function layOut(options: LayoutOptions): Layout {
  const { participantCount, slotCount, payloadBytes, namesBytes, ringCount, backRingCount = 0, nodeCount = 16, objectCount = 16, objectBytes = 16_384 } = options;
  const refuse = (what: string): never => { throw new CapriccioError('CAP_ERR_OPTION', what); };
  if (!Number.isInteger(participantCount) || participantCount < 2 || participantCount > PARTICIPANTS_MAX) refuse(`participantCount is ${participantCount}; it must be 2 to ${PARTICIPANTS_MAX}`);
  if (!isPowerOfTwo(slotCount) || slotCount < 16 || slotCount > 1 << 20) refuse(`memory.slots is ${slotCount}; it must be a power of two from 16 to 1048576`);
  if (payloadBytes % 65_536 !== 0 || payloadBytes < 65_536) refuse(`memory.payloadBytes is ${payloadBytes}; it must be a multiple of 65536`);
  if (namesBytes % 128 !== 0 || namesBytes < 128) refuse(`namesBytes is ${namesBytes}; it must be a multiple of 128`);
  if (!Number.isInteger(ringCount) || ringCount < 1 || ringCount > RING_COUNT_MAX) refuse(`ringCount is ${ringCount}; it must be 1 to ${RING_COUNT_MAX}`);
  if (!Number.isInteger(nodeCount) || nodeCount % 16 !== 0 || nodeCount < 16 || nodeCount > 1 << 20) refuse(`nodeCount is ${nodeCount}; it must be a multiple of 16 from 16 to 1048576`);
  if (!Number.isInteger(objectCount) || objectCount < 1 || objectCount > 65_536) refuse(`objectCount is ${objectCount}; it must be 1 to 65536`);
  if (objectBytes % 128 !== 0 || objectBytes < 0) refuse(`objectBytes is ${objectBytes}; it must be a multiple of 128`);
  if (!Number.isInteger(backRingCount) || backRingCount < 0 || backRingCount >= ringCount) refuse(`backRingCount is ${backRingCount}; it must be 0 to ${ringCount - 1}`);
  const ringsAt = slotCount * SLOT_WORDS;
  const namesAt = ringsAt + ringCount * slotCount;
  const payloadAt = namesAt + namesBytes / 4;
  const nodesAt = payloadAt + payloadBytes / 4;
  const stagingAt = nodesAt + nodeCount * NODE_SIZE;
  const journalAt = stagingAt + STAGING_SIZE;
  const regionWords = journalAt + JOURNAL_SIZE;
  const controlAt = HEADER_WORDS;
  const regionAt = controlAt + participantCount * CONTROL_WORDS;
  const objectsAt = Math.ceil((regionAt + participantCount * regionWords) / LINE) * LINE;
  const storageAt = objectsAt + objectCount * OBJECT_SIZE;
  const totalWords = storageAt + objectBytes / 4;
  if (totalWords >= 2 ** 31) refuse(`the arena would be ${Math.ceil(totalWords / 2 ** 28)} GiB; lower memory.slots or memory.payloadBytes`);
  return { participantCount, slotCount, payloadBytes, namesBytes, ringCount, backRingCount, controlAt, regionAt, regionWords, ringsAt, namesAt, payloadAt, nodeCount, nodesAt, stagingAt, journalAt, objectCount, objectBytes, objectsAt, storageAt, totalWords };
}

/** First word of a participant's control block. */
export const controlOf = (layout: Layout, id: number): number => layout.controlAt + id * CONTROL_WORDS;
/** First word of a participant's region. */
export const regionOf = (layout: Layout, id: number): number => layout.regionAt + id * layout.regionWords;
/** The participant whose region a slot or block lies in. */
export const ownerOf = (layout: Layout, word: number): number => ((word - layout.regionAt) / layout.regionWords) | 0;
