// Preloaded in every process and worker of the tests (vitest.config.ts). Where a module of packages/ imports one beside it by its path, Node need not look for
// it; where it imports one of the packages beside it by name, once is enough. That was a third of the time in which a worker starts from its sources. It is the
// same module, and Node still reads, strips and runs it.
import { registerHooks } from 'node:module';

const packages = new URL('../packages/', import.meta.url).href;
const doors = new Map();

registerHooks({
  resolve(specifier, context, next) {
    if (context.parentURL?.startsWith(packages) !== true) return next(specifier, context);
    if (specifier.startsWith('.') && specifier.endsWith('.ts')) return { url: new URL(specifier, context.parentURL).href, format: 'module-typescript', shortCircuit: true };
    if (!specifier.startsWith('@capriccio/')) return next(specifier, context);
    const found = doors.get(specifier) ?? { ...next(specifier, context), shortCircuit: true };
    doors.set(specifier, found);
    return found;
  },
});
