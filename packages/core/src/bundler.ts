/**
 * `capriccio/bundler`: plug-ins that find `pool.module(new URL('./images.ts', import.meta.url))`, also of `run` and `serve`, and build the module
 * that it names as an entry of its own, for a worker loads it by its address; the `filename` of a Piscina of ours likewise. Without one a bundler leaves the address of a source behind.
 *
 *     Vite, Rollup, Rolldown   plugins: [capriccio()]
 *     webpack                  plugins: [capriccio.webpack()]      with `output.module`, `experiments.outputModule`
 *     esbuild                  plugins: [capriccio.esbuild()]      with `outdir`, `format: 'esm'`
 *
 * And `capriccio.compile()` beside it, or `compile: true` among the options of the other two, compiles the modules of the application ahead, as the workers of a pool
 * would at load: a bundle that has been compiled is not compiled again.
 *
 * Bundles are for Node: `capriccio` itself stays outside of them (external).
 */
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, extname, relative, resolve } from 'node:path';
import { createHash } from 'node:crypto';
import { COMPILED_MODULE, compilerAhead } from '@capriccio/compiler';
import type { PoolOptions } from './options.ts';

/** `….module<…>(new URL('./x.ts', import.meta.url)`, and `filename: new URL(…)` of a Piscina: what comes before the URL, and the URL. */
const CALL = /(?<call>\.(?:module|run|serve)\s*(?:<(?:[^()<>]|\([^()]*\)|<[^<>]*>)*>)?\(\s*|\bfilename\s*:\s*)new\s+URL\(\s*(?<quote>['"`])(?<path>\.{1,2}\/[^'"`\n]+?\.[cm]?[jt]sx?)\k<quote>\s*,\s*import\.meta\.url\s*,?\s*\)/g;
/** Others have files by that name too. */
const PISCINA = /['"`]capriccio\/piscina['"`]/;
const SOURCE = /\.[cm]?[jt]sx?$/;

/** What is used of a Rollup plug-in's context. */
interface RollupContext {
  emitFile(file: { type: 'chunk'; id: string; name: string; preserveSignature: 'strict' }): string;
  getFileName(reference: string): string;
}
interface RollupOutput { readonly type: string; readonly fileName: string; code?: string }
export interface RollupPlugin {
  readonly name: string;
  readonly enforce: 'pre';
  transform(this: RollupContext, code: string, id: string): { code: string; map: null } | undefined;
  generateBundle(this: RollupContext, options: unknown, bundle: Record<string, RollupOutput>): void;
}

/** A source map as bundlers declare it. */
interface BundlerMap { version: 3; file: string; sources: string[]; sourcesContent: string[]; names: string[]; mappings: string }
/** Of a compiler of a bundle's modules. */
export interface RollupCompiler {
  readonly name: string;
  resolveId(source: string): { id: string; external: true } | undefined;
  /** Rolldown says what a module's text is by now, `moduleType`, and is told. */
  readonly transform: { readonly order: 'post'; handler(code: string, id: string, meta?: object): { code: string; map: BundlerMap; moduleType?: 'js' } | undefined };
}
/** Which modules are compiled: as the option `compile` of a pool says it. */
export type CompilePatterns = Exclude<NonNullable<PoolOptions['compile']>, boolean>;

/** Replaces each address in a module's code by what `address` gives for the file that it names. @returns undefined when there is none */
function rewrite(code: string, importer: string, address: (file: string) => string): string | undefined {
  if (!code.includes('import.meta.url')) return undefined;
  let isChanged = false;
  const rewritten = code.replace(CALL, (found, ...rest) => {
    const { call, path } = rest.at(-1) as { call: string; path: string };
    const file = call.startsWith('filename') && !PISCINA.test(code) ? undefined : sourceOf(resolve(dirname(importer), path));
    if (file === undefined) return found;                              // nothing to build: it stays as it is, and fails where it is called
    isChanged = true;
    return `${call}new URL(${address(file)})`;
  });
  return isChanged ? rewritten : undefined;
}

/** A `.js` that is not there stands for its `.ts`, and the other way round: what is bundled may have been built from what is named. */
function sourceOf(file: string): string | undefined {
  const other = file.replace(/\.(?<kind>[cm]?)(?<language>[jt])s(?<x>x?)$/, (...rest) => {
    const { kind, language, x } = rest.at(-1) as { kind: string; language: string; x: string };
    return `.${kind}${language === 'j' ? 't' : 'j'}s${x}`;
  });
  return [file, other].find((candidate) => existsSync(candidate));
}

const nameOf = (file: string): string => basename(file, extname(file));
/** The same in each build, wherever the project lies. */
const uniqueName = (file: string, root: string): string => `${nameOf(file)}-${createHash('sha256').update(relative(root, file)).digest('hex').slice(0, 8)}`;

/** Stands in the code for the address of a chunk, which has its name only when all have been made. */
const MARK = /capriccio-module:(?<reference>[\w$-]+):/g;

function rollupPlugin(): RollupPlugin {
  return {
    name: 'capriccio',
    enforce: 'pre',
    transform(code, id) {
      const [file] = id.split('?', 1) as [string];
      if (!SOURCE.test(file)) return undefined;
      const rewritten = rewrite(code, file, (source) => `'capriccio-module:${this.emitFile({ type: 'chunk', id: source, name: nameOf(source), preserveSignature: 'strict' })}:', import.meta.url`);
      return rewritten === undefined ? undefined : { code: rewritten, map: null };
    },
    generateBundle(_, bundle) {
      for (const output of Object.values(bundle)) {
        if (output.code === undefined) continue;
        output.code = output.code.replace(MARK, (...rest) => addressBetween(output.fileName, this.getFileName((rest.at(-1) as { reference: string }).reference)));
      }
    },
  };
}

function addressBetween(from: string, to: string): string {
  const path = relative(dirname(from), to).replaceAll('\\', '/');
  return path.startsWith('.') ? path : `./${path}`;
}

/** Compiles when the other plug-ins have had their turn. */
function rollupCompiler(patterns: CompilePatterns = {}): RollupCompiler {
  const compileModule = compilerAhead(patterns);
  return {
    name: 'capriccio:compile',
    resolveId: (source) => (source === COMPILED_MODULE ? { id: source, external: true } : undefined),
    transform: {
      order: 'post',
      handler(code, id, meta = {}) {
        const { moduleType } = meta as { moduleType?: string };
        const compiled = compileModule(code, id.split('?', 1)[0] as string, moduleType === 'ts');
        return compiled === undefined ? undefined : { code: compiled.code, map: compiled.map as BundlerMap, ...moduleType === undefined ? {} : { moduleType: 'js' } };
      },
    },
  };
}

/** What is used of esbuild. */
interface EsbuildOptions { outdir?: string; plugins?: unknown[]; format?: string; splitting?: boolean; outExtension?: Record<string, string>; [option: string]: unknown }
interface EsbuildBuild {
  readonly initialOptions: EsbuildOptions;
  readonly esbuild: { build(options: object): Promise<unknown> };
  onResolve(filter: { filter: RegExp }, resolve: (args: { path: string }) => { path: string; external: true } | undefined): void;
  onLoad(filter: { filter: RegExp; namespace?: string }, load: (args: { path: string }) => Promise<{ contents: string; loader: string } | undefined>): void;
  onStart(start: () => void): void;
  onEnd(end: () => Promise<void>): void;
}
/** `compile`: the modules of the application are compiled ahead, or those that it says. */
export interface EsbuildPluginOptions { readonly compile?: boolean | CompilePatterns }
/** `build` is esbuild's own: its types are not asked for here. */
export interface EsbuildPlugin { readonly name: string; setup(build: object): void }

const NAME = 'capriccio';

/** Built modules lie in `outdir`, wherever what calls them lies: their addresses are taken from there. */
function esbuildPlugin({ compile = false }: EsbuildPluginOptions = {}): EsbuildPlugin {
  const compileModule = compile === false ? undefined : compilerAhead(compile === true ? {} : compile);
  /** Modules that are being built, by file: one may name itself, or two each other, so none waits for another. */
  const building = new Map<string, Promise<unknown>>();

  function load(build: EsbuildBuild): void {
    const { initialOptions } = build;
    const plugins = [...(initialOptions.plugins ?? []).filter((plugin) => (plugin as { name?: string }).name !== NAME), { name: NAME, setup: load }];
    build.onResolve({ filter: new RegExp(`^${COMPILED_MODULE}$`) }, ({ path }) => ({ path, external: true }));
    build.onLoad({ filter: SOURCE, namespace: 'file' }, async ({ path }) => {
      const source = readFileSync(path, 'utf8');
      const code = rewrite(source, path, (file) => {
        const name = uniqueName(file, process.cwd());
        if (!building.has(file)) building.set(file, build.esbuild.build({ ...initialOptions, plugins, entryPoints: { [name]: file }, entryNames: '[name]' }));
        return `'./${name}${initialOptions.outExtension?.['.js'] ?? '.js'}', import.meta.url`;
      });
      const compiled = compileModule?.(code ?? source, path, /\.[cm]?ts$/.test(path));
      if (compiled !== undefined) return { contents: `${compiled.code}\n//# sourceMappingURL=data:application/json;base64,${Buffer.from(JSON.stringify(compiled.map)).toString('base64')}`, loader: 'js' };
      return code === undefined ? undefined : { contents: code, loader: extname(path).replace(/^\.[cm]?/, '') };
    });
  }

  return {
    name: NAME,
    setup(given) {
      const build = given as EsbuildBuild;
      const { outdir, format, splitting } = build.initialOptions;
      if (typeof outdir !== 'string' || format !== 'esm' || splitting === true) throw new Error("capriccio/bundler needs esbuild's outdir and format: 'esm', without splitting: a worker loads each module by its address");
      build.onStart(() => building.clear());
      load(build);
      build.onEnd(async () => {
        for (let count = 0; count !== building.size;) {                  // each may have named more
          count = building.size;
          await Promise.all(building.values());
        }
      });
    },
  };
}

/** What is used of webpack 5. */
interface WebpackEntry { readonly name: string; readonly library: { readonly type: string } }
interface WebpackCompilation {
  readonly entrypoints: ReadonlyMap<string, { getEntrypointChunk(): { readonly files: Iterable<string> } }>;
  readonly assets: Readonly<Record<string, unknown>>;
  readonly hooks: { readonly processAssets: { tap(options: { name: string; stage: number }, work: () => void): void } };
  addEntry(context: string, dependency: object, entry: WebpackEntry, done: (error?: Error | null) => void): void;
  updateAsset(name: string, change: (source: WebpackSource) => WebpackSource): void;
}
interface WebpackSource { source(): string | Buffer }
type WebpackResult = readonly [string | Buffer, ...unknown[]];
interface WebpackCompiler {
  readonly context: string;
  readonly options: { readonly output: { readonly module?: boolean } };
  readonly webpack: {
    readonly library: { readonly EnableLibraryPlugin: new (type: string) => { apply(compiler: WebpackCompiler): void } };
    readonly EntryPlugin: { createDependency(request: string, options: { name: string }): object };
    readonly NormalModule: { getCompilationHooks(compilation: WebpackCompilation): { readonly processResult: { tap(name: string, change: (result: WebpackResult, module: { readonly resource?: string }) => WebpackResult): void } } };
    readonly sources: { readonly ReplaceSource: new (source: WebpackSource) => WebpackSource & { replace(from: number, to: number, text: string): void } };
    readonly Compilation: { readonly PROCESS_ASSETS_STAGE_OPTIMIZE_INLINE: number };
  };
  readonly hooks: {
    readonly environment: { tap(name: string, work: () => void): void };
    readonly thisCompilation: { tap(name: string, work: (compilation: WebpackCompilation) => void): void };
    readonly finishMake: { tapPromise(name: string, work: (compilation: WebpackCompilation) => Promise<void>): void };
  };
}
/** As of `.esbuild()`. */
export type WebpackPluginOptions = EsbuildPluginOptions;
export interface WebpackPlugin { apply(compiler: object): void }

/** A mark stands for the address until files have names. It is taken from the folder of the output: webpack makes a source's own of `import.meta.url`. */
function webpackPlugin({ compile = false }: WebpackPluginOptions = {}): WebpackPlugin {
  const compileModule = compile === false ? undefined : compilerAhead(compile === true ? {} : compile);
  return {
    apply(given) {
      const compiler = given as WebpackCompiler;
      const { EntryPlugin, NormalModule, library, sources, Compilation } = compiler.webpack;
      /** Files to build, by the name of their entry. */
      const wanted = new WeakMap<WebpackCompilation, Map<string, string>>();

      compiler.hooks.environment.tap(NAME, () => {
        if (compiler.options.output.module !== true) throw new Error("capriccio/bundler needs webpack's output.module and experiments.outputModule: a worker imports each module by its address, and its exports by name");
        new library.EnableLibraryPlugin('module').apply(compiler);
      });
      compiler.hooks.thisCompilation.tap(NAME, (compilation) => {
        const files = new Map<string, string>();
        wanted.set(compilation, files);
        NormalModule.getCompilationHooks(compilation).processResult.tap(NAME, (result, { resource }) => {
          const [file] = (resource ?? '').split('?', 1) as [string];
          if (!SOURCE.test(file)) return result;
          const [code, ...rest] = result;
          const rewritten = rewrite(code.toString(), file, (source) => {
            const name = uniqueName(source, compiler.context);
            files.set(name, source);
            return `'capriccio-module:${name}:', __webpack_base_uri__`;
          });
          const compiled = compileModule?.(rewritten ?? code.toString(), file, false);   // loaders have stripped the types
          if (compiled !== undefined) return [compiled.code, compiled.map];              // and an AST that they have made is of another text
          return rewritten === undefined ? result : [rewritten, ...rest];
        });
        compilation.hooks.processAssets.tap({ name: NAME, stage: Compilation.PROCESS_ASSETS_STAGE_OPTIMIZE_INLINE }, () => {
          for (const name of Object.keys(compilation.assets)) compilation.updateAsset(name, (source) => {
            const replaced = new sources.ReplaceSource(source);
            for (const found of source.source().toString().matchAll(MARK)) {
              const [address] = compilation.entrypoints.get(found.groups?.['reference'] as string)?.getEntrypointChunk().files ?? [];
              replaced.replace(found.index, found.index + found[0].length - 1, `./${address}`);
            }
            return replaced;
          });
        });
      });
      compiler.hooks.finishMake.tapPromise(NAME, async (compilation) => {
        const files = wanted.get(compilation) as Map<string, string>;
        for (const [name, file] of files) {                              // each may want more, which come last
          const { promise, resolve: built, reject } = Promise.withResolvers<void>();
          compilation.addEntry(compiler.context, EntryPlugin.createDependency(file, { name }), { name, library: { type: 'module' } }, (error) => { if (error) reject(error); else built(); });
          await promise;
        }
      });
    },
  };
}

/** For Vite, Rollup and Rolldown, and `capriccio.compile()` beside it to compile ahead; `capriccio.esbuild()` for esbuild, `capriccio.webpack()` for webpack. */
const capriccio: {
  (): RollupPlugin;
  readonly compile: (patterns?: CompilePatterns) => RollupCompiler;
  readonly esbuild: (options?: EsbuildPluginOptions) => EsbuildPlugin;
  readonly webpack: (options?: WebpackPluginOptions) => WebpackPlugin;
} = Object.assign(rollupPlugin, { compile: rollupCompiler, esbuild: esbuildPlugin, webpack: webpackPlugin });
export default capriccio;
