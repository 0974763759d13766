/** Every worker loads this file, and few tasks read a key. So the hash is loaded with the first key. */
const crypto = () => process.getBuiltinModule('node:crypto');

/** The characters of a key that tell documents apart: 128 bits of the id's hash, in hex. */
const idLength = 32;

/** The key of a document: see `Context.key`. It may be sent in a header, whatever characters the ids have. */
export function documentKey(runId: string, id: string): string {
  const hash = crypto().createHash('sha256').update(id).digest('hex');
  return `${encodeURIComponent(runId)}-${hash.slice(0, idLength)}`;
}
