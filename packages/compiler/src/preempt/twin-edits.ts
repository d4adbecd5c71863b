/** What is put into a source for its functions that have twins for preemption: the twins, and what gives them to their functions. */
import { COMPILED_MODULE, RUNTIME_MODULE } from '../modules.ts';
import { Lines, type Position } from '../lines.ts';
import type { AnyNode, SourceKind } from '../parse.ts';
import type { Edit } from '../stacks/edits.ts';
import { Unprintable } from '../stacks/printer.ts';
import type { StackPlan } from '../stacks/plan.ts';
import type { PlainTwin, PreemptionPlan } from './plan.ts';
import { PreemptPrinter, type PlaceRow } from './twin-printer.ts';

export interface TwinEditOptions {
  readonly isAhead?: boolean;
  readonly file: string;
  readonly kind: SourceKind;
  readonly place?: (offset: number) => Position;
}

/** @returns the edits, and the text that brings in the runtime, for the beginning of the program; '' when there is none. A function whose twin cannot be printed goes without. */
export function twinEdits(code: string, plan: PreemptionPlan, stacks: StackPlan, { file, kind, isAhead = false, place = placeIn(code) }: TwinEditOptions): { edits: Edit[]; lead: string } {
  const prefix = unusedPrefix(code);
  const helpers = new Set<string>();
  const helper = (name: string): string => { helpers.add(name); return prefix + name; };
  const rows: PlaceRow[] = [];
  const edits: Edit[] = [];
  for (const twin of plan.twins.values()) {
    const printer = new PreemptPrinter(stacks, plan, { prefix, helper }, code, place, rows);
    const { node, index } = twin.info;
    const name = givenName(twin);
    const twinName = `${prefix}${/^[\p{ID_Continue}$]*$/u.test(name) ? name : ''}${index}`;
    try {
      if (twin.place === 'around') printer.put(',');
      printer.preemptTwin(twin, twinName);
    } catch (error) {
      if (error instanceof Unprintable) continue;
      throw error;
    }
    if (twin.place === 'beside') printer.put(`${helper('brandPlain')}(${name},${twinName},${twin.nativeFrom});`);
    else {
      edits.push({ start: node.start, end: node.start, text: `${helper('brandPlain')}(` });
      printer.put(`,${twin.nativeFrom},${JSON.stringify(name)})`);
    }
    edits.push({ start: node.end, end: node.end, text: printer.text, places: printer.places });
  }
  if (edits.length === 0) return { edits, lead: '' };
  const points = helper('addPoints');
  const names = [...helpers].map((one) => (kind === 'module' ? `${one} as ${prefix}${one}` : `${one}:${prefix}${one}`)).join();
  const from = kind === 'module' ? `import{${names}}from'${isAhead ? COMPILED_MODULE : RUNTIME_MODULE}';` : `const{${names}}=globalThis[Symbol.for('capriccio.runtime')];`;
  return { edits, lead: `${from}const ${prefix}p=${points}(${JSON.stringify(file)},${JSON.stringify(rows)});` };
}

/** What the function is called, by itself or by the constant that holds it. */
function givenName({ info: { node, name }, place }: PlainTwin): string {
  if (place === 'beside') return String((node['id'] as AnyNode)['name']);
  return name === '<anonymous>' ? '' : name;
}

function placeIn(code: string): (offset: number) => Position {
  const lines = new Lines(code);
  return (offset) => lines.positionOf(offset);
}

function unusedPrefix(code: string): string {
  let prefix = '$c_';
  while (code.includes(prefix)) prefix += '_';
  return prefix;
}
