/** The program of `capriccio run` is its worker's main module: `import.meta.main` and `require.main === module` say so there too. Node says it of what it was started with only. */
import { registerHooks, type LoadFnOutput } from 'node:module';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const DIRECTIVE = /^(?:\s|\/\/[^\n]*\n|\/\*[\s\S]*?\*\/)*(?<quote>['"])use strict\k<quote>/;

/** From here on, the module of this URL is the main one when it is loaded. What does not ask for it is left as it is. */
export function makeMain(url: string): void {
  const hooks = registerHooks({
    load(loaded, context, next): LoadFnOutput {
      const result = next(loaded, context);
      if (loaded !== url) return result;
      hooks.deregister();
      return asMain(result, url);
    },
  });
}

function asMain(result: LoadFnOutput, url: string): LoadFnOutput {
  const kind = result.format?.replace('-typescript', '');
  if (kind !== 'module' && kind !== 'commonjs') return result;
  const source = typeof result.source === 'string' ? result.source : result.source === null || result.source === undefined ? readFileSync(fileURLToPath(url), 'utf8') : new TextDecoder().decode(result.source as Uint8Array);
  const prefix = prefixOf(kind, source);
  return prefix === '' ? result : { ...result, source: `${prefix}${source.replace(/^#!/, '//')}` };   // in front: no line moves
}

function prefixOf(kind: 'module' | 'commonjs', source: string): string {
  if (kind === 'module') return /\bimport\.meta\b/.test(source) ? 'import.meta.main = true;' : '';
  if (!/\brequire\.main\b/.test(source)) return '';
  return `${DIRECTIVE.test(source.replace(/^#!.*/, '')) ? "'use strict';" : ''}require.main = module;`;
}
