/**
 * What compiled code imports as `capriccio:runtime`; CommonJS and scripts find it as a global. Nothing else may be relied on by generated code.
 */
import '@capriccio/compiler/stack';
import { startActivation, startHead } from './activation.ts';
import { began, call0, call1, call2, call3, callMany, enter, enterHead, method0, method1, method2, methodMany, pause, value } from './calls.ts';
import { loopOver } from './for-await.ts';
import { NOW, back, nativeCall0, nativeCall1, nativeCall2, nativeCall3, nativeCallMany, nativeFrame, nativeHead, nativeMethod0, nativeMethod1, nativeMethod2, nativeMethodMany, take } from './native-form.ts';
import { addPoints } from './points.ts';
import { brandPlain, depth, look, lookAsWait, plain, primitives, strips, turns } from './preemption.ts';
import { SUSPENDED } from '../suspended.ts';
import { tail0, tail1, tail2, tail3, tailMany, tailMethod0, tailMethod1, tailMethod2, tailMethodMany } from './tails.ts';
import { brand, brandMethods, wrap, wrapMethods } from './twins.ts';

export {
  NOW, SUSPENDED, addPoints, back, began, brand, brandMethods, brandPlain, call0, call1, call2, call3, callMany, depth, enter, enterHead, look, lookAsWait, loopOver, method0, method1, method2, methodMany, nativeCall0, nativeCall1, nativeCall2, nativeCall3, nativeCallMany, nativeFrame, nativeHead, nativeMethod0, nativeMethod1, nativeMethod2, nativeMethodMany, pause, plain, primitives, startActivation, startHead, strips, tail0, tail1, tail2, tail3, tailMany, tailMethod0, tailMethod1, tailMethod2, tailMethodMany, take, turns,
  value, wrap, wrapMethods,
};

Object.defineProperty(globalThis, Symbol.for('capriccio.runtime'), {
  configurable: true,
  value: {
    NOW, SUSPENDED, addPoints, back, began, brand, brandMethods, brandPlain, call0, call1, call2, call3, callMany, depth, enter, enterHead, look, lookAsWait, loopOver, method0, method1, method2, methodMany, nativeCall0, nativeCall1, nativeCall2, nativeCall3, nativeCallMany, nativeFrame, nativeHead, nativeMethod0, nativeMethod1, nativeMethod2, nativeMethodMany, pause, plain, primitives, startActivation, startHead, strips, tail0, tail1, tail2, tail3, tailMany, tailMethod0, tailMethod1, tailMethod2, tailMethodMany, take, turns,
    value, wrap, wrapMethods,
  },
});
