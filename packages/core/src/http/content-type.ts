/**
 * Content types by file extension: what a web application serves, and octets for the rest.
 *
 * A table of our own instead of mrmime (0 dependencies, 400 types) or mime-types (2, 1,000): a wrong or missing type is a line here, the browser's
 * types change once in years, and core has one dependency for a job that is hard (srvx), none for a list. Text carries its
 * charset, which mrmime leaves out.
 */
const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8', htm: 'text/html; charset=utf-8', css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8', mjs: 'text/javascript; charset=utf-8', cjs: 'text/javascript; charset=utf-8',
  json: 'application/json; charset=utf-8', map: 'application/json; charset=utf-8', jsonld: 'application/ld+json; charset=utf-8',
  webmanifest: 'application/manifest+json; charset=utf-8', geojson: 'application/geo+json; charset=utf-8',
  txt: 'text/plain; charset=utf-8', log: 'text/plain; charset=utf-8', md: 'text/markdown; charset=utf-8', csv: 'text/csv; charset=utf-8',
  ics: 'text/calendar; charset=utf-8', vtt: 'text/vtt; charset=utf-8', xml: 'text/xml; charset=utf-8', xhtml: 'application/xhtml+xml; charset=utf-8',
  rss: 'application/rss+xml; charset=utf-8', atom: 'application/atom+xml; charset=utf-8', yaml: 'application/yaml; charset=utf-8', yml: 'application/yaml; charset=utf-8',
  svg: 'image/svg+xml; charset=utf-8', png: 'image/png', jpg: 'image/jpeg', jpeg: 'image/jpeg', gif: 'image/gif', webp: 'image/webp', avif: 'image/avif',
  ico: 'image/x-icon', bmp: 'image/bmp', tif: 'image/tiff', tiff: 'image/tiff', jxl: 'image/jxl',
  woff: 'font/woff', woff2: 'font/woff2', ttf: 'font/ttf', otf: 'font/otf',
  mp3: 'audio/mpeg', m4a: 'audio/mp4', aac: 'audio/aac', ogg: 'audio/ogg', oga: 'audio/ogg', opus: 'audio/ogg', wav: 'audio/wav', flac: 'audio/flac',
  mp4: 'video/mp4', m4v: 'video/mp4', webm: 'video/webm', ogv: 'video/ogg', mov: 'video/quicktime', ts: 'video/mp2t', m3u8: 'application/vnd.apple.mpegurl', mpd: 'application/dash+xml',
  pdf: 'application/pdf', wasm: 'application/wasm', zip: 'application/zip', gz: 'application/gzip', br: 'application/octet-stream', zst: 'application/zstd',
  tar: 'application/x-tar', '7z': 'application/x-7z-compressed', rtf: 'application/rtf', epub: 'application/epub+zip', glb: 'model/gltf-binary', gltf: 'model/gltf+json',
  docx: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  pptx: 'application/vnd.openxmlformats-officedocument.presentationml.presentation',
};

const types = new Map(Object.entries(TYPES));

/** @param name  a file name or path; what follows its last dot decides, in either case */
export function contentTypeOf(name: string): string {
  return types.get(name.slice(name.lastIndexOf('.') + 1).toLowerCase()) ?? 'application/octet-stream';
}
