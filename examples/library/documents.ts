// What the library holds: the Markdown files of the installed packages, found by one bounded walk.
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Document {
  /** 1 and up, in the order of `path`: the same tree gives the same numbers. */
  id: number;
  /** Below the root, with forward slashes: `piscina/README.md`. */
  path: string;
  bytes: number;
  modifiedMs: number;
}

const limits = { documents: 1000, bytesMin: 64, bytesMax: 512 * 1024, totalBytes: 24 * 1024 * 1024, depth: 12, files: 200_000 };

/** Where the documents are: LIBRARY_ROOT, else the node_modules of this repository. */
export function libraryRoot(): string {
  return process.env.LIBRARY_ROOT ?? fileURLToPath(new URL('../../node_modules', import.meta.url));
}

/** Finds the documents below `root`, in the order of their paths. Links are not followed, so the walk ends. */
export async function collectDocuments(root: string): Promise<Document[]> {
  const paths = (await markdownBelow(root)).toSorted(byCodeUnits);
  const documents: Document[] = [];
  let total = 0;
  for (const path of paths) {
    const { size, mtimeMs } = await stat(join(root, path));
    if (size < limits.bytesMin || size > limits.bytesMax) continue;
    if (documents.length === limits.documents || total + size > limits.totalBytes) break;
    total += size;
    documents.push({ id: documents.length + 1, path, bytes: size, modifiedMs: Math.floor(mtimeMs) });
  }
  return documents;
}

async function markdownBelow(root: string): Promise<string[]> {
  const found: string[] = [];
  const folders = [{ path: '', depth: 0 }];
  let seen = 0;
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of await readdir(join(root, folder.path), { withFileTypes: true })) {
      if (++seen > limits.files) return found;
      const path = folder.path === '' ? entry.name : `${folder.path}/${entry.name}`;
      if (entry.isDirectory() && !entry.name.startsWith('.') && folder.depth < limits.depth) folders.push({ path, depth: folder.depth + 1 });
      else if (entry.isFile() && entry.name.toLowerCase().endsWith('.md')) found.push(path);
    }
  }
  return found;
}

/** Not localeCompare: the order must not depend on the machine's locale. */
function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
