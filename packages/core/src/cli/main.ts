#!/usr/bin/env node
/** What the package's `bin` runs. A Node that is too old could not even link the rest, and its error would not say why: so that is looked at first. Next: command-line.ts. */
import { readFileSync } from 'node:fs';
import { refusalOfNode } from './node-version.ts';

const { engines } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { engines: { node: string } };
const refusal = refusalOfNode(process.versions.node, engines.node.replace('>=', ''));
if (refusal === undefined) {
  const { commandLine } = await import('./command-line.ts');
  process.exitCode = await commandLine(process.argv.slice(2), process.stdout, process.stderr);
} else {
  process.stderr.write(`capriccio: ${refusal}\n`);
  process.exitCode = 1;
}
