/** The path of a request target or URL, still percent-encoded and never empty: no query, no fragment, and of the absolute form no scheme and host. */
export function pathOf(target: string): string {
  let start = 0;
  if (target.charCodeAt(0) !== 47 && target.includes('://')) {
    start = target.indexOf('/', target.indexOf('://') + 3);
    if (start === -1) return '/';
  }
  let end = target.indexOf('?', start);
  if (end === -1) end = target.length;
  const fragment = target.indexOf('#', start);
  if (fragment !== -1 && fragment < end) end = fragment;
  if (end === start) return '/';
  return start === 0 && end === target.length ? target : target.slice(start, end);
}
