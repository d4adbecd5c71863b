/** Tables, plans and the report: what is written is what is read, bounds hold, and nobody is stopped. */
import assert from 'node:assert/strict';
import { EDGE, END_NODE, GraphTable, NODE, OTHER_NODE, PLAN, PLAN_NODE, PLAN_ROOT, ROOT_ROW, TABLE, TableReader, allocateGraph, clearGraph, mapGraph, planHead, readPlan, readReport, releaseGraph, sheet, writePlan, writeReport } from '@capriccio/shared';
import { describe, test } from 'vitest';

const READER = 256;
const memoryOf = (participants = 3) => mapGraph(allocateGraph(participants), participants);

describe('a table', () => {
  test('is read as it was published, and once', () => {
    const memory = memoryOf();
    const table = new GraphTable(memory, 1);
    const page = new TableReader(memory, 1, READER);
    assert.equal(page.read(), false, 'nothing is published');
    const root = table.addRoot('GET /ä');
    const node = table.addNode('a.ts:1 f');
    table.nodes[node * NODE.width + NODE.isDownstream] = 1;
    const start = table.roots[root * ROOT_ROW.width + ROOT_ROW.start] as number;
    const edge = table.edge(start, node);
    table.edges[edge + EDGE.count] = 7;
    assert.equal(table.edge(start, node), edge);
    assert.equal(table.publish(), true);
    assert.equal(page.read(), true);
    assert.deepEqual(page.texts, ['(end)', '(others)', 'GET /ä', 'start of GET /ä', 'a.ts:1 f']);
    assert.deepEqual([...page.edges].slice(0, 3), [start, node, 7]);
    assert.equal(page.nodes[node * NODE.width + NODE.isDownstream], 1);
    assert.equal(page.read(), false, 'it is the same');
    table.addNode('later');
    table.publish();
    const { nodes } = page;
    assert.equal(page.read(), true);
    assert.equal(page.texts.at(-1), 'later');
    assert.equal(page.nodes.length, nodes.length + NODE.width);
    assert.equal(new TableReader(memory, 2, READER).read(), false, 'another participant');
  });

  test('shows its head alone to who asks for no more, and its rows are in the same place while it does not grow', () => {
    const memory = memoryOf();
    const table = new GraphTable(memory, 1);
    const edge = table.edge(0, 1);
    table.publish();
    const page = new TableReader(memory, 1, READER);
    assert.equal(page.read(), true);
    const { edges } = page;
    table.edges[edge + EDGE.count] = 5;
    table.head[TABLE.queued] = 9;
    table.publish();
    assert.deepEqual([page.readHead(), page.readHead()], [true, false]);
    assert.deepEqual([page.head[TABLE.queued], page.edges[edge + EDGE.count]], [9, 0]);
    assert.deepEqual([page.read(), page.read()], [true, false]);
    assert.equal(page.edges, edges);
    assert.equal(page.edges[edge + EDGE.count], 5);
  });

  test('has a bound for each kind of row, says so, and counts on in the row of all others', () => {
    const table = new GraphTable(memoryOf(), 1);
    const nodes = Array.from({ length: 3000 }, (_, k) => table.addNode(`n${k}`));
    assert.ok(new Set(nodes).size < 3000);
    assert.equal(nodes.at(-1), OTHER_NODE);
    const edges = Array.from({ length: 6000 }, (_, k) => table.edge(k % 2000, Math.floor(k / 2000) + 2));
    const others = table.edge(OTHER_NODE, OTHER_NODE);
    assert.equal(edges.at(-1), others);
    assert.equal(table.edge(END_NODE, 2), edges[0], 'those that have a row keep it');
    const roots = Array.from({ length: 600 }, (_, k) => table.addRoot(`r${k}`));
    assert.equal(roots.at(-1), -1);
    assert.ok([TABLE.pooledNodes, TABLE.pooledEdges, TABLE.pooledRoots].every((column) => (table.head[column] as number) > 0));
    assert.equal(table.publish(), true);
    const long = new GraphTable(memoryOf(), 1);
    assert.equal(long.addNode('x'.repeat(300_000)), OTHER_NODE);
  });

  test('is not published while somebody reads, and loses nothing by it', () => {
    const memory = memoryOf();
    const table = new GraphTable(memory, 0);
    table.publish();
    assert.ok(sheet.take(memory.words, 0, READER));
    table.addNode('meanwhile');
    assert.equal(table.publish(), false);
    releaseGraph(memory, READER);                                        // the reader has died
    assert.equal(table.publish(), true);
    const page = new TableReader(memory, 0, READER);
    page.read();
    assert.equal(page.texts.at(-1), 'meanwhile');
    clearGraph(memory, 0);
    assert.equal(new TableReader(memory, 0, READER).read(), false, 'its worker is dead');
  });
});

test('a plan reaches its worker once, rows in order', () => {
  const memory = memoryOf();
  const head = planHead();
  head[PLAN.roots] = 2;
  head[PLAN.nodes] = 1;
  const [roots, nodes] = [new Float64Array(2 * PLAN_ROOT.width).fill(3), new Float64Array(PLAN_NODE.width).fill(4)];
  assert.equal(readPlan(memory, 2, 0), undefined);
  assert.equal(writePlan(memory, 2, { head, roots, nodes }), true);
  const read = readPlan(memory, 2, 0);
  assert.deepEqual(read?.page, { head, roots, nodes });
  assert.equal(readPlan(memory, 2, read?.version ?? 0), undefined);
  assert.equal(readPlan(memory, 1, 0), undefined);
});

test('a report is read as often as one likes; one that does not fit is not written', () => {
  const memory = memoryOf();
  assert.equal(readReport(memory, 0), undefined);
  assert.equal(writeReport(memory, '{"a":"ü"}'), true);
  for (let k = 0; k < 2; k++) assert.equal(readReport(memory, 0), '{"a":"ü"}');
  assert.equal(writeReport(memory, 'x'.repeat(9 * 2 ** 20)), false);
  assert.equal(readReport(memory, 0), '{"a":"ü"}');
});
