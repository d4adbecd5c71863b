export declare const stylesheet = "\n:root { color-scheme: light dark; font: 16px/1.6 system-ui, sans-serif }\nbody { max-width: 50rem; margin: 2rem auto; padding: 0 1rem }\npre { overflow-x: auto; padding: .75rem; border: 1px solid #8884; border-radius: .4rem }\ncode { font: .9em ui-monospace, monospace }\nnav { columns: 2; font-size: .9em }\ntable { border-collapse: collapse } td, th { border: 1px solid #8884; padding: .2rem .6rem }\nimg { max-width: 100% }";
export declare function html(page: string): Response;
export declare function json(value: unknown, status?: number, more?: Record<string, string>): Response;
export declare function markdown(source: Buffer<ArrayBuffer>): Response;
/** A refusal, or a failure, in the form of RFC 9457. */
export declare function problem(status: number, title: string, more?: Record<string, string>): Response;
/** The same answer for HEAD: its headers, not its body. */
export declare function withoutBody(response: Response): Response;
export declare function escapeHtml(text: string): string;
