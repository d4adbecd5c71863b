#!/usr/bin/env node
/** What the package's `bin` runs. Next: command-line.ts. */
import { commandLine } from './command-line.ts';

process.exitCode = await commandLine(process.argv.slice(2), process.stdout, process.stderr);
