/** `capriccio analyze`: what the compiler knows of an application before it runs. Its call graph, where it blocks, where the native stack is checked and why, and what stays native. */
import { existsSync } from 'node:fs';
import type { Application, AnalyzedFile } from '@capriccio/compiler';
import { UsageError, wholeNumber, type Typed, type Verb } from './arguments.ts';
import type { Output } from './output.ts';

export const analyzeVerb: Verb = {
  name: 'analyze',
  positionals: '<dir or file>',
  summary: 'shows what the compiler makes of an application: blocking points, recursion, checks of the stack, what stays native',
  options: {
    dot: { about: 'the call graph for Graphviz; functions with a check are filled, cycles drawn together' },
    'stack-bound': { value: 'bytes', about: 'bytes of native stack between two checks (default 16384)' },
  },
  notes: [
    'A file is followed along its imports, of a directory every source is taken; packages are not followed.',
    'A check stands where a function begins. A call site has one when it may lead to such a function.',
  ],
};

/** The paper's figure for the same question, for comparison. */
const PAPER_SHARE = 'the paper reports about 5 % of call sites for Apache 2.0.44, whose calls are in C';

/** Resolves with the exit code: 1 when a file could not be parsed. Throws UsageError when there is nothing to analyse. */
export async function analyze(typed: Typed, output: Output): Promise<number> {
  const [path, ...others] = typed.positionals;
  if (path === undefined) throw new UsageError('analyze takes a directory or a file: capriccio analyze ./src');
  if (others.length > 0) throw new UsageError(`analyze takes one directory or file, not also ${others.join(' ')}`);
  if (!existsSync(path)) throw new UsageError(`there is no ${path}`);
  const stackBound = wholeNumber(typed, 'stack-bound');
  if (stackBound === 0) throw new UsageError('--stack-bound takes a whole number from 1, not 0');
  if (typed.values.has('dot') && output.isJson) throw new UsageError('--dot or --json, not both');
  const { analyzeApplication } = await import('@capriccio/compiler');
  const progress = output.progress();
  const onFile = (file: string, done: number, known: number): void => progress.show(`${done} of ${known} files: ${file}`);
  let application: Application;
  try { application = analyzeApplication(path, { ...stackBound === undefined ? {} : { stackBound }, onFile }); } finally { progress.end(); }
  if (typed.values.has('dot')) output.text(dotOf(application));
  else output.result(textOf(application, output), application);
  return application.files.some(({ error }) => error !== undefined) ? 1 : 0;
}

function textOf(application: Application, output: Output): string {
  const { files, longest, cyclesAcrossFiles, packages } = application;
  const totals = totalsOf(files);
  return [
    ...files.flatMap((file) => fileLines(file, output)),
    output.bold('All files'),
    `  ${counted(totals.functions, 'function')}, ${counted(totals.calls, 'call site')}, ${counted(totals.points, 'blocking point')}`,
    `  ${totals.checked} call sites lead to a check: ${share(totals.checked, totals.calls)}; ${PAPER_SHARE}`,
    `  longest path without a check: ${longest.bytes} bytes${longest.path.length === 0 ? '' : `, ${longest.path.join(' → ')}`}`,
    ...cyclesAcrossFiles.map((cycle) => `  a cycle through several files: ${cycle.join(', ')}`),
    ...application.leftOut === 0 ? [] : [`  left out, beyond 10,000: ${application.leftOut} files`],
    ...packages.length === 0 ? [] : [`  not followed: ${packages.join(', ')}`],
  ].join('\n');
}

function fileLines({ file, report, error }: AnalyzedFile, output: Output): string[] {
  if (report === undefined) return [output.bold(file), `  not analysed: ${error ?? ''}`, ''];
  const { points, functions, stacks, preemption } = report;
  const native = functions.filter(({ isCompiled }) => !isCompiled);
  const lines = [
    ...points.map(({ line, form, functionName }) => `  ${line}: ${form} in ${functionName}`),
    ...stacks.linked.map(({ line, name, frameBytes, why, weight }) => `  ${line}: ${name}, ${frameBytes} bytes a frame, ${why === undefined ? 'no check: its cycle has one elsewhere' : `a check ${weight === 0 ? 'that only reads' : `of ${weight} bytes`}: ${why}`}`),
    ...stacks.left.map(({ line, name, reason }) => `  ${line}: ${name} stays on the native stack: ${reason}`),
    ...native.map(({ line, name, reason }) => `  ${line}: ${name} stays a native async function: ${reason ?? ''}`),
    ...preemption.map(({ line, name, what, by, reason }) => `  ${line}: ${what === 'call' ? `a call in ${name}: ${reason ?? ''}` : `${what === 'loop' ? `a loop of ${name}` : name} ${by === undefined ? `runs to completion: ${reason ?? ''}` : `may be preempted: ${by === 'mark' ? 'annotated' : 'it touches nothing that others see'}`}`}`),
    ...stacks.unresolved.map(({ line, text }) => `  ${line}: may call anything: ${text}`),
    ...stacks.skipped === undefined ? [] : [`  not linked: ${stacks.skipped}`],
  ];
  return lines.length === 0 ? [] : [output.bold(file), ...lines, ''];
}

function totalsOf(files: readonly AnalyzedFile[]): { functions: number; calls: number; checked: number; points: number } {
  const sum = (of: (report: NonNullable<AnalyzedFile['report']>) => number): number => files.reduce((total, { report }) => total + (report === undefined ? 0 : of(report)), 0);
  return { functions: sum(({ stacks }) => stacks.functions), calls: sum(({ stacks }) => stacks.calls), checked: sum(({ stacks }) => stacks.checkedCalls), points: sum(({ points }) => points.length) };
}

const counted = (count: number, what: string): string => `${count.toLocaleString('en')} ${what}${count === 1 ? '' : 's'}`;
const share = (part: number, whole: number): string => (whole === 0 ? '0 %' : `${(100 * part / whole).toFixed(1)} %`);

function dotOf({ nodes, edges }: Application): string {
  const quoted = (text: string): string => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
  const sizes = new Map<number, number>();
  for (const { component } of nodes) sizes.set(component, (sizes.get(component) ?? 0) + 1);
  const draw = ({ id, name, frameBytes, hasCheck }: Application['nodes'][number]): string => `${quoted(id)} [label=${quoted(`${name}\n${frameBytes} B`).replaceAll('\n', '\\n')}${hasCheck ? ', style=filled' : ''}];`;
  const alone = nodes.filter(({ component }) => sizes.get(component) === 1);
  const cycles = [...sizes].filter(([, size]) => size > 1).map(([component]) => `  subgraph cluster_${component} {\n${nodes.filter((node) => node.component === component).map((node) => `    ${draw(node)}`).join('\n')}\n  }`);
  return ['digraph calls {', '  node [shape=box];', ...alone.map((node) => `  ${draw(node)}`), ...cycles, ...edges.map(([from, to]) => `  ${quoted(from)} -> ${quoted(to)};`), '}'].join('\n');
}
