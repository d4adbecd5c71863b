/**
 * `npm run bench` lists the questions; `npm run bench -- peers/tiny-tasks` answers one; `npm run bench -- all` answers all. Each question is a file
 * that exports `bench`.
 */
import { parseArgs } from 'node:util';
import { findings, machine, type Bench, type Finding } from './harness.ts';

const questions: Readonly<Record<string, string>> = {
  'peers/tiny-tasks': 'calls of a tiny function, windows of 100, 1,000 and 50,000, beside piscina and bare postMessage',
  'peers/round-trip': 'one call at a time, hot and after 5 ms idle, beside piscina',
  'peers/payload': 'objects of 1 KB and 64 KB, bytes copied and transferred, beside piscina and bare postMessage',
  'peers/skew': 'one task in twenty takes 20 ms, the rest 0.1 ms: how near to the ideal',
  'peers/million': '1,000,000 calls at once: all done, bytes each, rate',
  'micro/threads': 'spawn, switch, lock, channel, timer, and a million blocked threads, beside native promises, async-mutex, p-limit and Effect',
  'paper/producer-consumer': 'the paper’s bounded buffer with 2 to 1,000,000 threads: does throughput depend on their number',
  'peers/drop-in': 'the same program with piscina and with capriccio/piscina imported',
  'scaling/fork-join': 'fib and quicksort with a cut-off, one worker against two',
  'scaling/curves': 'throughput on 1, 2, … cores, fitted by the Universal Scalability Law, and drawn',
  'micro/linked-stacks': 'what a check of the stack costs on recursive libraries from npm, and a level of recursion on the heap',
  'micro/shared-primitives': 'a mutex handed over, a value there and back, a stream of items between two cores, beside postMessage',
  'servers/light': 'light requests, beside node:cluster with as many processes',
  'servers/mixed': 'what heavy requests (15 ms of Markdown, inline) add to light ones at 50, 90 and 150 % of the CPU, beside node:cluster and piscina by hand',
  'servers/calls': 'system calls a request: pipelined, and a 16 KB file (needs perf or strace)',
  'servers/blocked': 'light requests while one core is blocked in the kernel for a second, again and again, beside node:cluster',
  'servers/stall': 'forty new connections while one worker is stalled for two seconds',
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { cores: { type: 'string', default: '2' }, rounds: { type: 'string', default: '9' }, quick: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
});

if (values.help || positionals.length === 0) {
  console.log('npm run bench -- <question> … [--cores 2] [--rounds 9] [--quick]\n');
  for (const [name, what] of Object.entries(questions)) console.log(`  ${name.padEnd(20)}${what}`);
  process.exit(0);
}
const wanted = positionals.includes('all') ? Object.keys(questions) : positionals;
const unknown = wanted.find((name) => !(name in questions));
if (unknown !== undefined) {
  console.error(`there is no question ${unknown}; npm run bench lists them`);
  process.exit(2);
}

console.log(machine());
const all: Finding[] = [];
for (const name of wanted) {
  console.log(`\n── ${name}: ${questions[name]}`);
  const { bench } = await import(`./${name}.ts`) as { bench: Bench };
  all.push(...await bench({ cores: Number(values.cores), rounds: values.quick ? 3 : Number(values.rounds), quick: values.quick }));
}
findings(all);
