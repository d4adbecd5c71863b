// What `tsc` does not build: the files of the dashboard, and the two libraries that it needs, copied with their licences into the package; the command line made executable. Run by `npm run build`.
import { chmodSync, cpSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);
const root = join(import.meta.dirname, '..');
const page = join(root, 'packages/core/dist/admin/page');

mkdirSync(page, { recursive: true });
cpSync(join(root, 'packages/core/src/admin/page'), page, { recursive: true });
const folderOf = (name) => dirname(require.resolve(`${name}/package.json`));
for (const [name, from, to] of [
  ['uplot', 'dist/uPlot.iife.min.js', 'uplot.js'], ['uplot', 'dist/uPlot.min.css', 'uplot.css'], ['uplot', 'LICENSE', 'uplot.LICENSE.txt'],
  ['@dagrejs/dagre', 'dist/dagre.min.js', 'dagre.js'], ['@dagrejs/dagre', 'dist/dagre.min.js.LEGAL.txt', 'dagre.LEGAL.txt'], ['@dagrejs/dagre', 'LICENSE', 'dagre.LICENSE.txt'],
]) cpSync(join(folderOf(name), from), join(page, to));
chmodSync(join(root, 'packages/core/dist/cli/main.js'), 0o755);          // npm does it where it installs the package, and not in a working copy
