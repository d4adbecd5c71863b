/**
 * The compiler's cache on disk: one file a source, under the hash of all that the result depends on, so entries never go stale and many processes
 * may share it: a file is written beside its place and moved there, whole or not at all. Its size is bounded: who writes looks now and then, and
 * removes what was used longest ago. Whatever goes wrong with it is a miss.
 */
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** Sum of all files, bytes. */
const BYTES_MAX = 256 * 2 ** 20;
/** One write in so many looks at the sum. */
const LOOK_EVERY = 64;
/** A file that is read after this long is marked as used, ms. */
const MARK_AFTER_MS = 24 * 3600 * 1000;
/** A write that was begun this long ago was never finished, ms. */
const ABANDONED_MS = 3600 * 1000;

export class DiskCache {
  readonly #directory: string;
  readonly #bytesMax: number;
  #writes = 0;

  /** @param directory  made when it is missing; @param bytesMax  at least, what the files may sum to after a look */
  constructor(directory: string, bytesMax: number = BYTES_MAX) {
    this.#directory = directory;
    this.#bytesMax = bytesMax;
  }

  /** The key of a result: everything that it depends on. */
  static keyOf(...parts: readonly string[]): string {
    const hash = createHash('sha256');
    for (const part of parts) hash.update(`${part.length}:`).update(part);
    return hash.digest('hex').slice(0, 40);
  }

  read(key: string): string | undefined {
    const file = path.join(this.#directory, key);
    try {
      const text = fs.readFileSync(file, 'utf8');
      if (Date.now() - fs.statSync(file).mtimeMs > MARK_AFTER_MS) fs.utimesSync(file, new Date(), new Date());
      return text;
    } catch { return undefined; }
  }

  write(key: string, text: string): void {
    const file = path.join(this.#directory, key);
    const temporary = `${file}.${randomBytes(6).toString('hex')}`;
    try {
      fs.mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
      fs.writeFileSync(temporary, text, { mode: 0o600 });
      fs.renameSync(temporary, file);
    } catch {
      fs.rmSync(temporary, { force: true });
    }
    if (this.#writes++ % LOOK_EVERY === 0) this.prune();
  }

  /** Removes what was used longest ago, and unfinished writes, until the rest is within the bound. */
  prune(): void {
    const files: { file: string; size: number; usedMs: number }[] = [];
    try {
      for (const name of fs.readdirSync(this.#directory)) {
        const file = path.join(this.#directory, name);
        const { size, mtimeMs } = fs.statSync(file);
        if (name.includes('.') && Date.now() - mtimeMs > ABANDONED_MS) fs.rmSync(file, { force: true });
        else files.push({ file, size, usedMs: mtimeMs });
      }
    } catch { return; }                                                  // somebody else is pruning, or there is nothing
    let sum = files.reduce((bytes, { size }) => bytes + size, 0);
    for (const { file, size } of files.toSorted((a, b) => a.usedMs - b.usedMs)) {
      if (sum <= this.#bytesMax) break;
      fs.rmSync(file, { force: true });
      sum -= size;
    }
  }
}

/**
 * Where the cache lies: CAPRICCIO_CACHE, or a directory of this user among the temporary files. Undefined when the variable is '0', or when the
 * directory belongs to somebody else, who could put code there.
 */
export function cacheDirectory(environment: NodeJS.ProcessEnv): string | undefined {
  const wanted = environment['CAPRICCIO_CACHE'];
  if (wanted === '0') return undefined;
  if (wanted !== undefined && wanted !== '') return path.resolve(wanted);
  const user = process.getuid?.();
  const directory = path.join(os.tmpdir(), `capriccio-cache-${user ?? os.userInfo().username}`);
  try {
    fs.mkdirSync(directory, { mode: 0o700 });
  } catch { /* it is there */ }
  try {
    const { uid, mode } = fs.lstatSync(directory);
    return user === undefined || (uid === user && (mode & 0o022) === 0) ? directory : undefined;
  } catch { return undefined; }
}
