/** All questions that `npm run bench` can answer: a file each that exports `bench`. */
import type { QuestionRecord } from './journal.ts';

interface Question {
  readonly what: string;
  /** Part of the short run that `npm run bench` makes when it is asked for nothing. */
  readonly isShort?: boolean;
}

export const questions: Readonly<Record<string, Question>> = {
  'peers/tiny-tasks': { what: 'calls of a tiny function, windows of 100, 1,000 and 50,000, beside piscina and bare postMessage', isShort: true },
  'peers/round-trip': { what: 'one call at a time, hot and after 5 ms idle, beside piscina', isShort: true },
  'peers/payload': { what: 'objects of 1 KB and 64 KB, bytes copied and transferred, beside piscina and bare postMessage', isShort: true },
  'peers/skew': { what: 'one task in twenty takes 20 ms, the rest 0.1 ms: how near to the ideal', isShort: true },
  'peers/million': { what: '1,000,000 calls at once: all done, bytes each, rate', isShort: true },
  'peers/pools': { what: 'piscina, tinypool, workerpool, poolifier, multithreading, nanothreads, comlink, bare postMessage and the same thread beside each other', isShort: true },
  'peers/failures': { what: 'what goes wrong in a worker, who is told and who is harmed, in every pool', isShort: true },
  'peers/start': { what: 'from nothing to the first answers, and memory of a worker, in every pool', isShort: true },
  'peers/worth': { what: 'when is a call worth it: from which length of a task on, with arguments of nothing, 1 KB and 64 KB, by one caller and by 64', isShort: true },
  'peers/conductor': { what: 'calls while there is no conductor thread for five seconds' },
  'peers/drop-in': { what: 'the same program with piscina and with capriccio/piscina imported' },
  'micro/threads': { what: 'spawn, switch, lock, channel, timer, and a million blocked threads, beside native promises, async-mutex, p-limit and Effect', isShort: true },
  'micro/codec': { what: 'what one value costs on its way through shared memory, beside JSON and v8.serialize', isShort: true },
  'micro/instructions': { what: 'instructions an operation, of structures, codec and threads, by perf or valgrind: what a change costs, without noise' },
  'micro/conductor': { what: 'what the conductor takes of a core with 2 and 16 workers: idle, computing, and with short calls' },
  'micro/recorder': { what: 'what recording the blocking graph costs a segment, and that it counts all', isShort: true },
  'micro/compiled': { what: 'an awaited call, a miss, a wait, a spawn: compiled code beside native, and the bytes of a blocked thread' },
  'micro/preemption': { what: 'what a loop costs in which a thread may be preempted, and how late a thread goes on beside one that computes' },
  'micro/linked-stacks': { what: 'what a check of the stack costs on recursive libraries from npm, and a level of recursion on the heap' },
  'micro/shared-primitives': { what: 'a mutex handed over, a value there and back, a stream of items between two cores, beside postMessage', isShort: true },
  'compiled/real': { what: 'whole programs (Fastify, Hono, Markdown, a crawler, an interpreter) as threads from compiled code, beside native', isShort: true },
  'compiled/start-up': { what: 'the application of npm start, from nothing to its first answer: without the compiler, with a warm cache, with an empty one' },
  'paper/producer-consumer': { what: 'the paper’s bounded buffer with 2 to 1,000,000 threads: does throughput depend on their number', isShort: true },
  'paper/primitives': { what: 'the paper’s table 1: creation, switch, uncontended mutex, recorded and not', isShort: true },
  'paper/pipes': { what: 'the paper’s pipe test: busy pairs beside up to 100,000 idle waiters', isShort: true },
  'paper/disk': { what: 'the paper’s random reads with growing concurrency, beside native async functions', isShort: true },
  'paper/big-stack': { what: 'the paper’s bigstack: 800 to 100,000 threads that call what needs 1 MB of stack, and give way between the calls: memory and time', isShort: true },
  'paper/call-sites': { what: 'share of call sites that lead to a check of the stack, in whole packages, beside Apache’s', isShort: true },
  'paper/web-server': { what: 'static files of SPECweb99’s classes and growing clients, beside node:http and node:cluster', isShort: true },
  'scaling/fork-join': { what: 'fib and quicksort with a cut-off, one worker against two' },
  'scaling/curves': { what: 'throughput on 1, 2, … cores, fitted by the Universal Scalability Law, and drawn', isShort: true },
  'scaling/simulated': { what: 'the scheduling policy on a simulated machine of 1 to 128 cores, fitted by the same law, and drawn beside what is measured here', isShort: true },
  'servers/light': { what: 'light requests, beside node:cluster with as many processes, threads that share a port, Fastify and node:http', isShort: true },
  'servers/cold': { what: 'light requests from the moment at which a fresh server listens, beside node:cluster, threads that share a port, piscina and node:http', isShort: true },
  'servers/onset': { what: 'the first heavy requests that a fresh server has ever had, beside light ones and beside piscina, node:cluster and threads that share a port', isShort: true },
  'servers/urls': { what: 'short and long pages of one route, beside light requests: what a URL takes is known, against the whole route on back lanes, node:cluster and node:http', isShort: true },
  'servers/mixed': { what: 'what heavy requests (15 ms of Markdown, inline) add to light ones at 50, 90 and 150 % of the CPU, beside node:cluster, threads that share a port, and piscina by hand, also with Fastify', isShort: true },
  'servers/calls': { what: 'system calls a request: pipelined, and a 16 KB file (needs perf or strace)', isShort: true },
  'servers/blocked': { what: 'light requests while one core is blocked in the kernel for a second, again and again, beside node:cluster, threads that share a port, and Fastify with piscina by hand', isShort: true },
  'servers/overload': { what: 'five routes at 1 to 8 times the capacity, also with a backlog: goodput by processor time, and each route’s share, beside node:http, node:cluster, threads that share a port, and Fastify with piscina by hand' },
  'servers/refusals': { what: 'what a refused request costs, and when its client knows, beside node:http that answers 503 to everybody' },
  'servers/flood': { what: 'one of eight routes at sixteen times its rate, beside node:http and node:cluster' },
  'servers/memory': { what: 'a route that keeps four times as much of the heap as fits, beside small requests: how full heaps get, beside node:http and node:cluster with the same limit' },
  'servers/skewed-arrivals': { what: 'a quarter of the workers, one of two, has all connections: what part of the work is done in time, beside node:cluster' },
  'servers/shift': { what: 'load, cost and memory of requests that change at once, and back: how soon 0.9 of the new goodput is there, beside node:cluster' },
  'servers/parts': { what: 'what is lost without tickets, without decisions, without forecasts, where a route takes more memory than there is' },
  'servers/stages': { what: 'what is lost without tickets and without decisions, where one stage of a request runs on any core and the next on one alone' },
  'servers/shares': { what: 'three routes with 1, 2 and 4 tickets, each asked for more than there is: what part of a second each gets' },
  'servers/recorder': { what: 'the server of npm start with the recorder and without it: processor time a request' },
  'servers/downstream': { what: 'a route behind a service that thrashes past a concurrency that nobody tells, and that dies for five seconds, beside node:cluster' },
  'servers/slow-clients': { what: 'light requests beside 10,000 idle connections and 1,000 clients of a byte a second, beside node:cluster' },
  'servers/conductor': { what: 'goodput at twice the capacity while the conductor thread is dead, or stalled, for five seconds' },
  'servers/stall': { what: 'forty new connections while one worker is stalled for two seconds', isShort: true },
};

export interface QuestionOptions {
  /** Workers of each side. */
  readonly cores: number;
  readonly rounds: number;
  /** Fewer and smaller rounds: for a first look. */
  readonly quick: boolean;
}

/** What became of a question. */
export interface Answer {
  readonly name: string;
  readonly ms: number;
  readonly record: QuestionRecord;
  /** Why it has no answer, or only a part of one. */
  readonly failure?: string;
}
