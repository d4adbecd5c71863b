// The catalogue: one SQLite file with the list of documents and a full-text index. Built once, then only read; every
// thread and every process opens its own connection.
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, readFile, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { collectDocuments, libraryRoot } from './documents.js';
/** Part of the file's name: raise it when the tables or the way they are filled change. */
const formatVersion = 1;
const lockStaleMs = 30_000;
const lockPollMs = 50;
/** Documents are indexed in pieces: an excerpt costs the square of the matches in what it is taken from. */
const pieceLength = 4_000;
/** Read access to one catalogue file. Not shared between threads: a connection belongs to the thread that opened it. */
export class Catalogue {
    root;
    #list;
    #find;
    #rank;
    #excerpt;
    constructor(file, root) {
        const database = new DatabaseSync(file, { readOnly: true });
        this.root = root;
        this.#list = database.prepare('SELECT id, path, bytes, title FROM document ORDER BY id');
        this.#find = database.prepare('SELECT id, path, bytes, title FROM document WHERE id = ?');
        // The second key makes the order total: equal ranks must not come out differently on two connections.
        this.#rank = database.prepare(`
      SELECT text.rowid AS piece, piece.document AS id, document.title, document.path
      FROM text JOIN piece ON piece.id = text.rowid JOIN document ON document.id = piece.document
      WHERE text MATCH ? ORDER BY bm25(text, 4.0, 1.0), text.rowid LIMIT ?`);
        // Apart from the ranking, which would make an excerpt of everything that matches before it drops all but the best.
        // The cast: a number is bound as REAL, and the full-text table quietly ignores a rowid that is not an INTEGER.
        this.#excerpt = database.prepare("SELECT snippet(text, 1, '[', ']', ' … ', 24) AS snippet FROM text WHERE text MATCH ? AND rowid = CAST(? AS INTEGER)");
    }
    list() {
        return this.#list.all();
    }
    find(id) {
        return this.#find.get(id);
    }
    /** The documents with the best pieces that hold every word of `query`, each as a prefix. Empty when it holds no word. */
    search(query, limit) {
        const words = (query.match(/[\p{L}\p{N}]+/gu) ?? []).slice(0, 8);
        if (words.length === 0)
            return [];
        // Quoted, so that nothing a visitor types is read as an operator of the query language.
        const expression = words.map((word) => `"${word}"*`).join(' ');
        const pieces = this.#rank.all(expression, 4 * limit);
        const best = new Map();
        for (const piece of pieces)
            if (!best.has(piece.id))
                best.set(piece.id, piece);
        return [...best.values()].slice(0, limit).map(({ piece, ...hit }) => ({ ...hit, ...this.#excerpt.get(expression, piece) }));
    }
    async read(entry) {
        return readFile(join(this.root, entry.path));
    }
}
/** Opens the catalogue named by LIBRARY_CATALOGUE, else the one of the current documents, building it when it is missing. */
export async function openCatalogue() {
    return new Catalogue(process.env.LIBRARY_CATALOGUE ?? (await buildCatalogue()), libraryRoot());
}
/**
 * Builds the catalogue of the documents there are now, unless that has been done, and resolves to its file.
 * Any number of threads and processes may call it at once: one builds, the others wait for the file to appear.
 * The file's name is a digest of what goes in, so a file that exists is a file that is right.
 */
export async function buildCatalogue(progress = () => { }) {
    const root = libraryRoot();
    const documents = await collectDocuments(root);
    const folder = join(root, '.cache', 'capriccio-example-library');
    const file = join(folder, `${digestOf(documents)}.sqlite`);
    const lock = `${file}.lock`;
    await mkdir(folder, { recursive: true });
    while (!existsSync(file)) {
        if (!(await tryLock(lock))) {
            await sleep(lockPollMs);
            continue;
        }
        try {
            if (!existsSync(file))
                await fill(file, root, documents, progress);
        }
        finally {
            await rm(lock, { force: true });
        }
    }
    return file;
}
/**
 * The lock only saves work. Should it be broken while its holder lives (it is older than `lockStaleMs`), two build at
 * once, each into a file of its own, and the second rename puts the same contents in the place of the first.
 */
async function tryLock(lock) {
    try {
        await (await open(lock, 'wx')).close();
        return true;
    }
    catch (error) {
        if (error.code !== 'EEXIST')
            throw error;
        const age = await stat(lock).then(({ mtimeMs }) => Date.now() - mtimeMs, () => 0);
        if (age > lockStaleMs)
            await rm(lock, { force: true });
        return false;
    }
}
async function fill(file, root, documents, progress) {
    const unfinished = `${file}.${process.pid}.${randomUUID()}.tmp`;
    const database = new DatabaseSync(unfinished);
    try {
        database.exec(`
      PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
      CREATE TABLE document (id INTEGER PRIMARY KEY, path TEXT NOT NULL, bytes INTEGER NOT NULL, title TEXT NOT NULL) STRICT;
      CREATE TABLE piece (id INTEGER PRIMARY KEY, document INTEGER NOT NULL) STRICT;
      CREATE VIRTUAL TABLE text USING fts5 (title, body, tokenize = 'porter unicode61');
      BEGIN`);
        const document = database.prepare('INSERT INTO document (id, path, bytes, title) VALUES (?, ?, ?, ?)');
        const piece = database.prepare('INSERT INTO piece (document) VALUES (?)');
        const text = database.prepare('INSERT INTO text (rowid, title, body) VALUES (?, ?, ?)');
        for (const { id, path, bytes } of documents) {
            const body = await readFile(join(root, path), 'utf8');
            const title = titleOf(body, path);
            document.run(id, path, bytes, title);
            // The title counts for the first piece only, or the longest document would fill every list that its title is found in.
            for (const [index, part] of piecesOf(body).entries())
                text.run(piece.run(id).lastInsertRowid, index === 0 ? title : '', part);
            progress(id, documents.length);
        }
        database.exec("INSERT INTO text (text) VALUES ('optimize'); COMMIT");
    }
    catch (error) {
        database.close();
        await rm(unfinished, { force: true });
        throw error;
    }
    database.close();
    await rename(unfinished, file);
    await removeOlder(file);
}
/** Catalogues of earlier trees. A reader that still has one open keeps it, or keeps us from removing it: both are fine. */
async function removeOlder(file) {
    const folder = join(file, '..');
    const older = (await readdir(folder)).filter((name) => name.endsWith('.sqlite') && name !== basename(file));
    await Promise.allSettled(older.map((name) => rm(join(folder, name))));
}
/** The text in pieces of about `pieceLength`, cut between paragraphs where there is a paragraph to cut at. */
function piecesOf(body) {
    const pieces = [];
    for (let start = 0; start < body.length;) {
        const paragraph = body.lastIndexOf('\n\n', start + pieceLength);
        const end = start + pieceLength >= body.length ? body.length : paragraph > start ? paragraph + 2 : start + pieceLength;
        pieces.push(body.slice(start, end));
        start = end;
    }
    return pieces;
}
/** The first heading without its markup, else the path. */
function titleOf(body, path) {
    const heading = /^#{1,2}\s+(.+?)\s*#*$/m.exec(body)?.[1]?.replaceAll(/<[^>]*>|!?\[|\]\([^)]*\)|[`*\]]/g, '').trim() ?? '';
    return heading === '' ? path : heading.slice(0, 120);
}
function digestOf(documents) {
    const hash = createHash('sha256').update(`format ${formatVersion}\n`);
    for (const { path, bytes, modifiedMs } of documents)
        hash.update(`${path}\t${bytes}\t${modifiedMs}\n`);
    return hash.digest('hex').slice(0, 24);
}
//# sourceMappingURL=catalogue.js.map