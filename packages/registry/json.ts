import { z } from "zod";

/**
 * The JSON in `body`, checked.
 *
 * @param what For the error: `record state/digits.json in bucket b`.
 * @throws Error that says what is wrong with it.
 */
export function parseJson<Schema extends z.ZodType>(
  body: Uint8Array,
  schema: Schema,
  what: string,
): z.infer<Schema> {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(body));
  } catch (error) {
    throw new Error(`${what} is not JSON: ${(error as Error).message}`);
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new Error(`${what} is not as this version writes it\n${z.prettifyError(parsed.error)}`);
}

/** Bytes of a JSON document, for people too. */
export function formatJson(content: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(content, undefined, 2)}\n`);
}
