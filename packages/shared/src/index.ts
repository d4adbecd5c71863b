/**
 * @capriccio/shared: structures over one SharedArrayBuffer. The only door; it knows no thread, worker or event loop.
 * Way in: layout.ts (every word), slot.ts (the truth about a task), claim-ring.ts (work), mailbox.ts (answers), parker.ts (sleep).
 */
export * from './audit.ts';
export * from './blocks.ts';
export * as board from './board.ts';
export * from './claim-ring.ts';
export * from './codec/index.ts';
export * as conductorWord from './conductor-word.ts';
export * from './errors.ts';
export * from './graph-table.ts';
export * as lanes from './lanes.ts';
export * as urlCosts from './url-costs.ts';
export * from './layout.ts';
export * as mailbox from './mailbox.ts';
export * from './memory.ts';
export * from './names.ts';
export * from './objects/index.ts';
export * as parker from './parker.ts';
export * as sheet from './sheet.ts';
export { SHEET_WORDS } from './sheet.ts';
export * from './participant.ts';
export * from './recovery.ts';
export * as roles from './roles.ts';
export * as slots from './slot.ts';
export * from './slot-pool.ts';
export * from './spin.ts';
export * from './task.ts';
