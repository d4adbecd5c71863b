/** Loads packages/shared with one line changed on purpose, to see that a model test can fail. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export type Shared = typeof import('@capriccio/shared');
export interface Mutation { readonly file: string; readonly from: string; readonly to: string }

const source = fileURLToPath(new URL('../../packages/shared/src', import.meta.url));

/** The package with `from` replaced by `to` in one file. Throws when the text is not there exactly once: the mutation is stale. */
export async function loadMutant({ file, from, to }: Mutation): Promise<Shared> {
  const text = readFileSync(join(source, file), 'utf8');
  if (text.split(from).length !== 2) throw new Error(`mutation of ${file} does not apply once: ${from}`);
  const folder = mkdtempSync(join(tmpdir(), 'capriccio-mutant-'));
  try {
    cpSync(source, folder, { recursive: true });
    writeFileSync(join(folder, file), text.replace(from, () => to));
    return await import(/* @vite-ignore */ pathToFileURL(join(folder, 'index.ts')).href) as Shared;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
