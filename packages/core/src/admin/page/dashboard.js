// The dashboard: reads figures once a second and draws what changed. All that it shows comes from the admin port that served it.
/* global uPlot, dagre, document, getComputedStyle, matchMedia, window */

const EVERY_MS = 1000;
/** Seconds that the charts show. */
const HISTORY = 120;
const LIST_MAX = 500;
/** Units of the graph across its width up to which a name can be read. */
const READABLE = 1400;
/** What stands under a name has room in this width. */
const NODE_MIN = 220;

const byId = (id) => document.getElementById(id);
/** A colour of the style sheet for a canvas, which knows neither variables nor light-dark(). */
function color(name) {
  const probe = document.body.appendChild(document.createElement('i'));
  probe.style.color = `var(${name})`;
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}
const round = (value, digits = 1) => (value >= 100 ? Math.round(value).toLocaleString('en') : Number(value.toFixed(digits)).toString());

/** Resources in bytes, and those of which a part of each may be busy. */
const BYTES = new Set(['heap', 'external']);
const BUSY = new Set(['processors', 'libuv threads']);
/** Bytes as people say them; other figures as they are. */
function amount(name, value) {
  if (!BYTES.has(name)) return round(value);
  const power = Math.min(3, Math.max(0, Math.floor(Math.log10(Math.max(1, value)) / 3)));
  return `${round(value / 1000 ** power)} ${['B', 'kB', 'MB', 'GB'][power]}`;
}

/** The rows of a table: cells are text, or elements. Rows are kept, so that nothing jumps and the focus stays. */
function fill(table, head, rows) {
  if (table.tHead.rows.length === 0) table.tHead.append(rowOf('th', head));
  const [body] = table.tBodies;
  rows.forEach((cells, at) => {
    const row = body.rows[at] ?? body.appendChild(rowOf('td', cells.map(() => '')));
    cells.forEach((cell, column) => {
      const there = row.cells[column];
      const { text = cell, isBad = false, share, below } = typeof cell === 'object' ? cell : {};
      if (below !== undefined) { unfold(there, text, below); return; }
      if (there.textContent !== String(text)) there.textContent = String(text);
      there.className = isBad ? 'bad' : '';
      if (share === undefined) return;
      const meter = document.createElement('meter');
      Object.assign(meter, { min: 0, max: 1, value: share, title: `${Math.round(share * 100)} %` });
      there.replaceChildren(meter, ` ${Math.round(share * 100)} %`);
    });
  });
  while (body.rows.length > rows.length) body.rows[rows.length].remove();
}
/** A cell that opens: it stays open while it is about the same. */
function unfold(cell, text, below) {
  const lines = below.join('\n');
  let details = cell.firstElementChild;
  if (details?.firstElementChild?.textContent !== text) {
    details = document.createElement('details');
    details.append(Object.assign(document.createElement('summary'), { textContent: text }), document.createElement('pre'));
    cell.replaceChildren(details);
  }
  if (details.lastElementChild.textContent !== lines) details.lastElementChild.textContent = lines;
}
function rowOf(kind, cells) {
  const row = document.createElement('tr');
  for (const cell of cells) row.append(Object.assign(document.createElement(kind), { textContent: cell, ...kind === 'th' ? { scope: 'col' } : {} }));
  return row;
}

// ---- charts ----

/** Of seconds since 1970, as the reader's clock shows it. */
const clockTime = (seconds) => new Date(seconds * 1000).toLocaleTimeString([], { hour12: false });

class Chart {
  constructor(title, names, unit) {
    this.title = title;
    this.names = names;
    this.unit = unit;
    this.data = [[], ...names.map(() => [])];
    this.holder = byId('charts').appendChild(document.createElement('div'));
  }
  draw() {
    this.plot?.destroy();
    const axis = { stroke: color('--faint'), grid: { stroke: color('--line'), width: 1 }, ticks: { show: false } };
    this.plot = new uPlot({
      title: this.title, width: Math.max(240, this.holder.clientWidth), height: 200, cursor: { drag: { x: false, y: false } },
      axes: [{ ...axis, space: 64, values: (_, ticks) => ticks.map(clockTime) }, { ...axis, size: 72, values: (_, ticks) => ticks.map((tick) => `${round(tick)}${this.unit}`) }], scales: { x: { range: (_, __, last) => { const end = last ?? Date.now() / 1000; return [end - HISTORY, end]; } }, y: { range: (_, low, high) => [0, Math.max(high ?? 1, 1) * 1.1] } },
      series: [{ label: 'time', value: (_, value) => (value === null || value === undefined ? '–' : clockTime(value)) }, ...this.names.map((label, k) => ({ label, stroke: color(k === 0 ? '--one' : '--two'), width: 2, value: (_, value) => (value === null || value === undefined ? '–' : `${round(value)}${this.unit}`) }))],
    }, this.data, this.holder);
  }
  push(seconds, values) {
    [seconds, ...values].forEach((value, k) => { this.data[k].push(value); if (this.data[k].length > HISTORY) this.data[k].shift(); });
    this.plot.setData(this.data);
  }
}

