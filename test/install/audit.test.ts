/** What users install has no advisory against it. Asks the registry; where that cannot be asked, it says so and is skipped. */
import assert from 'node:assert/strict';
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
