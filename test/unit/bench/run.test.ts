/** The harness: a journal per question, the report that is made of it, and the command. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, test } from 'vitest';
import { emptyRecord, type QuestionRecord } from '../../../packages/bench/src/journal.ts';
import { drawBars } from '../../../packages/bench/src/plot/bars.ts';
import { drawings, peersAhead, reportText } from '../../../packages/bench/src/report.ts';
import { runQuestion } from '../../../packages/bench/src/run-question.ts';

const options = { cores: 2, rounds: 3, quick: true };
const record: QuestionRecord = {
  ...emptyRecord(),
  series: [{ label: 'window 100', side: 'ours', unit: 'calls/s', better: 'higher', rounds: [10, 30, 20] }, { label: 'window 100', side: 'a | peer', unit: 'calls/s', better: 'higher', rounds: [5, 6, 7] }, { label: 'window 100', side: 'a quicker one', unit: 'calls/s', better: 'higher', rounds: [40, 60, 50] }],
  tables: [{ head: ['', 'calls/s'], rows: [['ours', '20'], ['a | peer', '6']] }],
  notes: ['on a quiet machine'],
  findings: [{ what: 'faster', figure: '3 x', goal: '≥ 2 x', isMet: true }, { what: 'far faster', figure: '3 x', goal: '≥ 20 x', isMet: false }],
};
const report = { machine: 'a machine', date: '2026-01-01T00:00:00.000Z', options, answers: [{ name: 'peers/skew', ms: 1234, record }, { name: 'servers/light', ms: 5, record: emptyRecord(), failure: 'its process ended (1)' }] };

describe('the report', () => {
  test('says first what was not answered and what falls short, then what is met, then each question', () => {
    const text = reportText(report);
    const order = ['Not answered', 'its process ended (1)', 'Where a peer is ahead (1)', 'a quicker one', 'Short of a goal (1 of 2)', 'far faster', '## Met', '## peers/skew', 'on a quiet machine', '![peers/skew'];
    let last = -1;
    for (const part of order) {
      const at = text.indexOf(part);
      assert.ok(at > last, `${part} is missing, or too early`);
      last = at;
    }
    assert.match(text, /\| a \\\| peer \| 6 \|/);
  });
  test('peers that are ahead are those with a better median than ours, by how much, and nothing else', () => {
    const one = (name: string, better: 'higher' | 'lower', sides: Record<string, number>): Parameters<typeof peersAhead>[0][number] => ({ name, ms: 1, record: { ...emptyRecord(), series: Object.entries(sides).map(([side, value]) => ({ label: 'l', side, unit: 'u', better, rounds: [value] })) } });
    assert.deepEqual(peersAhead([one('peers/x', 'higher', { 'ours': 10, 'slower': 5, 'quicker': 20, 'the same thread': 99, 'ours, otherwise': 99 })]), [['peers/x: l', 'quicker', '20.0 u', '10.0 u', '2.00 x']]);
    assert.deepEqual(peersAhead([one('servers/x', 'lower', { 'in place': 1, 'ours': 10, 'quicker': 4, 'slower': 11 })]), [['servers/x: l', 'quicker', '4.00 u', '10.0 u', '2.50 x']]);
    assert.deepEqual(peersAhead([one('servers/x', 'higher', { 'ours': 10, 'ours, blocked': 4, 'threads, shared, blocked': 5, 'peer, blocked': 3, 'threads, shared': 9 })]).map(([, peer, , own]) => [peer, own]), [['threads, shared, blocked', '4.00 u']]);
    assert.deepEqual(peersAhead([one('micro/x', 'lower', { 'ours': 10, 'native': 1 }), one('peers/x', 'higher', { ours: 1 }), one('peers/x', 'higher', {})]), []);
  });
  test('draws the median of each side with its spread', () => {
    const [drawing] = drawings(report.answers[0] as never);
    assert.equal(drawing?.file, 'peers-skew-sides.svg');
    assert.match(drawing?.svg ?? '', />20<\/text>/);
    assert.match(drawing?.svg ?? '', />a \| peer<\/text>/);
    assert.deepEqual(drawings(report.answers[1] as never), []);
  });
  test('bars begin at 0, and the longest fits', () => {
    const svg = drawBars({ title: 'a < b', groups: [{ label: 'one', bars: [{ name: 'x', value: 50, low: 40, high: 100 }, { name: 'y', value: 0, low: 0, high: 0 }, { name: 'z', value: Number.NaN, low: 0, high: 0 }] }] });
    const widths = [...svg.matchAll(/<rect x="230" y="\d+" width="([\d.]+)"/g)].map(([, width]) => Number(width));
    assert.deepEqual(widths, [200, 0]);
    assert.match(svg, /a &lt; b/);
  });
});

describe('a question in a process of its own', () => {
  const sources = new URL('../../fixtures/bench/', import.meta.url);
  const ask = (name: string) => runQuestion(name, options, 'ignore', sources);
  test('sends its journal', async () => {
    const { record: found, failure } = await ask('ends');
    assert.equal(failure, undefined);
    assert.deepEqual(found.series, [{ label: 'two', side: 'a', unit: 'ns', better: 'lower', rounds: [1, 1, 1] }, { label: 'two', side: 'b', unit: 'ns', better: 'lower', rounds: [2, 2, 2] }]);
    assert.equal(found.tables.length, 1);
    assert.deepEqual(found.findings, [{ what: 'cores', figure: '2', goal: '' }]);
  });
  test.each([['throws', /its process ended \(1\)/], ['exits', /its process ended \(7\)/]])('one that %s has no answer, and a reason', async (name, why) => {
    assert.match((await ask(name)).failure ?? '', why);
  });
});

describe('npm run bench', () => {
  const main = fileURLToPath(new URL('../../../packages/bench/src/main.ts', import.meta.url));
  const run = (...args: string[]) => spawnSync(process.execPath, ['--conditions=capriccio-source', main, ...args], { encoding: 'utf8' });
  test('--list names the questions, each of which is a file', () => {
    const names = [...execFileSync(process.execPath, ['--conditions=capriccio-source', main, '--list'], { encoding: 'utf8' }).matchAll(/^ {2}[• ] (\S+)/gm)].map(([, name]) => name as string);
    assert.ok(names.length >= 18);
    for (const name of names) import.meta.resolve(`../../../packages/bench/src/${name}.ts`);
  });
  test.each([[['no/such'], /there is no question no\/such/], [['--rounds', '0', 'peers/skew'], /--rounds is a whole number from 1/], [['--cores', '999', 'peers/skew'], /--cores is a whole number/], [['--wrong'], /Unknown option '--wrong'/]])('%j is an error in words', (args, message) => {
    const { status, stderr } = run(...args);
    assert.equal(status, 2);
    assert.match(stderr, message);
  });
});
