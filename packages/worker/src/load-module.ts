/**
 * Loads a module by its address. What Node says of one that cannot be parsed does not name the file, which may be any that the module imports: here it does.
 * The load hook knows where (worker-main.ts).
 */
let whereUnparsed: () => string | undefined = () => undefined;
export function setWhereUnparsed(where: () => string | undefined): void { whereUnparsed = where; }

/** Rejects with what loading throws. */
export async function loadModule(url: string): Promise<Record<string, unknown>> {
  try {
    return await import(url) as Record<string, unknown>;
  } catch (error) {
    const place = error instanceof SyntaxError ? whereUnparsed() : undefined;
    throw place === undefined ? error : located(error as SyntaxError, place);
  }
}

/** The same error, which Node keeps and throws again, is left as it is. */
function located(error: SyntaxError, place: string): SyntaxError {
  const { message, code } = error as SyntaxError & { code?: string };
  const here = new SyntaxError(`${message} (${place})`, { cause: error });
  here.stack = `${here.name}: ${here.message}\n    at ${place}`;
  return code === undefined ? here : Object.assign(here, { code });
}
