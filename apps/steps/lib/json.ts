/** What a text or a file says, undefined if it is no JSON: then the schema that it is held to says so. */
export function jsonOf(content: string | Uint8Array): unknown {
  try {
    return JSON.parse(
      typeof content === "string" ? content : new TextDecoder("utf-8", { fatal: true }).decode(content),
    );
  } catch {
    return undefined;
  }
}
