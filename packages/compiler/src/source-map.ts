/**
 * Segments as a source map, version 3 (ECMA-426): a mapping at every token, for consumers take the nearest mapping before a place and do not count
 * on from there.
 */
import { Lines } from './lines.ts';
import { MappingsWriter } from './mappings.ts';
import { NOWHERE, type Pass, type Segment } from './segments.ts';

export interface SourceMap {
  readonly version: 3;
  readonly file: string;
  readonly sources: readonly string[];
  readonly sourcesContent: readonly string[];
  readonly names: readonly string[];
  readonly mappings: string;
}

/** Words, and every other character by itself: where a stack frame or a breakpoint can point to. */
const TOKENS = /[\p{ID_Continue}$\u200c\u200d]+|[^\s]/gu;

/** The source map of a pass. @param source  the text it was made of; @param file  how it is called */
export function toSourceMap({ code, segments }: Pass, source: string, file: string): SourceMap {
  return { version: 3, file, sources: [file], sourcesContent: [source], names: [], mappings: mappingsOf(code, segments, source) };
}

function mappingsOf(code: string, segments: readonly Segment[], source: string): string {
  const generated = new Lines(code);
  const original = new Lines(source);
  const mappings = new MappingsWriter();
  for (let k = 0; k < segments.length; k++) {
    const { at, original: first, isCopied } = segments[k] as Segment;
    const end = segments[k + 1]?.at ?? code.length;
    if (first === NOWHERE) { mappings.addNowhere(generated.positionOf(at)); continue; }
    mappings.add(generated.positionOf(at), original.positionOf(first));
    if (!isCopied) continue;
    TOKENS.lastIndex = at;
    for (let match = TOKENS.exec(code); match !== null && match.index < end; match = TOKENS.exec(code)) {
      if (match.index > at) mappings.add(generated.positionOf(match.index), original.positionOf(first + match.index - at));
    }
  }
  return mappings.text;
}
