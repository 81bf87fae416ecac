/** What text is, and what is written in JSON, XML, text or YAML (RFC 6839). */
const TEXT = /^text\/|\+(?:json|text|xml|yaml)$/;

/** Other types that gain by compression. */
const KNOWN: ReadonlySet<string> = new Set([
  'application/ecmascript',
  'application/graphql',
  'application/javascript',
  'application/json',
  'application/postscript',
  'application/rtf',
  'application/sql',
  'application/toml',
  'application/vnd.ms-fontobject',
  'application/wasm',
  'application/x-javascript',
  'application/x-sh',
  'application/x-www-form-urlencoded',
  'application/x-yaml',
  'application/xml',
  'application/xml-dtd',
  'application/yaml',
  'font/otf',
  'font/ttf',
  'image/bmp',
  'image/vnd.microsoft.icon',
  'image/x-icon',
  'image/x-ms-bmp',
  'message/rfc822',
  'model/gltf-binary',
]);

/** Messages one after the other: whoever reads them waits for each, and some readers undo no coding. */
const STREAMING = /^text\/(?:event-stream|x-ndjson)$|^application\/(?:(?:grpc|connect)\b|stream\+json$)/;

/** Compiles the test of a media type in lower case, without parameters. @param more Types beside the known ones. */
export function compileCompressible(more: readonly string[]): (type: string) => boolean {
  const named = new Set(more.map((type) => type.toLowerCase()));
  return function isCompressible(type) {
    return KNOWN.has(type) || named.has(type) || (TEXT.test(type) && !STREAMING.test(type));
  };
}
