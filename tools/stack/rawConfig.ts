/**
 * A stack file's configuration as the engine hands it to a program: text stays, all else becomes JSON.
 * Values that only the engine can decrypt are left out.
 */
export function rawConfig(config: Readonly<Record<string, unknown>>): Record<string, string> {
  const raw: Record<string, string> = {};
  for (const [key, value] of Object.entries(config)) {
    if (typeof value === "object" && value !== null && "secure" in value) continue;
    raw[key] = typeof value === "string" ? value : JSON.stringify(value);
  }
  return raw;
}