const charts = {
  throughput: new Chart('Throughput', ['tasks and requests begun', 'requests answered'], '/s'),
  latency: new Chart('Requests, since the start', ['p50', 'p99'], ' ms'),
  waiting: new Chart('Waiting', ['runnable', 'queued'], ''),
};
const redraw = () => { for (const chart of Object.values(charts)) chart.draw(); };
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
redraw();
let resizing;
window.addEventListener('resize', () => { clearTimeout(resizing); resizing = setTimeout(redraw, 150); });

// ---- figures ----

let before;
const sum = (list, of) => list.reduce((total, one) => total + of(one), 0);

function show(now) {
  const { stats, health, ready, routes, functions } = now;
  byId('status').textContent = ready.isReady ? `ready, ${health.status}` : `not ready: ${ready.reason}`;
  byId('status').className = ready.isReady && health.status === 'ok' ? 'good' : 'bad';
  byId('about').textContent = `process ${now.pid} · Node ${now.node} · Capriccio ${now.version} · up ${round(now.uptimeMs / 1000, 0)} s · ${stats.cores} cores, ${stats.lost} lost`;
  const seconds = before === undefined ? undefined : Math.max(0.001, (now.at - before.at) / 1000);
  const workersBefore = new Map(before?.stats.workers.map((worker) => [worker.id, worker]));
  fill(byId('cores'), ['core', 'lane', 'state', 'busy', 'threads', 'runnable', 'queued', 'connections', 'begun/s', 'failed'], stats.workers.map((worker) => {
    const last = workersBefore.get(worker.id);
    const busy = last === undefined || seconds === undefined ? 0 : Math.min(1, Math.max(0, (worker.busyMs - last.busyMs) / 1000 / seconds));
    const isStalled = health.stalled.includes(worker.id);
    return [worker.id, worker.lane, { text: !worker.isReady ? 'starting' : isStalled ? 'stalled' : worker.runnable > 0 ? 'running' : worker.threads > 0 ? 'waiting' : 'idle', isBad: isStalled }, { text: '', share: busy },
      worker.threads, worker.runnable, worker.queued, worker.connections, last === undefined || seconds === undefined ? 0 : round((worker.threadsRun - last.threadsRun) / seconds), { text: worker.failed, isBad: worker.failed > 0 }];
  }));
  const { spares, blocked, retiring, activated, blockedMs } = stats.activations;
  byId('cores-note').textContent = `${spares} standing by, ${blocked} blocked in the kernel, ${retiring} retiring; since the start ${activated} ${activated === 1 ? 'activation' : 'activations'}, ${round(blockedMs / 1000)} s blocked.`;
  const perSecond = (count, last) => (seconds === undefined ? 0 : round((count - (last?.count ?? 0)) / seconds));
  const busiest = (list) => list.toSorted((a, b) => b.count - a.count).slice(0, LIST_MAX);
  const routesBefore = new Map(before?.routes.map((route) => [route.route, route]));
  fill(byId('routes'), ['route', 'requests', '/s', 'mean ms', 'p50 ms', 'p99 ms'], busiest(routes).map(({ route, count, meanMs, p50Ms, p99Ms }) =>
    [route, count.toLocaleString('en'), perSecond(count, routesBefore.get(route)), round(meanMs, 2), round(p50Ms, 2), round(p99Ms, 2)]));
  const functionsBefore = new Map(before?.functions.map((one) => [one.name, one]));
  fill(byId('functions'), ['function', 'calls', '/s', 'failed', 'mean ms', 'p50 ms', 'p99 ms'], busiest(functions).map(({ name, count, errors, meanMs, p50Ms, p99Ms }) =>
    [name, count.toLocaleString('en'), perSecond(count, functionsBefore.get(name)), { text: errors.toLocaleString('en'), isBad: errors > 0 }, round(meanMs, 2), round(p50Ms, 2), round(p99Ms, 2)]));
  showRefused(stats.refused, before?.stats.refused, seconds);
  showExpired(stats.expired, before?.stats.expired, seconds);
  if (seconds !== undefined) {
    const at = now.at / 1000;
    const answered = sum(routes, ({ count }) => count);
    charts.throughput.push(at, [Math.max(0, sum(stats.workers, ({ threadsRun }) => threadsRun) - sum(before.stats.workers, ({ threadsRun }) => threadsRun)) / seconds, (answered - sum(before.routes, ({ count }) => count)) / seconds]);
    const weighted = (name) => (answered === 0 ? 0 : sum(routes, (route) => route[name] * route.count) / answered);
    charts.latency.push(at, [weighted('p50Ms'), Math.max(0, ...routes.map(({ p99Ms }) => p99Ms))]);
    charts.waiting.push(at, [sum(stats.workers, ({ runnable }) => runnable), sum(stats.workers, ({ queued }) => queued) + stats.calls.waiting]);
  }
  before = now;
}

