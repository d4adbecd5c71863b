/**
 * From the path of a request to a file name below a root, or to nothing. What could mean something else to the file system than it did to
 * the router in front is refused, not repaired: `..`, an encoded slash, a backslash, NUL, bad UTF-8.
 */

/** `%2f`, `%5c` and `%00`: a slash that no router has split at, a Windows slash, the end of a C string. */
const REFUSED_ESCAPE = /%(?:2f|5c|00)/i;

export interface FileName {
  /** Relative to the root, separated by `/`; '' is the root itself. */
  readonly key: string;
  /** The path ended in a slash, or was empty: it names a directory. */
  readonly isDirectory: boolean;
}

/**
 * @param path  percent-encoded, as in a URL, without a query; with or without a leading slash. Empty segments count for nothing.
 * @returns undefined when the path is refused: the caller answers as for a file that is not there
 */
export function fileNameOf(path: string, dotfiles: 'ignore' | 'allow', platform: NodeJS.Platform = process.platform): FileName | undefined {
  let decoded = path;
  if (path.includes('%')) {
    if (REFUSED_ESCAPE.test(path)) return undefined;
    try {
      decoded = decodeURIComponent(path);
    } catch {
      return undefined;
    }
  }
  if (decoded.includes('\0') || decoded.includes('\\')) return undefined;
  const segments = decoded.split('/').filter((segment) => segment !== '');
  for (const segment of segments) {
    if (segment === '.' || segment === '..') return undefined;
    if (dotfiles === 'ignore' && segment.startsWith('.')) return undefined;
    if (platform === 'win32' && /[:*?"<>|]|[. ]$/.test(segment)) return undefined;   // streams, drives, and names that Windows takes for others
  }
  return { key: segments.join('/'), isDirectory: decoded === '' || decoded.endsWith('/') };
}
