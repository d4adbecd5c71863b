// The public interface as text: what each door of the packages that users import exports, and every type that those name, as `tsc` declares them and without comments.
// It reads what `npm run build` has made. `npm run api` writes the reports that are committed beside package.json, so that a review sees the interface change;
// test/install compares them with what was built. Written by hand rather than by a tool: docs/decisions/0042-the-interface-as-text.md.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

interface Binding { readonly file: string; readonly name: string }
interface Module {
  /** Statements by the name that they declare: several, for overloads. */
  readonly declared: Map<string, string[]>;
  readonly imported: Map<string, Binding>;
  readonly exported: Map<string, Binding>;
  /** Modules of which everything is exported. */
  readonly stars: string[];
}
interface Manifest { readonly name: string; readonly exports: Readonly<Record<string, { readonly types: string }>> }

/** For generated code alone. */
const NO_INTERFACE = './compiled';
/** Packages with a report: those that users import. */
const REPORTED = ['core', 'compiler'] as const;
const STATEMENT = /^(?:export|import|declare|interface|type|class|abstract|function|const|enum)\b/;
const DECLARATION = /^(?:export )?(?:default )?(?:declare )?(?:abstract )?(?:class|interface|type|function|const|let|enum) ([\w$]+)/;

const manifestOf = (root: string, folder: string): Manifest => JSON.parse(readFileSync(join(root, 'packages', folder, 'package.json'), 'utf8')) as Manifest;

