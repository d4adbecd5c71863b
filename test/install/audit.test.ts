/** What users install runs nothing when it is installed, and has no advisory against it: that asks the registry; where it cannot be asked, it says so and is skipped. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { root, runIn } from '../workshop.ts';

interface Report { readonly vulnerabilities?: Readonly<Record<string, { readonly severity: string; readonly via: readonly unknown[] }>>; readonly message?: string; readonly error?: { readonly summary?: string } }

test('npm audit: no advisory against what the packages depend on', (context) => {
  const { stdout } = runIn(root, 'npm', 'audit', '--omit=dev', '--json', '--fetch-retries=0', '--fetch-timeout=20000');
  let report: Report;
  try { report = JSON.parse(stdout) as Report; } catch { report = {}; }
  if (report.vulnerabilities === undefined) { context.skip(`the registry cannot be asked for advisories: ${report.message ?? report.error?.summary ?? 'npm said nothing'}`); return; }
  assert.deepEqual(report.vulnerabilities, {});
});

interface Manifest { readonly name: string; readonly private?: boolean; readonly scripts?: Readonly<Record<string, string>>; readonly dependencies?: Readonly<Record<string, string>> }
const manifestIn = (folder: string): Manifest => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;

test('no package that users install runs a script when it is installed, nor does any that they depend on', () => {
  const published = readdirSync(join(root, 'packages')).map((name) => manifestIn(join(root, 'packages', name))).filter((manifest) => manifest.private !== true);
  assert.ok(published.some(({ name }) => name === 'capriccio'));
  const seen = new Map(published.map((manifest) => [manifest.name, manifest]));
  for (const { dependencies } of seen.values()) for (const name of Object.keys(dependencies ?? {})) if (!seen.has(name)) seen.set(name, manifestIn(join(root, 'node_modules', name)));   // also of those that are added here
  const run = [...seen.values()].flatMap(({ name, scripts }) => ['preinstall', 'install', 'postinstall'].filter((script) => scripts?.[script] !== undefined).map((script) => `${name}: ${script}`));
  assert.deepEqual(run, []);
});
