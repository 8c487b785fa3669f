/** A platform that releases are listed for, in Go's spelling. */
export const platforms = ["linux-amd64", "linux-arm64", "darwin-amd64", "darwin-arm64"] as const;
export type Platform = (typeof platforms)[number];

/** The platform of `os` and `arch` in Node's spelling; throws for one that the toolchain does not know. */
export function platformOf(os: string = process.platform, arch: string = process.arch): Platform {
  const name = `${os}-${arch === "x64" ? "amd64" : arch}`;
  const found = platforms.find((platform) => platform === name);
  if (found === undefined) {
    throw new Error(
      `${os}/${arch} is not supported; supported: ${platforms.join(", ")}. On Windows use WSL.`,
    );
  }
  return found;
}

/** Replaces {version}, {os}, {arch} (amd64, arm64) and {nodeArch} (x64, arm64) in a URL or member name. */
export function expand(template: string, version: string, platform: Platform): string {
  const [os = "", arch = ""] = platform.split("-");
  const values: Record<string, string> = { version, os, arch, nodeArch: arch === "amd64" ? "x64" : arch };
  return template.replace(/\{(\w+)\}/g, (whole, key: string) => values[key] ?? whole);
}
