/** The checks of tidy.test.ts, as functions over text, so that each can be shown a fault. Every one gives a list of problems, empty when all is well. */
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = new URL('../', import.meta.url);
const IGNORED = new Set(['node_modules', 'dist', '.git', 'coverage']);

export const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');

/** Files below the root whose names match, as paths with slashes. */
export function filesOf(pattern: RegExp, under = '.'): string[] {
  const found: string[] = [];
  const visit = (folder: string): void => {
    for (const entry of readdirSync(new URL(`${folder}/`, root), { withFileTypes: true })) {
      if (IGNORED.has(entry.name) || entry.name.endsWith('.tsbuildinfo')) continue;
      const path = folder === '.' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) visit(path);
      else if (pattern.test(path)) found.push(path);
    }
  };
  visit(under);
  return found.toSorted();
}

/** Source without its comments; lines stay where they are. Strings that look like comments are not expected to matter. */
export function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, (comment) => comment.replaceAll(/[^\n]/g, ' ')).replaceAll(/(?<=^|[\s;{}()])\/\/.*$/gm, '');
}

export const codeLines = (text: string): number => withoutComments(text).split('\n').filter((line) => line.trim() !== '').length;

// ---- the case of a lock-free structure ----

const HEADINGS = ['State', 'Invariants', 'Ordering', 'Hazards', 'Crash', 'Proof', 'Source'] as const;

/** The seven parts of a header, by heading; undefined for one that is missing or out of order. */
function headerOf(text: string): Partial<Record<(typeof HEADINGS)[number], string>> {
  const comment = /^\/\*\*[\s\S]*?\*\//.exec(text)?.[0] ?? '';
  const lines = comment.split('\n').map((line) => line.replace(/^ ?\* ?/, ''));
  const parts: Partial<Record<(typeof HEADINGS)[number], string>> = {};
  let next = 0;
  let current: (typeof HEADINGS)[number] | undefined;
  for (const line of lines) {
    const heading = /^ {2}([A-Z][a-z]+) {2,}(.*)$/.exec(line);
    if (heading !== null && heading[1] === HEADINGS[next]) { current = HEADINGS[next++]; parts[current as 'State'] = heading[2] as string; }
    else if (line.trim() === '') current = undefined;
    else if (current !== undefined) parts[current] += ` ${line.trim()}`;
  }
  return parts;
}

