/** Helm itself leaves out hidden files among the templates. */
const ALWAYS = "templates/.?*";

/**
 * Reads a `.helmignore` file and returns what it makes Helm leave out when it loads a chart folder.
 *
 * Rules as in Helm: a pattern without a slash matches a file's or folder's name anywhere, with one
 * the path from the chart's folder; a trailing slash means folders only; `#` starts a comment.
 * Negation (`!`) is refused: Helm's own order of rules is disputed there, and no chart of ours uses it.
 *
 * @returns whether a path (relative, `/` between folders) is left out; of a folder, all that is in it.
 * @throws Error on a rule with `!`.
 */
export function helmIgnore(rules: string): (path: string, isFolder: boolean) => boolean {
  const patterns = rules
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
  const negated = patterns.find((pattern) => pattern.startsWith("!"));
  if (negated !== undefined) throw new Error(`.helmignore: rules with "!" are not supported: ${negated}`);

  const compiled = [...patterns, ALWAYS].map((pattern) => ({
    foldersOnly: pattern.endsWith("/"),
    wholePath: pattern.replace(/\/$/, "").includes("/"),
    expression: globExpression(pattern.replace(/\/$/, "").replace(/^\//, "")),
  }));
  return (path, isFolder) => {
    const name = path.slice(path.lastIndexOf("/") + 1);
    return compiled.some(
      ({ foldersOnly, wholePath, expression }) =>
        (isFolder || !foldersOnly) && expression.test(wholePath ? path : name),
    );
  };
}

/** `*`, `?` and `[set]` as in a shell, none of them crossing a slash. */
function globExpression(glob: string): RegExp {
  const source = glob
    .replace(/[.+^${}()|\\]/g, "\\$&")
    .replaceAll("*", "[^/]*")
    .replaceAll("?", "[^/]");
  return new RegExp(`^${source}$`);
}
