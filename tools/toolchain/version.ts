/** Numbers of a release version; a pre-release such as `1.32.4-dispatcher` has none that we compare. */
type Release = readonly [major: number, minor: number, patch: number];

const RANGE_PART = /^(>=|<)(\d+\.\d+\.\d+)$/;

/**
 * Parses `1.35.4`, `v1.35.4` or `v1.35.4+k3s1`. Anything else, pre-releases included, is undefined:
 * a pre-release, a vendor's dispatcher or a development build does not promise what its number says.
 */
export function parseVersion(text: string): Release | undefined {
  const match = /^v?(\d+)\.(\d+)\.(\d+)(\+[\w.-]+)?$/.exec(text.trim());
  if (match === null) return undefined;
  return [Number(match[1]), Number(match[2]), Number(match[3])];
}

function compare(left: Release, right: Release): number {
  return left[0] - right[0] || left[1] - right[1] || left[2] - right[2];
}

/** true if `text` is a range that `fits` understands: `>=a.b.c <d.e.f`, one or more parts. */
export function isRange(text: string): boolean {
  return text.split(" ").every((part) => RANGE_PART.test(part));
}

/** true if `version` is a release within `range` (all parts must hold). */
export function fits(version: string, range: string): boolean {
  const parsed = parseVersion(version);
  if (parsed === undefined) return false;
  return range.split(" ").every((part) => {
    const match = RANGE_PART.exec(part);
    const bound = parseVersion(match?.[2] ?? "");
    if (match === null || bound === undefined) throw new Error(`not a version range: ${range}`);
    const order = compare(parsed, bound);
    return match[1] === ">=" ? order >= 0 : order < 0;
  });
}
