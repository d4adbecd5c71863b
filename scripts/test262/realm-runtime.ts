/**
 * The runtime of compiled code in another realm: its errors and promises must be those of the test's realm. Its files are made one script, each a
 * function with what it imports and exports; they keep to single-line imports and to exports by declaration.
 */
import fs from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import vm from 'node:vm';

const SOURCES = new URL('../../packages/worker/src/', import.meta.url);

/** Files that something imports at run time, entry last. */
function gather(file: string, found: Map<string, string>): void {
  if (found.has(file)) return;
  found.set(file, '');
  const text = stripTypeScriptTypes(fs.readFileSync(new URL(file, SOURCES), 'utf8'));
  for (const [, from] of text.matchAll(/^import .* from '(\.[^']+)';/gm)) gather(resolve(file, from as string), found);
  found.delete(file);
  found.set(file, text);
}

const resolve = (file: string, from: string): string => new URL(from, new URL(file, SOURCES)).href.slice(SOURCES.href.length);

function asFunction(file: string, text: string): string {
  const names = [...text.matchAll(/^export\s+(?:const|function|class) ([\w$]+)/gm)].map(([, name]) => name as string);
  const body = text
    .replaceAll(/^import \{(.*)\} from '(\.[^']+)';/gm, (_line, list: string, from: string) => `const {${list.replaceAll(' as ', ': ')}} = $modules[${JSON.stringify(resolve(file, from))}];`)
    .replaceAll(/^export\s+(?=const|function|class)/gm, '').replaceAll(/^export \{[^}]*\}(?: from '[^']*')?;/gm, '').replaceAll(/^import .*/gm, '');
  return `$modules[${JSON.stringify(file)}] = (() => { ${body}\nreturn { ${names.join()} }; })();`;
}

/** A script that installs the runtime in the realm where it is run. It gives a function that takes what only Node has. */
export function runtimeScript(): vm.Script {
  const files = new Map<string, string>();
  gather('compiled/runtime.ts', files);
  const text = [...files].map(([file, source]) => asFunction(file, source)).join('\n');
  return new vm.Script(`(process, performance, setImmediate, queueMicrotask, WeakMap, WeakSet, AsyncLocalStorage, AsyncResource, types) => { const $modules = {};\n${text}\n}`, { filename: 'capriccio-runtime.js' });
}
