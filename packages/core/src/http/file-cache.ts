/**
 * Files of one directory tree, the small ones with their bytes, in a bounded cache.
 *
 * A read costs open, fstat, read and close, each a trip through libuv's pool of four threads; a request for a cached file costs none. Any
 * number of requests for a file that is being read, or looked at again, share that one read. A file is looked at again (one stat) when
 * it is asked for more than `validateMs` after the last look: what changed on disk is served at most that much late.
 *
 * Eviction is second chance: a hit sets a mark, and the hand that looks for a victim, from the oldest on, takes the mark away and passes on
 * once. A hit costs one store where moving in a Map costs a delete and an insert.
 *
 * Symbolic links are followed if they end inside the root. The file that is opened is the one that was checked (its real path, O_NOFOLLOW);
 * somebody who may rename directories inside the root while we open can still win a race, and could as well put his files there.
 */
import { constants, type Stats } from 'node:fs';
import { open, realpath, stat, type FileHandle } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { Representation } from './conditional.ts';
import { contentTypeOf } from './content-type.ts';

export interface CachedFile extends Representation {
  readonly realPath: string;
  readonly contentType: string;
  readonly cacheControl: string;
  /** The content, when it is small enough to keep. */
  readonly body: Buffer | undefined;
  /** Flat names and values, for a whole answer. */
  readonly headers: string[];
}

export interface FileCacheOptions { cacheBytes: number; fileBytesMax: number; validateMs: number; cacheControl: string }

/** What a cached file costs besides its bytes: strings, object, map entry. Counted so that many small files are bounded too. */
const ENTRY_BYTES = 1024;
/** Marked entries that one insertion passes over at most: the hand must not walk a cache of many thousand at once. */
const SECOND_CHANCES_MAX = 64;
/** Linux and macOS: no link as the last step, and never a wait for the writer of a FIFO. Absent on Windows. */
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
/** What says that there is no such file for the client; other errors (EMFILE, EIO) are the server's. */
const ABSENT = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'ELOOP', 'ENAMETOOLONG', 'EINVAL']);

interface Entry { file: CachedFile; stats: Stats; lookedAtMs: number; isUsed: boolean }
export type Found = CachedFile | 'directory' | undefined;

export class FileCache {
  readonly #root: string;
  readonly #options: FileCacheOptions;
  readonly #entries: Map<string, Entry> = new Map();
  readonly #looking: Map<string, Promise<Found>> = new Map();
  #bytes = 0;

  /** @param root  an absolute path */
  constructor(root: string, options: FileCacheOptions) {
    this.#root = root;
    this.#options = options;
  }

