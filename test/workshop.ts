/** A copy of the repository's sources in a temporary folder, where rules are broken on purpose and packages are built from nothing. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root: string = fileURLToPath(new URL('../', import.meta.url));
export const bin: string = join(root, 'node_modules/.bin');
/** A tool that has not answered by then counts as silent, ms. */
const BOUND_MS = 60_000;
const LEFT_OUT = new Set(['node_modules', 'dist', 'tsconfig.tsbuildinfo']);

/** Runs a command to its end, with the repository's own Node first on PATH, and without anything that the test runner has set for itself. */
export function runIn(folder: string, command: string, ...args: string[]): { code: number | null; stdout: string; stderr: string } {
  const env = { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined, NODE_OPTIONS: undefined, PATH: `${bin}:${process.env['PATH'] ?? ''}` };
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: folder, encoding: 'utf8', timeout: BOUND_MS, env });
  return { code: status, stdout: stdout ?? '', stderr: `${stderr ?? ''}${error === undefined ? '' : `${command}: ${error.message}`}` };
}

export class Workshop implements Disposable {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'capriccio-rules-'));

  constructor() {
    for (const name of ['packages', 'examples', 'scripts', 'test']) cpSync(join(root, name), join(this.folder, name), { recursive: true, filter: (source) => !LEFT_OUT.has(basename(source)) });
    for (const name of ['package.json', 'tsconfig.json', 'tsconfig.base.json', '.oxlintrc.json', 'knip.json', 'vitest.config.ts']) cpSync(join(root, name), join(this.folder, name));
    this.#linkModules();
  }

  /** Dependencies are the repository's; packages of the workspace are the copy's own. */
  #linkModules(): void {
    const here = join(this.folder, 'node_modules');
    mkdirSync(join(here, '@capriccio'), { recursive: true });
    for (const name of readdirSync(join(root, 'node_modules'))) if (name !== 'capriccio' && name !== '@capriccio') symlinkSync(join(root, 'node_modules', name), join(here, name));
    symlinkSync('../packages/core', join(here, 'capriccio'));
    for (const name of ['shared', 'compiler', 'worker', 'bench']) symlinkSync(`../../packages/${name}`, join(here, '@capriccio', name));
    for (const name of ['library', 'servers']) symlinkSync(`../../examples/${name}`, join(here, `@capriccio/example-${name}`));
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.folder, path)), { recursive: true });
    writeFileSync(join(this.folder, path), text);
  }
  /** Adds to a file that is there. @returns how to take it back */
  append(path: string, text: string): () => void {
    const before = readFileSync(join(this.folder, path), 'utf8');
    writeFileSync(join(this.folder, path), before + text);
    return () => writeFileSync(join(this.folder, path), before);
  }
  remove(path: string): void { rmSync(join(this.folder, path)); }

  /** Runs a tool in the copy. @returns its exit code and all that it printed */
  run(tool: 'oxlint' | 'tsc' | 'knip', ...args: string[]): { code: number | null; output: string } {
    const { code, stdout, stderr } = runIn(this.folder, join(bin, tool), ...args);
    return { code, output: stdout + stderr };
  }

  [Symbol.dispose](): void { rmSync(this.folder, { recursive: true, force: true }); }
}
