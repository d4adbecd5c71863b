// POST /notes: takes a note as JSON, answers with what can be computed from it. Nothing is kept.
import { createHash } from 'node:crypto';
import { json, problem } from './responses.js';
const noteLimits = { bodyBytes: 64 * 1024, titleLength: 200, tags: 16, tagLength: 40 };
export async function postNote(request) {
    const type = request.headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase();
    if (type !== 'application/json')
        return problem(415, 'a note is sent as application/json');
    const body = await readBody(request, noteLimits.bodyBytes);
    if (body === undefined)
        return problem(413, `a note has at most ${noteLimits.bodyBytes} bytes`);
    const note = parseNote(body);
    return typeof note === 'string' ? problem(400, note) : json(summarise(note));
}
/** The whole body, or undefined as soon as it is known to be longer than `bytesMax`: the rest is not waited for. */
async function readBody(request, bytesMax) {
    if (Number(request.headers.get('content-length') ?? 0) > bytesMax)
        return undefined;
    if (request.body === null)
        return Buffer.alloc(0);
    const chunks = [];
    let bytes = 0;
    for await (const chunk of request.body) {
        bytes += chunk.byteLength;
        if (bytes > bytesMax)
            return undefined;
        chunks.push(chunk);
    }
    return Buffer.concat(chunks);
}
/** The note, or what is wrong with it. */
function parseNote(body) {
    let value;
    try {
        value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
    }
    catch {
        return 'the body is not JSON in UTF-8';
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value))
        return 'a note is an object';
    const { title, text, tags = [] } = value;
    if (typeof title !== 'string' || title.trim() === '' || title.length > noteLimits.titleLength)
        return `title: a string of 1 to ${noteLimits.titleLength} characters`;
    if (typeof text !== 'string' || text.trim() === '')
        return 'text: a string that is not empty';
    if (!Array.isArray(tags) || tags.length > noteLimits.tags || !tags.every(isTag))
        return `tags: at most ${noteLimits.tags} strings of 1 to ${noteLimits.tagLength} characters`;
    return { title: title.trim(), text, tags };
}
function isTag(value) {
    return typeof value === 'string' && value.length > 0 && value.length <= noteLimits.tagLength;
}
function summarise(note) {
    const words = note.text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
    const counts = new Map();
    for (const word of words)
        counts.set(word, (counts.get(word) ?? 0) + 1);
    const frequent = [...counts].toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).slice(0, 10);
    return {
        title: note.title,
        tags: [...new Set(note.tags)].toSorted(),
        characters: note.text.length,
        words: words.length,
        distinctWords: counts.size,
        sentences: note.text.match(/[^.!?]+[.!?]*/g)?.length ?? 0,
        frequent: Object.fromEntries(frequent),
        sha256: createHash('sha256').update(note.text).digest('hex'),
    };
}
//# sourceMappingURL=notes.js.map