/** What was shed: how much of what, whether it goes on, and what the last of each was told. */
function showRefused({ requests, calls, byRoot, retryAfterMs }, earlier, seconds) {
  byId('refused-note').textContent = requests + calls === 0 ? 'Nothing since the start.' : `${requests.toLocaleString('en')} requests and ${calls.toLocaleString('en')} calls, for they could not have begun before their deadlines.`;
  const rate = (root) => (seconds === undefined ? 0 : (byRoot[root] - (earlier?.byRoot[root] ?? 0)) / seconds);
  const roots = Object.keys(byRoot).toSorted((a, b) => rate(b) - rate(a) || byRoot[b] - byRoot[a]).slice(0, LIST_MAX);
  byId('refused').toggleAttribute('hidden', roots.length === 0);
  fill(byId('refused'), ['refused', 'since the start', '/s', 'retry after'], roots.map((root) => [root, byRoot[root].toLocaleString('en'), { text: round(rate(root)), isBad: rate(root) > 0 }, `${round((retryAfterMs[root] ?? 0) / 1000)} s`]));
}

/** What was taken, and came too late. */
function showExpired({ requests, byRoute }, earlier, seconds) {
  byId('expired-note').textContent = requests === 0 ? 'Nothing since the start.' : `${requests.toLocaleString('en')} requests, for their deadlines passed after they were taken.`;
  const rate = (route) => (seconds === undefined ? 0 : (byRoute[route] - (earlier?.byRoute[route] ?? 0)) / seconds);
  const routes = Object.keys(byRoute).toSorted((a, b) => rate(b) - rate(a) || byRoute[b] - byRoute[a]).slice(0, LIST_MAX);
  byId('expired').toggleAttribute('hidden', routes.length === 0);
  fill(byId('expired'), ['expired', 'since the start', '/s'], routes.map((route) => [route, byRoute[route].toLocaleString('en'), { text: round(rate(route)), isBad: rate(route) > 0 }]));
}

// ---- the graph ----

const SVG = 'http://www.w3.org/2000/svg';
const make = (kind, attributes, text) => {
  const element = document.createElementNS(SVG, kind);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
};

/** The last folder and the file of a place; all of it stands in the node's details. */
const shortName = (name) => name.replace(/file:\/\/\/(?:[^/\s]+\/)*?(?=[^/\s]+\/[^/\s]+(?:\s|$))/, '');
/** From a node to itself: out of its top and back. */
const loopAbove = ({ x, y, height }) => `M${(x + 20).toFixed(1)} ${(y - height / 2).toFixed(1)}c20 -22 -60 -22 -40 0`;

class GraphView {
  constructor(svg) {
    this.svg = svg;
    this.shape = '';
    this.nodes = new Map();
    this.paths = new Map();
    this.view = { x: 0, y: 0, width: 1, height: 1 };
    svg.addEventListener('keydown', (event) => this.key(event));
    svg.addEventListener('wheel', (event) => { if (event.ctrlKey || event.metaKey) { event.preventDefault(); this.scale(event.deltaY > 0 ? 1.15 : 1 / 1.15); } }, { passive: false });
    svg.addEventListener('pointerdown', (event) => { this.drag = { x: event.clientX, y: event.clientY, view: { ...this.view } }; });
    svg.addEventListener('pointermove', (event) => {
      if (this.drag === undefined || event.buttons === 0) return;
      const unit = this.view.width / svg.clientWidth;
      this.look({ ...this.view, x: this.drag.view.x - (event.clientX - this.drag.x) * unit, y: this.drag.view.y - (event.clientY - this.drag.y) * unit });
    });
    svg.addEventListener('pointerup', () => { this.drag = undefined; });
  }

