// Every answer leaves through here: content type, length, and the headers that keep a browser from guessing.
import { createHash } from 'node:crypto';
export const stylesheet = `
:root { color-scheme: light dark; font: 16px/1.6 system-ui, sans-serif }
body { max-width: 50rem; margin: 2rem auto; padding: 0 1rem }
pre { overflow-x: auto; padding: .75rem; border: 1px solid #8884; border-radius: .4rem }
code { font: .9em ui-monospace, monospace }
nav { columns: 2; font-size: .9em }
table { border-collapse: collapse } td, th { border: 1px solid #8884; padding: .2rem .6rem }
img { max-width: 100% }`;
const styleHash = createHash('sha256').update(stylesheet).digest('base64');
const securityHeaders = {
    'content-security-policy': `default-src 'none'; style-src 'sha256-${styleHash}'; img-src https: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-resource-policy': 'same-origin',
};
function answer(status, type, body, more = {}) {
    const headers = { 'content-type': type, 'content-length': String(Buffer.byteLength(body)), ...securityHeaders, ...more };
    return new Response(body, { status, headers });
}
export function html(page) {
    return answer(200, 'text/html; charset=utf-8', page, { 'cache-control': 'public, max-age=60' });
}
export function json(value, status = 200, more = {}) {
    return answer(status, 'application/json; charset=utf-8', JSON.stringify(value), { 'cache-control': 'no-store', ...more });
}
export function markdown(source) {
    return answer(200, 'text/markdown; charset=utf-8', source, { 'cache-control': 'public, max-age=60' });
}
/** A refusal, or a failure, in the form of RFC 9457. */
export function problem(status, title, more = {}) {
    return answer(status, 'application/problem+json; charset=utf-8', JSON.stringify({ status, title }), { 'cache-control': 'no-store', ...more });
}
/** The same answer for HEAD: its headers, not its body. */
export function withoutBody(response) {
    return new Response(null, { status: response.status, headers: response.headers });
}
const entities = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
export function escapeHtml(text) {
    return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? character);
}
//# sourceMappingURL=responses.js.map