/**
 * What compiled functions call when the native stack runs short: linked stacks at run time. Synchronous, one per isolate, knows no scheduler.
 *
 * A function on a cycle begins with `if ((credit[0] -= weight) < 0 && stack.lowStack(…)) return stack.deep(twin, this, [arguments])`.
 * or, where it is there only for twins to find (`call`), with `if (credit[0] < 0) return stack.fromTwin(…, twin, this, [arguments])`.
 *   credit     bytes of native stack that may be used up before somebody looks again. It only falls, also where functions return: looking (stack-probe.ts)
 *              is so cheap that giving back is dearer. So nothing has to be undone when a function throws.
 *   lowStack   looks. There is room: new credit, and the function goes on. There is none: `deep`.
 *   deep       runs the twin by a driver: a loop over a chain of frames on the heap. When the first has ended, the native stack goes on where it was.
 *   call       what twins call a value by. A function with a check is called with its stack declared short (`wanted`): its check is the first thing it does,
 *              so nothing else can see that, and gives its frame instead of running. Any other function runs natively, now.
 *
 * Rejected: a depth that each caller sets (1.20 of native on fib, against 1.08, and stores before every call); a brand on each function that has a
 * twin (100 ns for each closure made; here a function tells by its own text, and only once it is called from a heap frame).
 */
import { getHeapStatistics } from 'node:v8';
import { resourceLimits } from 'node:worker_threads';
import { StackProbe } from './stack-probe.ts';
import { loopOf, type Caller, type Frame } from './stack-builtins.ts';
import { STACK_GLOBAL } from './stack-names.ts';

type Twin = (this: unknown, ...args: unknown[]) => Frame;
type Callable = (this: unknown, ...args: unknown[]) => unknown;

export interface StackSettings {
  /** Frames that one chain may have on the heap. Default 4,194,304. */
  readonly framesMax: number;
  /** Makes the error that is thrown beyond it. */
  readonly error: (message: string) => Error;
  /** Of the realm that compiled code runs in. */
  readonly typeError: TypeErrorConstructor;
  /** Every check finds the stack short: for tests. */
  readonly isAlwaysShort: boolean;
}