/** A file that uses Atomics has all seven headings, in order, and its Proof speaks of every invariant it numbers. */
export function headerProblems(file: string, text: string): string[] {
  const parts = headerOf(text);
  const missing = HEADINGS.filter((heading) => parts[heading] === undefined);
  if (missing.length > 0) return [`${file}: no heading ${missing.join(', ')} (or out of order)`];
  const numbered = [...(parts.Invariants as string).matchAll(/(?<![\w"])([A-Z]\d)(?= )/g)].map(([, name]) => name as string);
  return [...new Set(numbered)].filter((name) => !(parts.Proof as string).includes(name)).map((name) => `${file}: Proof says nothing of ${name}`);
}

/** What the Proof of a header names: model/mailbox "none lost, none twice". */
export function proofsOf(text: string): { file: string; name: string }[] {
  return [...(headerOf(text).Proof ?? '').matchAll(/\b([a-z]+\/[\w-]+) "([^"]+)"/g)].map(([, file, name]) => ({ file: `test/${file}.test.ts`, name: name as string }));
}

/** Titles of the tests of a file. */
export function titlesOf(text: string): string[] {
  return [...withoutComments(text).matchAll(/\b(?:model|test|it)(?:\.[a-z]+)*\(\s*(?<quote>['"`])(?<title>(?:(?!\k<quote>).|\\.)*)\k<quote>/g)].map(({ groups }) => groups?.['title'] ?? '');
}

// ---- options ----

/** Names of the members of an interface, nested ones with dots: `memory.slots`. */
export function membersOf(text: string, name: string): string[] {
  const source = withoutComments(text);
  const start = new RegExp(`\\binterface ${name} [^{]*\\{`).exec(source);
  if (start === null) throw new Error(`there is no interface ${name}`);
  const names: string[] = [];
  const path: string[] = [];
  let member = '';
  for (const [token, given] of source.slice(start.index + start[0].length).matchAll(/[{}]|(?:readonly )?(?<=[{;,\n ])(\w+)\??:/g)) {
    if (token === '{') path.push(member);
    else if (token === '}') { if (path.pop() === undefined) return names; }
    else {
      member = given as string;
      names.push([...path, member].join('.'));
    }
  }
  return names;
}

/** Names in the first column of the table below a heading. */
export function tableOf(markdown: string, heading: string): string[] {
  const section = sectionOf(markdown, heading);
  return [...section.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name as string);
}

/** What stands between a heading and the next one. */
export function sectionOf(markdown: string, heading: string): string {
  const lines = markdown.split('\n');
  const at = lines.findIndex((line) => /^#+ /.test(line) && line.replace(/^#+ /, '') === heading);
  if (at < 0) return '';
  const end = lines.findIndex((line, k) => k > at && /^#+ /.test(line));
  return lines.slice(at + 1, end < 0 ? undefined : end).join('\n');
}

// ---- words of shared memory ----

interface Word { readonly name: string; readonly at: number; readonly words: number; readonly writer: string }

/** Words do not overlap, and a line holds the words of one writer; one that anybody writes has its lines for itself. */
export function layoutProblems(words: readonly Word[], line: number): string[] {
  const problems: string[] = [];
  for (const [k, a] of words.entries()) {
    for (const b of words.slice(k + 1)) {
      if (a.at < b.at + b.words && b.at < a.at + a.words) problems.push(`${a.name} and ${b.name} overlap`);
      const share = Math.floor(a.at / line) <= Math.floor((b.at + b.words - 1) / line) && Math.floor(b.at / line) <= Math.floor((a.at + a.words - 1) / line);
      if (share && (a.writer !== b.writer || a.writer === 'any')) problems.push(`${a.name} (${a.writer}) and ${b.name} (${b.writer}) share a line`);
    }
  }
  return problems;
}

// ---- prose ----

const withoutFences = (markdown: string): string => markdown.replaceAll(/^(```|~~~)[\s\S]*?^\1/gm, '').replaceAll(/^ {4}.*$/gm, '').replaceAll(/`[^`\n]*`/g, '');

/** What GitHub calls a heading in links. */
const slugOf = (heading: string): string => heading.toLowerCase().replaceAll(/[^\p{L}\p{N}_\- ]/gu, '').replaceAll(' ', '-');
export const anchorsOf = (markdown: string): Set<string> => new Set([...markdown.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => slugOf(heading as string)));

/** Targets of relative links and images. */
export function linksOf(markdown: string): string[] {
  return [...withoutFences(markdown).matchAll(/\]\(([^()\s]+)(?: "[^"]*")?\)/g)].map(([, target]) => target as string).filter((target) => !/^[a-z]+:/.test(target));
}

/** Scripts that a text tells its reader to run: `npm run bench`, `npm start`, `npm test`. */
export function scriptsOf(markdown: string): string[] {
  return [...markdown.matchAll(/\bnpm (?:run(?:-script)? ([\w:-]+)|(start|test)\b)/g)].map(([, named, short]) => (named ?? short) as string);
}

/** Files of this repository that a text names in code: `test/model/mailbox.test.ts`. */
export function pathsOf(markdown: string): string[] {
  return [...markdown.matchAll(/(?<![\w/.@-])((?:test|packages|docs|scripts|examples)\/[\w./-]+\.(?:ts|md|mjs|json))\b/g)].map(([, path]) => path as string);
}

/** Lines that match, as file:line. */
export function matches(file: string, text: string, pattern: RegExp, what: string): string[] {
  return text.split('\n').flatMap((line, k) => pattern.test(line) ? [`${file}:${k + 1}: ${what}: ${line.trim().slice(0, 100)}`] : []);
}

export const rootPath: string = fileURLToPath(root);
