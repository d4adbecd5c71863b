/** Tells when sources below a folder have changed, once for many changes at a time. */
import { watch } from 'node:fs';
import { sep } from 'node:path';

/** Editors write a file in several steps: a change counts when nothing has followed for so long, ms. */
const QUIET_MS = 100;
const SOURCE = /\.(?:[cm]?[jt]sx?|json)$/;

/** @returns how to stop */
export function watchSources(folder: string, changed: (file: string) => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  const watcher = watch(folder, { recursive: true }, (_, file) => {
    if (file === null || !SOURCE.test(file) || file.split(sep).some((part) => part === 'node_modules' || part.startsWith('.'))) return;
    clearTimeout(timer);
    timer = setTimeout(changed, QUIET_MS, file);
  });
  return () => { clearTimeout(timer); watcher.close(); };
}
