#!/usr/bin/env node
/** What the package's `bin` runs. A Node that is too old could not even link the rest, and its error would not say why: so that is looked at first. Next: command-line.ts. */
import { refusalOfNode } from './node-version.ts';

const refusal = refusalOfNode(process.versions.node);
if (refusal === undefined) {
  const { commandLine } = await import('./command-line.ts');
  process.exitCode = await commandLine(process.argv.slice(2), process.stdout, process.stderr);
} else {
  process.stderr.write(`capriccio: ${refusal}\n`);
  process.exitCode = 1;
}
