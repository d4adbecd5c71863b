/** A fetch app with a light route, and one that blocks its core in the kernel for a second. */
import { execSync } from 'node:child_process';

export default {
  fetch(request: Request): Response {
    if (request.url.endsWith('/block')) execSync('sleep 1');
    return new Response('hello\n', { headers: { 'content-length': '6' } });
  },
};
