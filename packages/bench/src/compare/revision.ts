/**
 * Another revision of the product, with the benchmarks of this one: a working tree of git in a temporary folder, its packages linked as npm would link
 * them, the dependencies shared. So both are asked by the same code, and a question that the other revision cannot be asked says so.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

const git = (...args: string[]): string => execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();

export class Revision implements Disposable {
  /** Abbreviated hash and subject. */
  readonly name: string;
  /** The folder of its benchmarks' sources. */
  readonly sources: URL;
  readonly #folder: string;

  /** @param revision  what git understands. Throws when it does not */
  constructor(revision: string) {
    let hash;
    try { hash = git('rev-parse', '--verify', '--quiet', `${revision}^{commit}`); } catch { throw new Error(`git knows no revision ${revision}`); }
    this.name = git('log', '-1', '--format=%h %s', hash);
    this.#folder = join(mkdtempSync(join(tmpdir(), 'capriccio-compare-')), 'tree');
    git('worktree', 'add', '--detach', '--quiet', this.#folder, hash);
    const bench = join(this.#folder, 'packages', 'bench');
    rmSync(bench, { recursive: true, force: true });
    cpSync(join(ROOT, 'packages', 'bench', 'src'), join(bench, 'src'), { recursive: true });
    cpSync(join(ROOT, 'packages', 'bench', 'package.json'), join(bench, 'package.json'));
    linkModules(join(ROOT, 'node_modules'), join(this.#folder, 'node_modules'), this.#folder);
    this.sources = pathToFileURL(`${join(bench, 'src')}/`);
  }

  [Symbol.dispose](): void {
    try { git('worktree', 'remove', '--force', this.#folder); } catch { /* the folder goes all the same, and git forgets it */ }
    rmSync(join(this.#folder, '..'), { recursive: true, force: true });
    git('worktree', 'prune');
  }
}

/** Links to all dependencies; the workspace's own packages are those of the tree. */
function linkModules(from: string, to: string, tree: string): void {
  const own = new Map(readdirSync(join(tree, 'packages')).map((name) => [name === 'core' ? 'capriccio' : `@capriccio/${name}`, join(tree, 'packages', name)]));
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from)) {
    const names = name.startsWith('@') ? readdirSync(join(from, name)).map((inner) => `${name}/${inner}`) : [name];
    for (const each of names) {
      if (own.has(each)) continue;
      mkdirSync(join(to, each, '..'), { recursive: true });
      symlinkSync(join(from, each), join(to, each));
    }
  }
  for (const [name, folder] of own) {
    mkdirSync(join(to, name, '..'), { recursive: true });
    if (!existsSync(join(to, name))) symlinkSync(folder, join(to, name));
  }
}
