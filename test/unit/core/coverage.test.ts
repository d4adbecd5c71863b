/** NODE_V8_COVERAGE counts what workers run, as tools read it: ranges of generated code, and the source map that leads from them to the source. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished, test } from 'vitest';

interface Range { readonly startOffset: number; readonly endOffset: number; readonly count: number }
interface Script { readonly url: string; readonly functions: readonly { readonly functionName: string; readonly ranges: readonly Range[] }[] }
interface Report { readonly result: readonly Script[]; readonly 'source-map-cache'?: Readonly<Record<string, { readonly lineLengths: readonly number[]; readonly data: SourceMapPayload }>> }

const folder = (name: string): string => fileURLToPath(new URL(`../../fixtures/core/coverage/${name}`, import.meta.url));
const counted = new URL('../../fixtures/core/coverage/counted.ts', import.meta.url).href;

test('what ran in a worker and what did not, by lines of the source', () => {
  const reports = mkdtempSync(join(tmpdir(), 'capriccio-coverage-'));
  onTestFinished(() => { rmSync(reports, { recursive: true, force: true }); });
  const { stdout, stderr } = spawnSync(process.execPath, ['--conditions=capriccio-source', folder('main.ts')], { encoding: 'utf8', timeout: 20_000, env: { ...process.env, NODE_V8_COVERAGE: reports } });
  assert.deepEqual([stdout, stderr], ['4\n', '']);
  const report = readdirSync(reports).map((name) => JSON.parse(readFileSync(join(reports, name), 'utf8')) as Report).find(({ result }) => result.some(({ url }) => url === counted));
  const script = report?.result.find(({ url }) => url === counted) as Script;
  const { lineLengths, data } = report?.['source-map-cache']?.[counted] ?? assert.fail('the source map is not in the report');
  const map = new SourceMap(data);
  const starts = lineLengths.map((_, line) => lineLengths.slice(0, line).reduce((sum, length) => sum + length + 1, 0));
  /** The line of the source that an offset of the generated code comes from, from 1. */
  const lineOf = (offset: number): number => {
    const line = starts.findLastIndex((start) => start <= offset);
    const entry = map.findEntry(line, offset - (starts[line] as number));
    return 'originalLine' in entry ? entry.originalLine + 1 : assert.fail(`nothing is said of ${line}`);
  };
  const parts = script.functions.filter(({ functionName }) => functionName !== '').map(({ functionName, ranges: [whole] }) => ({ line: lineOf((whole as Range).startOffset), ran: (whole as Range).count > 0, name: functionName }));
  const ran = (line: number): boolean[] => parts.filter((part) => part.line === line).map((part) => part.ran);
  assert.ok(ran(3).includes(true), 'used, in one of its forms');
  assert.deepEqual(ran(11), [true], 'twice');
  assert.ok(ran(13).length > 0 && !ran(13).includes(true), 'never, in none of its forms');
  const source = readFileSync(folder('counted.ts'), 'utf8').split('\n');
  const skipped = script.functions.flatMap(({ ranges }) => ranges.slice(1)).filter(({ count }) => count === 0).map(({ startOffset }) => source[lineOf(startOffset) - 1]);
  assert.ok(skipped.includes('  if (n > 100) {'), 'and the branch that was not taken');
});