/** Statements at the left margin, each with what belongs to it; comments and private members left out. */
function statementsOf(text: string): string[] {
  const statements: string[][] = [];
  for (const line of text.replaceAll(/\/\*\*[^]*?\*\//g, '').replaceAll(/^\s*\/\/.*$/gm, '').split('\n')) {
    if (line.trim() === '' || /^\s+(?:#private|private .*);$/.test(line)) continue;
    if (STATEMENT.test(line)) statements.push([line]);
    else statements.at(-1)?.push(line);
  }
  return statements.map((lines) => lines.join('\n'));
}

class Interface {
  readonly #root: string;
  readonly #modules = new Map<string, Module>();
  readonly #packages: Map<string, string>;

  constructor(root: string) {
    this.#root = root;
    this.#packages = new Map(['shared', 'compiler', 'worker', 'core'].flatMap((folder) => {
      const { name, exports } = manifestOf(root, folder);
      return Object.entries(exports).map(([door, { types }]): [string, string] => [name + door.slice(1), join(root, 'packages', folder, types)]);
    }));
  }

  /** The declaration file of a specifier; undefined for what is not ours. */
  #fileOf(specifier: string, from: string): string | undefined {
    return specifier.startsWith('.') ? resolve(dirname(from), specifier.replace(/\.[jt]s$/, '.d.ts')) : this.#packages.get(specifier);
  }

  #moduleOf(file: string): Module {
    let module = this.#modules.get(file);
    if (module === undefined) this.#modules.set(file, module = this.#read(file));
    return module;
  }

  #read(file: string): Module {
    const module: Module = { declared: new Map(), imported: new Map(), exported: new Map(), stars: [] };
    for (const statement of statementsOf(readFileSync(file, 'utf8'))) {
      const [, specifier] = / from ['"]([^'"]+)['"];$/.exec(statement) ?? [];
      const source = specifier === undefined ? undefined : this.#fileOf(specifier, file);
      const [, list] = /\{([^}]*)\}(?: from |;$)/.exec(statement) ?? [];
      const names = (list ?? '').split(',').map((one) => one.trim().replace(/^type /, '')).filter((one) => one !== '').map((one) => one.split(' as '));
      if (statement.startsWith('import')) {
        if (source !== undefined) for (const [name = '', local = name] of names) module.imported.set(local, { file: source, name });
      } else if (statement.startsWith('export *')) {
        if (source !== undefined) module.stars.push(source);
      } else if (/^export (?:type )?\{/.test(statement)) {
        for (const [name = '', alias = name] of names) module.exported.set(alias.replaceAll(/['"]/g, ''), specifier === undefined ? { file, name } : { file: source ?? specifier, name });
      } else {
        const [, name = 'default'] = DECLARATION.exec(statement) ?? [];
        module.declared.set(name, [...module.declared.get(name) ?? [], statement]);
        if (statement.startsWith('export default')) module.exported.set('default', { file, name });
        else if (statement.startsWith('export')) module.exported.set(name, { file, name });
      }
    }
    return module;
  }

  /** What a door exports, and where it is declared. */
  exportsOf(file: string): Map<string, Binding> {
    const { exported, stars } = this.#moduleOf(file);
    return new Map([...stars.flatMap((star) => [...this.exportsOf(star)]), ...exported]);
  }

  /** Where a name is declared in the end; undefined for what comes from elsewhere. */
  #home({ file, name }: Binding): Binding | undefined {
    if (!file.startsWith(this.#root)) return undefined;
    const module = this.#moduleOf(file);
    if (module.declared.has(name)) return { file, name };
    const next = module.imported.get(name) ?? module.exported.get(name) ?? module.stars.map((star) => this.exportsOf(star).get(name)).find((found) => found !== undefined);
    return next === undefined || (next.file === file && next.name === name) ? undefined : this.#home(next);
  }

  /** The declaration of a name, and the types of ours that it names. */
  declarationOf(binding: Binding): { readonly key: string; readonly name: string; readonly text: string; readonly uses: readonly Binding[] } | undefined {
    const home = this.#home(binding);
    if (home === undefined) return undefined;
    const module = this.#moduleOf(home.file);
    const text = (module.declared.get(home.name) ?? []).map((one) => one.replace(/^export (?:default )?/, '').replace(/^declare /, '')).join('\n');
    const words = new Set(text.match(/(?:typeof )?[A-Za-z_$][\w$]*/g));
    const uses = [...words].filter((word) => /^(?:[A-Z]|typeof )/.test(word)).map((word) => word.replace('typeof ', '')).filter((word) => word !== home.name && (module.declared.has(word) || module.imported.has(word))).map((name) => ({ file: home.file, name }));
    return { key: `${home.file} ${home.name}`, name: home.name, text, uses };
  }
}

/** The report of one package. */
function reportOf(root: string, folder: string): string {
  const all = new Interface(root);
  const { name: packageName, exports } = manifestOf(root, folder);
  const shown = new Set<string>();
  const queue: Binding[] = [];
  const parts = [`# The interface of ${packageName}`, '', 'Made by `npm run api`; do not edit. What each door exports, then every type that those declarations name.'];
  for (const [door, { types }] of Object.entries(exports).filter(([name]) => name !== NO_INTERFACE).toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const texts = [...all.exportsOf(join(root, 'packages', folder, types))].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([alias, binding]) => {
      const declaration = all.declarationOf(binding);
      if (declaration === undefined) return `// ${alias}: ${binding.name}, declared elsewhere`;
      const { key, name, text, uses } = declaration;
      queue.push(...uses);
      const label = alias === name ? '' : `// exported as ${alias}: ${name}\n`;
      if (shown.has(key)) return label === '' ? `// ${name}: above` : label.trimEnd();
      shown.add(key);
      return label + text;
    });
    parts.push('', `## ${packageName}${door.slice(1)}`, '', '```ts', texts.join('\n\n'), '```');
  }
  const named = new Map<string, string>();
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const declaration = all.declarationOf(next);
    if (declaration === undefined || shown.has(declaration.key)) continue;
    shown.add(declaration.key);
    const isClass = /^(?:abstract )?class /.test(declaration.text);
    named.set(`${declaration.name} ${declaration.key.slice(root.length)}`, isClass ? `${declaration.text.slice(0, declaration.text.indexOf('{'))}{ /* not made or extended by users */ }` : declaration.text);
    if (!isClass) queue.push(...declaration.uses);
  }
  parts.push('', '## Named, not exported', '', '```ts', [...named].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, text]) => text).join('\n\n'), '```', '');
  return parts.join('\n');
}

const { values: { check, built }, positionals: [root = join(import.meta.dirname, '..')] } = parseArgs({ options: { check: { type: 'boolean', default: false }, built: { type: 'string' } }, allowPositionals: true });
for (const folder of REPORTED) {
  const file = join(root, 'packages', folder, `${folder}.api.md`);
  const report = reportOf(built ?? root, folder);
  if (!check) { writeFileSync(file, report); continue; }
  if (readFileSync(file, 'utf8') === report) continue;
  console.error(`packages/${folder}/${folder}.api.md is not what was built: npm run api writes it`);
  process.exitCode = 1;
}
