/**
 * The files of the dashboard: its page, and the two libraries that it draws with. A built package holds copies of these beside the page
 * (scripts/assets.mjs), so users install neither; sources take them from where npm put them.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pageFile } from '../places.ts';

interface Asset { readonly status: number; readonly type: string; readonly body: Buffer }

const SCRIPT = 'text/javascript; charset=utf-8';
const STYLE = 'text/css; charset=utf-8';

/** What is served: type, file in the page's folder, and where it comes from in a working copy. */
const FILES: Readonly<Record<string, readonly [type: string, name: string, origin?: readonly [library: string, file: string]]>> = {
  '/': ['text/html; charset=utf-8', 'index.html'],
  '/dashboard.css': [STYLE, 'dashboard.css'],
  '/dashboard.js': [SCRIPT, 'dashboard.js'],
  '/uplot.js': [SCRIPT, 'uplot.js', ['uplot', 'dist/uPlot.iife.min.js']],
  '/uplot.css': [STYLE, 'uplot.css', ['uplot', 'dist/uPlot.min.css']],
  '/dagre.js': [SCRIPT, 'dagre.js', ['@dagrejs/dagre', 'dist/dagre.min.js']],
};
const read = new Map<string, Asset>();

export function assetOf(path: string): Asset | undefined {
  const found = read.get(path);
  if (found !== undefined || !Object.hasOwn(FILES, path)) return found;
  const [type, name, origin] = FILES[path] as (typeof FILES)[string];
  const asset = { status: 200, type, body: readFileSync(origin === undefined || existsSync(pageFile(name)) ? pageFile(name) : inLibrary(...origin)) };
  read.set(path, asset);
  return asset;
}

const inLibrary = (library: string, file: string): string => join(dirname(createRequire(import.meta.url).resolve(`${library}/package.json`)), file);
