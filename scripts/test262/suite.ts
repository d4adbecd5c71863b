/** test262's files: which are run, and what their headers say. */
import fs from 'node:fs';
import path from 'node:path';

export interface Meta { readonly flags: readonly string[]; readonly includes: readonly string[]; readonly negative: string | undefined }

/** The folders where asynchronous functions are tested. */
const WANTED = /language\/(statements|expressions)\/(async-function|async-arrow-function|for-await-of|await|async-generator|await-using|using|async-[a-z-]+)\/|language\/.*\/(async-[a-z-]*method[a-z-]*|async[a-z-]*static[a-z-]*)\/|language\/(statements|expressions)\/class\/(elements|dstr)\/.*async|language\/expressions\/object\/(dstr|method-definition)\/.*async|built-ins\/AsyncFunction\/|language\/arguments-object\/.*async|language\/(eval-code|rest-parameters|destructuring|computed-property-names|statements\/(try|labeled|for-of|for|if|class|using))\/.*(async|await)/;

export function testFiles(root: string, filter: string): string[] {
  return fs.readdirSync(path.join(root, 'test'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile()).map(({ parentPath, name }) => path.relative(root, path.join(parentPath, name)))
    .filter((file) => file.endsWith('.js') && !file.includes('_FIXTURE') && WANTED.test(file) && file.includes(filter)).toSorted();
}

export function metaOf(source: string): Meta {
  const header = /\/\*---([^]*?)---\*\//.exec(source)?.[1] ?? '';
  const list = (key: string): string[] => {
    const inline = new RegExp(`^${key}:\\s*\\[([^\\]]*)\\]`, 'm').exec(header)?.[1];
    if (inline !== undefined) return inline.split(',').map((one) => one.trim()).filter((one) => one !== '');
    const lines = new RegExp(`^${key}:\\s*\\n((?:\\s+-.*\\n)+)`, 'm').exec(header)?.[1] ?? '';
    return lines.split('\n').map((line) => line.replace(/^\s*-\s*/, '').trim()).filter((one) => one !== '');
  };
  return { flags: list('flags'), includes: list('includes'), negative: /negative:[^]*?type:\s*(\w+)/.exec(header)?.[1] };
}
