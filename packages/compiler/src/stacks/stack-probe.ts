/**
 * How much native stack is left. JavaScript cannot ask; it can only try, and be told by a RangeError. Two ways:
 *
 *   push   `Reflect.apply` with n arguments first compares 8n bytes with V8's stack limit, then pushes them: exact from the first call, 10–35 us.
 *   frame  a function with n registers. Interpreted it fills them (as dear as a push); compiled by Maglev or TurboFan it keeps none of them, but its entry
 *          still compares the interpreter's frame size with the limit, for it may have to go back there: exact, in 10–25 ns, at any size.
 *          Making it costs about 10 ms, so it is made when pushes have cost as much. Whether it tells the truth is tried out near the end of the stack,
 *          against the push; if it does not, pushes go on for good.
 */

/** Bytes that are never given out: native code, functions without checks, and the driver run in them. */
const RESERVE_BYTES = 96 * 1024;
const STEPS = [{ bytes: 352 * 1024, credit: 256 * 1024 }, { bytes: 160 * 1024, credit: 64 * 1024 }] as const;
const FRAME_CREDIT = 32 * 1024;
/** Inside of a driver less is kept: what stands between drivers are frames that cannot be moved. */
const INNER = { bytes: 64 * 1024, credit: 16 * 1024 } as const;
const PUSHES_BEFORE_FRAME = 256;
const WORD_BYTES = 8;

const nothing = (): void => { /* only its arguments count */ };
const words = new Map<number, readonly number[]>();

/** Whether `bytes` of native stack are left, by pushing them. */
function push(bytes: number): boolean {
  let list = words.get(bytes);
  if (list === undefined) { list = new Array<number>(bytes / WORD_BYTES).fill(0); words.set(bytes, list); }
  try { Reflect.apply(nothing, undefined, list); return true; } catch { return false; }
}

type FrameProbe = (shape: { x: number; y: number }, always: number) => number;

/** A function of so many registers that its frame has `bytes`. It is too long to be inlined: inlined, its frame size would count as its caller's. */
function makeFrameProbe(bytes: number): FrameProbe {
  const names = Array.from({ length: bytes / WORD_BYTES }, (_, k) => `r${k.toString(36)}`).join(',');
  return new Function('shape', 'always', `var ${names};if(always===0){${'shape.x=shape.y;'.repeat(120)}}return shape.x;if(false){${names}}`) as FrameProbe;   // oxlint-disable-line no-new-func -- registers cannot be counted out by hand
}

/** Objects of different shapes: reading them needs a place to which compiled code can go back, and with it the frame's size. */
const shapes = [{ x: 0, y: 0 }, { y: 0, x: 0 }, { z: 0, x: 0, y: 0 }, { w: 0, x: 0, y: 0 }, { v: 0, x: 0, y: 0 }, { u: 0, x: 0, y: 0 }];

export class StackProbe {
  #pushes = 0;
  #frame: FrameProbe | undefined;
  #frameCalls = 0;
  #nextTrial = 64;

  /** Bytes that may be used before the next probe; 0: the stack is short. @param isInside  of a driver */
  credit(isInside: boolean): number {
    if (isInside) return push(INNER.bytes) ? INNER.credit : 0;
    if (this.#frame !== undefined && this.#isTrue()) return this.#fits(this.#frame) ? FRAME_CREDIT : 0;
    this.#pushes += 1;
    if (this.#pushes === PUSHES_BEFORE_FRAME && push(STEPS[0].bytes)) this.#frame = makeFrameProbe(RESERVE_BYTES + FRAME_CREDIT);
    for (const { bytes, credit } of STEPS) if (push(bytes)) return credit;
    return 0;
  }

  #fits(frame: FrameProbe): boolean {
    try { frame(shapes[this.#frameCalls++ % shapes.length] as { x: number; y: number }, 1); return true; } catch { return false; }
  }

  /** Tries the frame probe where it must say no. At powers of two: V8 may compile it anew at any time, but does so ever more rarely. */
  #isTrue(): boolean {
    if (this.#frameCalls < this.#nextTrial) return true;
    this.#nextTrial *= 2;
    if (saysNoAtTheEnd(() => this.#fits(this.#frame as FrameProbe))) return true;
    this.#frame = undefined;
    return false;
  }
}

/** Goes down until half of what the frame probe asks for is left, and asks it there. */
function saysNoAtTheEnd(fits: () => boolean): boolean {
  if (!push(INNER.bytes)) return true;
  const descend = (step: number): boolean => (push(INNER.bytes) && step < 4096 ? Reflect.apply(descend, undefined, [step + 1, ...padding]) as boolean : !fits());
  return descend(0);
}
/** 16 KiB a step. */
const padding = new Array<number>(2048).fill(0);
