/**
 * What compiled code imports as `capriccio:runtime`; CommonJS and scripts find it as a global. Nothing else may be relied on by generated code.
 */
import '@capriccio/compiler/stack';
import { startActivation } from './activation.ts';
import { call0, call1, call2, call3, callMany, enter, method0, method1, method2, methodMany, pause, value } from './calls.ts';
import { loopOver } from './for-await.ts';
import { addPoints } from './points.ts';
import { SUSPENDED } from '../suspended.ts';
import { brand, wrap, wrapMethods } from './twins.ts';

export { SUSPENDED, addPoints, brand, call0, call1, call2, call3, callMany, enter, loopOver, method0, method1, method2, methodMany, pause, startActivation, value, wrap, wrapMethods };

Object.defineProperty(globalThis, Symbol.for('capriccio.runtime'), {
  configurable: true,
  value: { SUSPENDED, addPoints, brand, call0, call1, call2, call3, callMany, enter, loopOver, method0, method1, method2, methodMany, pause, startActivation, value, wrap, wrapMethods },
});