  nameOf(id) { return this.nodes.get(id)?.name ?? id; }

  /** Lays out again only when nodes or edges have come or gone: figures change in place. */
  show(graph) {
    const shape = JSON.stringify([graph.nodes.map(({ id }) => id), graph.edges.map(({ from, to }) => [from, to])]);
    if (shape !== this.shape) { this.shape = shape; this.layOut(graph); }
    const held = new Map(graph.decisions.map(({ about, what, why }) => [about, `${what}: ${why}`]));
    const outgoing = Map.groupBy(graph.edges, ({ from }) => from);
    for (const { from, to, count, timeMs } of graph.edges) {
      const path = this.paths.get(`${from} ${to}`);
      if (path !== undefined) path.firstElementChild.textContent = `${this.nameOf(from)} → ${this.nameOf(to)}: ${count.toLocaleString('en')} ×, ${round(timeMs.mean, 2)} ms`;
    }
    for (const node of graph.nodes) {
      const { group, under } = this.nodes.get(node.id) ?? {};
      if (group === undefined) continue;
      const passages = sum(outgoing.get(node.id) ?? [], ({ count }) => count);
      const text = `${round(node.weightMs, 2)} ms · ${passages.toLocaleString('en')} × · ${node.tickets} ${node.tickets === 1 ? 'ticket' : 'tickets'}`;
      const queue = node.inUse === undefined ? '' : ` · ${node.inUse} there${node.waiting === undefined ? '' : `, ${node.waiting} wait`}`;
      if (under.textContent !== text) under.textContent = text;
      group.classList.toggle('held', held.has(node.name));
      this.nodes.get(node.id).detail = `${node.name}: ${text}${queue}${node.window === undefined ? '' : ` · at most ${node.window} at a time`}${held.has(node.name) ? ` · ${held.get(node.name)}` : ''}`;
      group.setAttribute('aria-label', this.nodes.get(node.id).detail);
    }
  }

  layOut({ nodes, edges }) {
    const layout = new dagre.graphlib.Graph({ multigraph: false }).setGraph({ rankdir: 'LR', nodesep: 14, ranksep: 50, ...nodes.length > 150 ? { ranker: 'longest-path' } : {} }).setDefaultEdgeLabel(() => ({}));
    for (const { id, name } of nodes) layout.setNode(String(id), { width: Math.min(340, Math.max(NODE_MIN, 7 * shortName(name).length + 20)), height: 40 });
    for (const { from, to } of edges) if (from !== to && layout.hasNode(String(from)) && layout.hasNode(String(to))) layout.setEdge(String(from), String(to));
    if (nodes.length > 0) dagre.layout(layout);
    this.nodes.clear();
    const most = Math.max(1, ...edges.map(({ count }) => count));
    const counts = new Map(edges.map(({ from, to, count }) => [`${from} ${to}`, count]));
    const drawn = [
      ...layout.edges().map((edge) => [`${edge.v} ${edge.w}`, layout.edge(edge).points.map(({ x, y }, k) => `${k === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`).join('')]),
      ...edges.filter(({ from, to }) => from === to && layout.hasNode(String(from))).map(({ from }) => [`${from} ${from}`, loopAbove(layout.node(String(from)))]),
    ];
    this.paths.clear();
    for (const [between, d] of drawn) {
      const path = make('path', { d, 'stroke-width': (1 + 4 * Math.sqrt((counts.get(between) ?? 0) / most)).toFixed(2) });
      path.append(make('title', {}));
      this.paths.set(between, path);
    }
    const groups = nodes.map(({ id, name }) => {
      const { x, y, width, height } = layout.node(String(id));
      const group = make('g', { class: 'node', tabindex: -1, role: 'img', transform: `translate(${(x - width / 2).toFixed(1)} ${(y - height / 2).toFixed(1)})` });
      const short = shortName(name);
      const label = short.length > 45 ? `…${short.slice(-44)}` : short;
      const under = make('text', { x: 10, y: 32, class: 'under' });
      group.append(make('rect', { width, height }), make('text', { x: 10, y: 16 }, label), under);
      group.addEventListener('focus', () => { byId('detail').textContent = this.nodes.get(id)?.detail ?? ''; });
      this.nodes.set(id, { group, under, x, y, name: label, detail: '' });
      return group;
    });
    this.svg.replaceChildren(...this.paths.values(), ...groups);
    const { width = 1, height = 1 } = layout.graph();
    const [across, down] = [Math.max(this.svg.clientWidth, width + 20), Math.max(this.svg.clientHeight, height + 20)];   // a small graph is not blown up
    this.all = { x: (width - across) / 2, y: (height - down) / 2, width: across, height: down };
    this.look(this.all);
  }

