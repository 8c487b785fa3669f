/** A file that cannot be judged: missing, too large, binary, or no YAML. The message says what to do. */
export class UnreadableError extends Error {}

/** Largest input that is read, in bytes; the CRDs of the largest chart known to us are 6 MiB. */
export const MAXIMUM_BYTES = 16 * 1024 * 1024;

/** Reads text and stops as soon as there is too much of it, so that endless files end. */
export async function readText(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const parts: string[] = [];
  let bytes = 0;
  try {
    for await (const chunk of chunks) {
      bytes += chunk.length;
      if (bytes > MAXIMUM_BYTES) {
        throw new UnreadableError(`larger than ${MAXIMUM_BYTES / 1024 / 1024} MiB; split it`);
      }
      if (chunk.includes(0)) throw new UnreadableError("binary data, not YAML or JSON");
      parts.push(decoder.decode(chunk, { stream: true }));
    }
    parts.push(decoder.decode());
  } catch (error) {
    if (error instanceof UnreadableError) throw error;
    if (error instanceof TypeError) throw new UnreadableError("not UTF-8 text; is it binary?");
    throw new UnreadableError(`cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  return parts.join("");
}
