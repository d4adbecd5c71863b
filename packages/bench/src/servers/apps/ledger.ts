/**
 * A service that books. `POST /book/<ledger>`: a document of bookings, each signed, is read and checked on the core to which it came, and kept until the one
 * worker that has this ledger's database (SQLite has one writer at a time) has written them. `GET /report/<rounds>/x` computes, and needs nobody.
 */
import { createHmac } from 'node:crypto';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { pool } from 'capriccio/thread';
import { spin } from './routes.ts';

const ACCOUNTS = 10_000;
/** Bookings that a ledger keeps. */
const KEPT = 50_000;
const KEY = 'shared with whoever books';
export interface Booking { readonly account: number; readonly cents: number; readonly text: string }

const signatureOf = (line: string): string => createHmac('sha256', KEY).update(line).digest('base64url');

/** A document as a client sends it, a booking a line. */
export const documentOf = (bookings: number): string => Array.from({ length: bookings }, (_, k) => {
  const line = `${(k * 7919) % ACCOUNTS};${(k % 977) / 100 + 1};order ${k * 31}`;
  return `${line};${signatureOf(line)}`;
}).join('\n');

/** Throws a TypeError where a line is not a booking, or is signed by somebody else. */
export const read = (document: string): Booking[] => document.split('\n').map((line, number) => {
  const [, signed, account, amount, text, signature] = /^((\d+);(-?\d+(?:\.\d+)?);([\p{L}\p{N} .,'-]+));([\w-]+)$/u.exec(line) ?? [];
  if (signed === undefined || signatureOf(signed) !== signature) throw new TypeError(`line ${number + 1} is not a booking`);
  return { account: Number(account), cents: Math.round(Number(amount) * 100), text: text as string };
});

class Ledger {
  readonly #database = new DatabaseSync(':memory:');
  readonly #begin: StatementSync;
  readonly #add: StatementSync;
  readonly #commit: StatementSync;
  #written = 0;

  constructor() {
    this.#database.exec('CREATE TABLE bookings (id INTEGER PRIMARY KEY, account INTEGER NOT NULL, cents INTEGER NOT NULL, text TEXT NOT NULL); CREATE INDEX of_account ON bookings (account)');
    this.#begin = this.#database.prepare('BEGIN');
    this.#add = this.#database.prepare('INSERT OR REPLACE INTO bookings VALUES (?, ?, ?, ?)');
    this.#commit = this.#database.prepare('COMMIT');
  }

  write(bookings: readonly Booking[]): void {
    this.#begin.run();
    for (const { account, cents, text } of bookings) this.#add.run(this.#written++ % KEPT, account, cents, text);
    this.#commit.run();
  }

  balanceOf(account: number): number { return (this.#database.prepare('SELECT sum(cents) AS cents FROM bookings WHERE account = ?').get(account)?.['cents'] ?? 0) as number; }
}

const ledgers = new Map<string, Ledger>();
const ledgerOf = (name: string): Ledger => {
  let ledger = ledgers.get(name);
  if (ledger === undefined) ledgers.set(name, ledger = new Ledger());
  return ledger;
};

/** @returns how many were written */
export function write(name: string, bookings: readonly Booking[]): number {
  ledgerOf(name).write(bookings);
  return bookings.length;
}

export const balanceOf = (name: string, account: number): number => ledgerOf(name).balanceOf(account);

export default {
  async fetch(request: Request): Promise<Response> {
    const [what, argument = '0'] = new URL(request.url).pathname.split('/').slice(1);
    if (what === 'report') return new Response(`${spin(Number(argument))}\n`);
    const bookings = read(await request.text());
    const self = pool().module<typeof import('./ledger.ts')>(import.meta.url);
    return new Response(`${await self.write.with({ affinity: argument })(argument, bookings)}\n`);
  },
};
