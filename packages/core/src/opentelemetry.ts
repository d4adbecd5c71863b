/**
 * `capriccio/opentelemetry`: a span for each call of a remote function, made by the `@opentelemetry/api` that the program has.
 *
 *     import { instrument } from 'capriccio/opentelemetry';
 *     const instrumentation = instrument({ pool });        // instrumentation[Symbol.dispose]() ends it
 *
 * A span is a child of the one that is active where the call is made, from there until its promise has settled. With a pool its context goes along: in
 * a worker that says `instrument()` too, what is called has the call's span as the active one. Each isolate has its own OpenTelemetry.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, context, propagation, trace, type Context, type Span, type SpanContext, type TracerProvider } from '@opentelemetry/api';
import { currentPoolHandle } from '@capriccio/worker';
import { checkObject, refuse, shown } from './check.ts';
import { taskChannel, type TaskMessage } from './diagnostics.ts';
import type { Pool } from './pool.ts';
import type { PoolHandle } from './thread.ts';
import { versionOf } from './version.ts';

export interface InstrumentOptions {
  /** Default: the one that is registered globally. */
  tracerProvider?: TracerProvider;
  /** Whose calls carry the context: the pool, or in a worker what `pool()` gives, which is the default there. */
  pool?: Pool | PoolHandle;
}

/** What travels of a context: the span, and what the global propagator makes of the rest (baggage). */
interface CarriedContext { readonly span: Omit<SpanContext, 'traceState' | 'isRemote'> | undefined; readonly fields: Record<string, string> }

/** By this name both sides of a call know the store. */
const NAME = 'capriccio.opentelemetry';
/** The span of the call that is being made: its context goes with it, and is active nowhere here. */
let calling: Span | undefined;

/** OpenTelemetry's own context as a store that follows calls, whatever its context manager keeps it in. */
class ContextStore extends AsyncLocalStorage<Context> {
  override getStore(): Context { return calling === undefined ? context.active() : trace.setSpan(context.active(), calling); }
  override run<R, Args extends unknown[]>(store: Context, fn: (...args: Args) => R, ...args: Args): R { return context.with(store, fn, undefined, ...args); }
}
const store = new ContextStore({ name: NAME });

function pack(active: Context): CarriedContext | undefined {
  const fields: Record<string, string> = {};
  propagation.inject(active, fields);
  const found = trace.getSpanContext(active);
  if (found === undefined && Object.keys(fields).length === 0) return undefined;
  return { span: found === undefined ? undefined : { traceId: found.traceId, spanId: found.spanId, traceFlags: found.traceFlags }, fields };
}
function unpack({ span, fields }: CarriedContext): Context {
  const extracted = propagation.extract(ROOT_CONTEXT, fields);
  return span === undefined || trace.getSpanContext(extracted) !== undefined ? extracted : trace.setSpanContext(extracted, { ...span, isRemote: true });
}

/** Begins to make spans. Throws CAP_ERR_OPTION for a provider or a pool that is none. */
export function instrument(options?: InstrumentOptions): Disposable {
  const { tracerProvider = trace, pool = currentPoolHandle() as PoolHandle | undefined } = checkObject(options, 'instrument', ['tracerProvider', 'pool']) as InstrumentOptions;
  if (typeof (tracerProvider as Partial<TracerProvider> | null)?.getTracer !== 'function') refuse(`tracerProvider must be a TracerProvider, not ${shown(tracerProvider)}`);
  if (pool !== undefined && typeof (pool as Partial<PoolHandle> | null)?.context !== 'function') refuse(`pool must be a pool, not ${shown(pool)}`);
  pool?.context<Context, CarriedContext | undefined>(store, { name: NAME, get: pack, set: (carried) => unpack(carried as CarriedContext) });
  const tracer = tracerProvider.getTracer('capriccio', versionOf());
  const spans = new WeakMap<TaskMessage, Span>();
  const subscribers = {
    start(message: TaskMessage): void {
      const [file = '', fn = ''] = message.name.split('#');
      calling = tracer.startSpan(message.name, { kind: SpanKind.INTERNAL, attributes: { 'code.function.name': fn, 'code.file.path': message.url.startsWith('file:') ? message.url : file } });
      spans.set(message, calling);
    },
    end(): void { calling = undefined; },
    error(message: TaskMessage): void {
      const { error } = message;
      const span = spans.get(message);
      span?.recordException(error instanceof Error ? error : String(error));
      span?.setAttribute('error.type', String((error as { code?: unknown } | null)?.code ?? (error as Error | null)?.name ?? '_OTHER'));
      span?.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : String(error) });
    },
    asyncEnd(message: TaskMessage): void {
      spans.get(message)?.end();
      spans.delete(message);
    },
  };
  taskChannel.subscribe(subscribers as never);
  return { [Symbol.dispose]: () => { taskChannel.unsubscribe(subscribers as never); } };
}
