/**
 * `capriccio/opentelemetry`: a span for each call of a remote function, made by the `@opentelemetry/api` that the program has.
 *
 *     import { instrument } from 'capriccio/opentelemetry';
 *     const instrumentation = instrument();        // instrumentation[Symbol.dispose]() ends it
 *
 * A span is a child of the one that is active where the call is made, from there until its promise has settled. Calls that a worker makes have spans
 * of their own where the app it runs instruments too: each isolate has its own OpenTelemetry.
 */
import { SpanKind, SpanStatusCode, trace, type Span, type TracerProvider } from '@opentelemetry/api';
import { checkObject, refuse, shown } from './check.ts';
import { taskChannel, type TaskMessage } from './diagnostics.ts';
import { versionOf } from './version.ts';

export interface InstrumentOptions { /** Default: the one that is registered globally. */ tracerProvider?: TracerProvider }

/** Begins to make spans. Throws CAP_ERR_OPTION for a provider that is none. */
export function instrument(options?: InstrumentOptions): Disposable {
  const { tracerProvider = trace } = checkObject(options, 'instrument', ['tracerProvider']) as InstrumentOptions;
  if (typeof (tracerProvider as Partial<TracerProvider> | null)?.getTracer !== 'function') refuse(`tracerProvider must be a TracerProvider, not ${shown(tracerProvider)}`);
  const tracer = tracerProvider.getTracer('capriccio', versionOf());
  const spans = new WeakMap<TaskMessage, Span>();
  const subscribers = {
    start(message: TaskMessage): void {
      const [file = '', fn = ''] = message.name.split('#');
      spans.set(message, tracer.startSpan(message.name, { kind: SpanKind.INTERNAL, attributes: { 'code.function.name': fn, 'code.file.path': message.url.startsWith('file:') ? message.url : file } }));
    },
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
