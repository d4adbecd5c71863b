// Installs what package-lock.json names, unless node_modules already holds exactly that. Plain JavaScript without
// dependencies: it is the one file that must run on whatever Node the machine came with.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const lock = `${root}package-lock.json`;
const installed = `${root}node_modules/.package-lock.json`;

/** True when npm's own record of the last install is newer than the lock file and names the same packages. */
function isCurrent() {
  if (!existsSync(installed)) return false;
  if (statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return true;
  const wanted = JSON.parse(readFileSync(lock, 'utf8')).packages;
  const have = JSON.parse(readFileSync(installed, 'utf8')).packages;
  return Object.entries(wanted).every(([path, entry]) =>
    path === '' || entry.optional === true || entry.link === true || !path.startsWith('node_modules/') || have[path]?.version === entry.version);
}

if (!isCurrent()) {
  console.log('installing dependencies (npm ci) …');
  const npm = process.env.npm_execpath;   // npm runs this script: use that npm, whatever PATH says
  const [command, ...args] = npm === undefined ? ['npm', 'ci'] : [process.execPath, npm, 'ci'];
  const { status, error } = spawnSync(command, [...args, '--no-audit', '--no-fund', '--loglevel=error'], { cwd: root, stdio: 'inherit' });
  if (status !== 0) {
    console.error(`npm ci failed${error === undefined ? '' : `: ${error.message}`}; run it by hand to see why`);
    process.exit(1);
  }
}
