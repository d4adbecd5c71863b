/** A copy of the repository's sources in a temporary folder, where rules are broken on purpose. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const bin = join(root, 'node_modules/.bin');
/** A tool that has not answered by then counts as silent, ms. */
const BOUND_MS = 30_000;
const LEFT_OUT = new Set(['node_modules', 'dist', 'tsconfig.tsbuildinfo']);

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
    symlinkSync('../../examples/library', join(here, '@capriccio/example-library'));
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.folder, path)), { recursive: true });
    writeFileSync(join(this.folder, path), text);
  }
  remove(path: string): void { rmSync(join(this.folder, path)); }

  /** Runs a tool in the copy. @returns its exit code and all that it printed */
  run(tool: 'oxlint' | 'tsc' | 'knip', ...args: string[]): { code: number | null; output: string } {
    const { status, stdout, stderr } = spawnSync(join(bin, tool), args, { cwd: this.folder, encoding: 'utf8', timeout: BOUND_MS, env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined, PATH: `${bin}:${process.env['PATH'] ?? ''}` } });
    return { code: status, output: stdout + stderr };
  }

  [Symbol.dispose](): void { rmSync(this.folder, { recursive: true, force: true }); }
}