  look(view) {
    this.view = view;
    this.svg.setAttribute('viewBox', `${view.x} ${view.y} ${view.width} ${view.height}`);
  }
  scale(by) {
    const { x, y, width, height } = this.view;
    this.look({ x: x - width * (by - 1) / 2, y: y - height * (by - 1) / 2, width: width * by, height: height * by });
  }

  key(event) {
    const directions = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
    if (event.key === '+' || event.key === '=') this.scale(1 / 1.25);
    else if (event.key === '-') this.scale(1.25);
    else if (event.key === '0' && this.all !== undefined) this.look(this.all);
    else if (event.key in directions) this.step(directions[event.key]);
    else return;
    event.preventDefault();
  }

  /** The nearest node in a direction takes the focus; the first one when none has it. */
  step([dx, dy]) {
    const list = [...this.nodes.values()];
    const from = list.find(({ group }) => group === document.activeElement);
    if (from === undefined) { list[0]?.group.focus(); return; }               // the whole is still shown
    let best;
    let least = Infinity;
    for (const to of list) {
      const along = (to.x - from.x) * dx + (to.y - from.y) * dy;
      const across = Math.abs((to.x - from.x) * dy) + Math.abs((to.y - from.y) * dx);
      if (along > 1 && along + 2 * across < least) { best = to; least = along + 2 * across; }
    }
    if (best === undefined) return;
    best.group.focus();
    const { view } = this;
    if (view.width > READABLE) this.look({ x: best.x - READABLE / 2, y: best.y - READABLE / 4, width: READABLE, height: READABLE / 2 });
    else if (best.x < view.x || best.x > view.x + view.width || best.y < view.y || best.y > view.y + view.height) this.look({ ...view, x: best.x - view.width / 2, y: best.y - view.height / 2 });
  }
}

const graphView = new GraphView(byId('graph'));
const list = (id, texts) => byId(id).replaceChildren(...texts.map((textContent) => Object.assign(document.createElement('li'), { textContent })));

function showGraph(graph) {
  graphView.show(graph);
  list('decisions', graph.decisions.map(({ what, about, why }) => `${shortName(about)}: ${what}, ${why}`));
  list('resources', graph.resources.map(({ name, used, limit, isNearLimit }) => `${name}: ${amount(name, used)}${limit === undefined ? '' : ` of ${amount(name, limit)}`}${BUSY.has(name) ? ' busy' : ''}${isNearLimit ? ', near its limit' : ''}`));
}

function showThreads(threads) {
  byId('threads-note').textContent = threads.length > LIST_MAX ? `The first ${LIST_MAX} of ${threads.length.toLocaleString('en')}.` : threads.length === 0 ? 'None now.' : `${threads.length} ${threads.length === 1 ? 'thread' : 'threads'}; one opens to show its stack.`;
  fill(byId('threads'), ['thread', 'core', 'root', 'status', 'waits for', 'since', 'held by', 'spawned at'], threads.slice(0, LIST_MAX).map(({ id, name, worker, root, status, waitingFor = [], waitingMs, heldBy = [], site = '', frames = [] }) =>
    [{ text: `${name} ${id}`, below: frames.length === 0 ? ['no frames: it has not waited yet, or is not compiled'] : frames.map((frame) => `at ${frame}`) }, worker, shortName(root), status, waitingFor.join(', '), waitingMs === undefined ? '' : `${round(waitingMs / 1000)} s`, heldBy.join(', '), shortName(site)]));
}

// ---- the loop ----

async function get(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response.json();
}

for (;;) {
  try {
    const [figures, graph, threads] = await Promise.all([get('stats.json'), get('graph.json'), get('threads.json')]);
    show(figures);
    showGraph(graph);
    showThreads(threads);
    document.documentElement.dataset.shown = String(Number(document.documentElement.dataset.shown ?? 0) + 1);
  } catch (error) {
    byId('status').textContent = `no answer: ${error.message}`;
    byId('status').className = 'bad';
  }
  await new Promise((resolve) => { setTimeout(resolve, EVERY_MS); });
}