const MARK = /\.(?:lowStack|fromTwin)\(/;
const MARK_LENGTH = 10;
const DISTANCE_WIDTH = 7;
/** In text that a bundler has printed anew, what stands before the mark of a function's own check: the function's beginning, and nothing of one inside. */
const NO_DISTANCE = -1;
const BEGINNING = /^(?:(?:static|get|set)\s+)*(?:function\b\s*)?[\p{ID_Continue}$#]*\s*\(?[\p{ID_Continue}$,.\s]*\)?\s*(?:=>)?\s*\{?\s*(?:["']use strict["'];?\s*)?(?:return\b|if\b)?[\s(]*[\p{ID_Continue}$.]+\[0\]\s*(?:-=\s*\d+\s*\)?)?\s*<\s*0\s*(?:&&|\?|\)\s*\{?\s*return\b)\s*[\p{ID_Continue}$.]+$/u;
const BEGINNING_MAX = 400;
/** Searched anew each time: shorter than it takes to remember. */
const SHORT_TEXT = 512;
const NAMES_IN_ERROR = 64;
/** Between two looks at the heap; a power of two. */
const FRAMES_A_LOOK = 65_536;
/** Share of the heap's limit at which no more frames are made: what is left is for whoever catches the error. */
const HEAP_SHARE = 0.8;
const { toString } = Function.prototype;

class Stack implements Caller {
  readonly credit: Int32Array = new Int32Array(32);       // 128 bytes: larger than what V8 keeps inside the object, so its address is a constant of compiled code
  /** What `call` gives when the callee's frame is in `frame`. An object, for constructors return objects only. */
  readonly linked: object = Object.freeze({ linked: true });
  frame: Frame | undefined;
  /** The function that a twin has just entered. */
  at = '';
  readonly apply: typeof Reflect.apply = Reflect.apply;
  readonly #probe = new StackProbe();
  readonly #unmarked = new WeakSet<object>();
  #settings: StackSettings = { framesMax: 4_194_304, error: (message) => Object.assign(new RangeError(message), { code: 'CAP_ERR_STACK' }), typeError: TypeError, isAlwaysShort: false };
  #isWanted = false;
  #self: unknown;
  #drivers = 0;
  #frames = 0;
  /** Drivers that were started, and the longest chain: for whoever measures. */
  switches = 0;
  framesHigh = 0;

  configure(settings: Partial<StackSettings>): void { this.#settings = { ...this.#settings, ...settings }; this.credit[0] = this.#settings.isAlwaysShort ? -1 : 0; }

  lowStack(_distance: number): boolean {
    if (this.#isWanted) return true;
    if (this.#settings.isAlwaysShort) { this.credit[0] = -1; return true; }
    const credit = this.#probe.credit(this.#drivers > 0);
    this.credit[0] = credit;
    return credit === 0;
  }

  deep(twin: Twin, self: unknown, args: ArrayLike<unknown>): unknown {
    const frame = Reflect.apply(twin, self, args);
    if (!this.#isWanted) return this.#drive(frame);
    this.#isWanted = false;
    this.#self = self;
    this.frame = frame;
    return this.linked;
  }

  fromTwin(_distance: number, twin: Twin, self: unknown, args: ArrayLike<unknown>): unknown { return this.deep(twin, self, args); }

  /** @param name  of the callee, for the error that says that it is no function */
  call(callee: unknown, self: unknown, args: unknown[], name: string): unknown {
    if (typeof callee !== 'function') throw new this.#settings.typeError(`${name === '' ? 'the value' : name} is not a function`);
    if (this.#isMarked(callee)) return this.#enter(callee, self, args);
    const loop = loopOf(this, callee as Callable, self, args);
    if (loop === undefined) return Reflect.apply(callee, self, args) as unknown;
    this.frame = loop;
    return this.linked;
  }

  construct(callee: unknown, args: unknown[], name: string): unknown {
    if (typeof callee !== 'function') throw new this.#settings.typeError(`${name === '' ? 'the value' : name} is not a constructor`);
    if (!this.#isMarked(callee)) return Reflect.construct(callee, args) as unknown;
    const result = this.#enter(callee, undefined, args, true);
    if (result === this.linked) this.frame = constructed(this.frame as Frame, this.#self);
    return result;
  }

  /** Reads a property whose getter may have a twin. */
  get(object: unknown, key: string): unknown {
    let holder: unknown = object === null || object === undefined ? undefined : Object(object);
    for (; holder !== null && holder !== undefined; holder = Object.getPrototypeOf(holder) as unknown) {
      const found = Object.getOwnPropertyDescriptor(holder, key);
      if (found === undefined) continue;
      return found.get !== undefined && this.#isMarked(found.get) ? this.call(found.get, object, [], key) : (object as Record<string, unknown>)[key];
    }
    return (object as Record<string, unknown>)[key];
  }

  /** The arguments that a template tag is called with. */
  strings(...args: unknown[]): unknown[] { return args; }

  readonly isMarked = (callee: unknown): boolean => typeof callee === 'function' && this.#isMarked(callee);

  /**
   * Whether a function begins with a check: its text has the mark where the mark says that it is. Asked for each call by value, and often of a closure that
   * was made for it: so what is found at once is not remembered, which would be dearer for the collector than to look again.
   */
  #isMarked(callee: object): boolean {
    if (this.#unmarked.has(callee)) return false;
    const text = Reflect.apply(toString, callee, []);
    const at = text.search(MARK);
    if (at >= 0) {
      const distance = Number.parseInt(text.slice(at + MARK_LENGTH, at + MARK_LENGTH + DISTANCE_WIDTH), 10);
      if (distance === at || (distance === NO_DISTANCE && at < BEGINNING_MAX && BEGINNING.test(text.slice(0, at)))) return true;
    }
    if (text.length > SHORT_TEXT) this.#unmarked.add(callee);
    return false;
  }

  /** Calls a function whose check comes first. */
  #enter(callee: Function, self: unknown, args: unknown[], isNew = false): unknown {
    const credit = this.credit[0] as number;
    this.credit[0] = -1;
    this.#isWanted = true;
    try {
      return isNew ? Reflect.construct(callee, args) as unknown : Reflect.apply(callee, self, args) as unknown;
    } finally {
      this.#isWanted = false;
      this.credit[0] = credit;
    }
  }

  /** Runs a chain of frames, innermost first, to its end. */
  #drive(first: Frame): unknown {
    const below: Frame[] = [];
    let frame = first;
    let value: unknown;
    let failed = false;
    const outer = this.#frames;
    this.#drivers += 1;
    this.switches += 1;
    try {
      for (;;) {
        let step: IteratorResult<Frame | undefined, unknown>;
        try {
          step = failed ? frame.throw(value) : frame.next(value);
          failed = false;
        } catch (error) {
          if (below.length === 0) throw error;
          frame = below.pop() as Frame; value = error; failed = true;
          continue;
        }
        if (step.done === true) {
          if (below.length === 0) return step.value;
          frame = below.pop() as Frame; value = step.value;
          continue;
        }
        below.push(frame);
        frame = step.value ?? this.frame as Frame;
        value = undefined;
        this.#frames = outer + below.length;
        if (this.#frames > this.framesHigh) this.framesHigh = this.#frames;
        if (this.#frames < this.#settings.framesMax && (below.length & (FRAMES_A_LOOK - 1)) !== 0) continue;
        const error = this.#excess();
        if (error !== undefined) { frame = below.pop() as Frame; value = error; failed = true; }
      }
    } finally {
      this.#drivers -= 1;
      this.#frames = outer;
    }
  }

  /** Why there may be no more frames; undefined: there may, for now. */
  #excess(): Error | undefined {
    const { framesMax, error } = this.#settings;
    if (this.#frames < framesMax) {
      const { used_heap_size: used, heap_size_limit: reserved } = getHeapStatistics();
      const limit = Math.min(reserved, (resourceLimits.maxOldGenerationSizeMb ?? Infinity) * 2 ** 20);   // V8 counts a young generation in that this does not fill
      if (used < limit * HEAP_SHARE) return undefined;
      return error(`${this.#frames} frames of a recursion through ${this.at} have filled the heap (${Math.round(used / 2 ** 20)} of ${Math.round(limit / 2 ** 20)} MiB); recurse less deeply, or raise resourceLimits.maxOldGenerationSizeMb`);
    }
    this.#recent.add(this.at);
    if (this.#frames < framesMax + NAMES_IN_ERROR) return undefined;         // the next frames tell who takes part
    const names = [...this.#recent].join(', ');
    this.#recent.clear();
    return error(`a recursion has ${framesMax} frames on the heap, as many as framesMax allows; it goes through ${names}; end it sooner, or raise framesMax`);
  }
  readonly #recent = new Set<string>();
}

/** A constructor's frame: gives what `new` gives. */
function* constructed(frame: Frame, self: unknown): Frame {
  const result = yield frame;
  return (typeof result === 'object' && result !== null) || typeof result === 'function' ? result : self;
}

/** The stack of this isolate. */
export const stack: Stack = new Stack();
export const credit: Int32Array = stack.credit;
Object.defineProperty(globalThis, Symbol.for(STACK_GLOBAL), { configurable: true, value: stack });