  /** Bytes that the cache accounts for. */
  get bytes(): number { return this.#bytes; }

  /** @returns at once for a file that is cached and still trusted, else a promise. @param key  relative to the root, as static-path makes it */
  find(key: string): Found | Promise<Found> {
    const entry = this.#entries.get(key);
    if (entry !== undefined && performance.now() - entry.lookedAtMs < this.#options.validateMs) {
      entry.isUsed = true;
      return entry.file;
    }
    let looking = this.#looking.get(key);
    if (looking === undefined) {
      looking = this.#look(key, entry).finally(() => { this.#looking.delete(key); });
      this.#looking.set(key, looking);
    }
    return looking;
  }

  async #look(key: string, known: Entry | undefined): Promise<Found> {
    try {
      const lookedAtMs = performance.now();
      const stats = await stat(join(this.#root, key));
      if (known !== undefined && isSame(known.stats, stats)) {
        known.lookedAtMs = lookedAtMs;
        return known.file;
      }
      this.#drop(key);
      if (stats.isDirectory()) return 'directory';
      if (!stats.isFile()) return undefined;
      return await this.#load(key, lookedAtMs);
    } catch (error) {
      if (!ABSENT.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
      this.#drop(key);
      return undefined;
    }
  }

  /** Reads a file anew. The root's own real path is asked each time: a deployment may point a link to the next release. */
  async #load(key: string, lookedAtMs: number): Promise<CachedFile | undefined> {
    const [root, realPath] = await Promise.all([realpath(this.#root), realpath(join(this.#root, key))]);
    if (!isInside(root, realPath)) return undefined;
    const handle = await open(realPath, OPEN_FLAGS);
    try { return await this.#read(key, handle, { realPath, lookedAtMs }); } finally { await handle.close(); }
  }

  async #read(key: string, handle: FileHandle, { realPath, lookedAtMs }: { realPath: string; lookedAtMs: number }): Promise<CachedFile | undefined> {
    const stats = await handle.stat();
    if (!stats.isFile()) return undefined;
    const { fileBytesMax, cacheBytes, cacheControl } = this.#options;
    const isSmall = stats.size <= Math.min(fileBytesMax, cacheBytes - ENTRY_BYTES) || stats.size === 0;
    const body = isSmall ? await readWhole(handle, stats.size) : undefined;
    const file = fileOf(realPath, stats, body, cacheControl, contentTypeOf(key));
    if (isSmall && body === undefined) return file;   // it shrank while it was read: streamed now, and not remembered
    this.#keep(key, { file, stats, lookedAtMs, isUsed: false });
    return file;
  }

  #keep(key: string, entry: Entry): void {
    this.#entries.set(key, entry);
    this.#bytes += costOf(entry);
    let chances = SECOND_CHANCES_MAX;
    for (const [oldest, candidate] of this.#entries) {   // meets again, at the end, what it moves there
      if (this.#bytes <= this.#options.cacheBytes) break;
      if (candidate.isUsed && chances-- > 0) {
        candidate.isUsed = false;
        this.#entries.delete(oldest);
        this.#entries.set(oldest, candidate);
      } else {
        this.#drop(oldest);
      }
    }
  }

  #drop(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= costOf(entry);
  }
}

/** Opens a file that was found, for streaming. It may have changed since. */
export async function openAgain(file: CachedFile): Promise<FileHandle> {
  return await open(file.realPath, OPEN_FLAGS);
}

/** The same file, not kept, as it is now. */
export function asOf(file: CachedFile, stats: Stats): CachedFile {
  return fileOf(file.realPath, stats, undefined, file.cacheControl, file.contentType);
}

function fileOf(realPath: string, { size, mtimeMs }: Stats, body: Buffer | undefined, cacheControl: string, contentType: string): CachedFile {
  const etag = `W/"${size.toString(36)}-${Math.round(mtimeMs * 1000).toString(36)}"`;
  const modifiedSeconds = Math.floor(mtimeMs / 1000);
  const lastModified = new Date(modifiedSeconds * 1000).toUTCString();
  const headers = ['Content-Type', contentType, 'Content-Length', String(size), 'Cache-Control', cacheControl, 'ETag', etag, 'Last-Modified', lastModified, 'Accept-Ranges', 'bytes'];
  return { realPath, size, modifiedSeconds, lastModified, etag, contentType, cacheControl, body, headers };
}

/** @returns undefined when the file turns out to be shorter than `size` */
async function readWhole(handle: FileHandle, size: number): Promise<Buffer | undefined> {
  const body = Buffer.allocUnsafeSlow(size);   // of its own: a pooled one would keep its neighbours alive
  let length = 0;
  while (length < size) {
    const { bytesRead } = await handle.read(body, length, size - length, length);
    if (bytesRead === 0) return undefined;
    length += bytesRead;
  }
  return body;
}

const costOf = ({ file }: Entry): number => ENTRY_BYTES + (file.body?.length ?? 0);

/** ctime too: a file may be replaced by one of the same size and an old date. */
const isSame = (a: Stats, b: Stats): boolean => a.ino === b.ino && a.dev === b.dev && a.size === b.size && a.mtimeMs === b.mtimeMs && a.ctimeMs === b.ctimeMs;

const isInside = (root: string, path: string): boolean => path.startsWith(root.endsWith(sep) ? root : root + sep);
