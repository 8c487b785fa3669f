/** The type token of a resource: the last of the types that its URN names from the outermost parent down. */
export function typeOf(urn: string): string {
  return urn.split("::")[2]?.split("$").at(-1) ?? "";
}

/** The name that the program gave a resource; it may itself contain the URN's separator. */
export function nameOf(urn: string): string {
  return urn.split("::").slice(3).join("::");
}
