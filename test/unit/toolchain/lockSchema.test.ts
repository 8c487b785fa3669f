import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { projectRoot } from "../../../tools/lib/paths.ts";
import { lockPath, parseLock, readLock, releaseFor } from "../../../tools/toolchain/lockSchema.ts";
import { expand, platformOf, platforms } from "../../../tools/toolchain/platform.ts";
import { fits } from "../../../tools/toolchain/version.ts";

describe("the lock in the repository", () => {
  const tools = Object.entries(readLock().tools);
  const names = tools.map(([name]) => name);
  const builds = tools.flatMap(([name, spec]) =>
    spec.go === undefined ? [] : [{ name, spec, go: spec.go }],
  );

  test("names what the local stack needs", () => {
    expect(names).toEqual(expect.arrayContaining(["pulumi", "pulumi-language-nodejs", "kubectl", "helm"]));
    expect(names).toEqual(expect.arrayContaining(["etcd", "kube-apiserver", "kwok", "minio", "k3d"]));
  });

  test.each(tools)("%s: the version that it supplies is one that it would accept on PATH", (_name, spec) => {
    if (spec.onPath === undefined) return;
    expect(fits(spec.version, spec.onPath.range)).toBe(true);
    expect(fits(spec.buildVersion ?? spec.version, spec.onPath.range)).toBe(true);
  });

  test.each(tools)("%s: can be had on every platform", (_name, spec) => {
    for (const platform of platforms) {
      expect(releaseFor(spec, platform) !== undefined || spec.go !== undefined, platform).toBe(true);
    }
  });

  test.each(builds)("$name: its Go module and flags name the version of the lock", ({ name, spec, go }) => {
    const folder = join(projectRoot, "tools/toolchain/go", go.module);
    expect(existsSync(join(folder, "go.sum"))).toBe(true);
    const version = spec.buildVersion ?? spec.version;
    for (const flag of go.ldflags.filter((one) => /version=|Version=/.test(one))) {
      expect(flag).toMatch(new RegExp(`=v?${version}$`));
    }
    // These two are served under pseudo-versions only, so go.mod holds a commit's date instead.
    const required: Record<string, string> = {
      minio: "minio v0.0.0-20260212",
      "pulumi-resource-kubernetes": "provider/v4 v4.0.0-20260304044920-867400a6a208",
    };
    expect(readFileSync(join(folder, "go.mod"), "utf8")).toContain(required[name] ?? ` v${version} `);
  });

  test.each(tools)("%s: names as its neighbour a tool that exists", (_name, spec) => {
    if (spec.beside !== undefined) expect(names).toContain(spec.beside);
  });

  test.each(tools)("%s: every placeholder of its addresses is known", (_name, spec) => {
    for (const template of spec.releases.flatMap((release) => [release.url, ...release.members])) {
      expect(expand(template, "1.0.0", "linux-arm64")).not.toMatch(/[{}]/);
    }
  });
});

describe("a broken lock is refused with the place of the fault", () => {
  const text = readFileSync(lockPath, "utf8");
  const replaced = (from: string | RegExp, to: string): string => {
    const broken = text.replace(from, to);
    expect(broken).not.toBe(text);
    return broken;
  };

  test.each([
    ["a digest that is too short", /"linux-amd64": "\w+"/, '"linux-amd64": "abc"', "SHA-256 in 64"],
    ["an unknown platform", '"linux-amd64"', '"plan9-amd64"', "sha256"],
    ["a misspelt key", '"group"', '"gruop"', "gruop"],
    ["an unknown group", '"group": "core"', '"group": "cloud"', "tools.pulumi.group"],
    ["a range as version", '"version": "3.259.0"', '"version": "^3.0.0"', "an exact version"],
    ["a range that nobody understands", '"range": ">=3.259.0 <4.0.0"', '"range": "~3"', "a range such as"],
    ["a download without TLS", '"url": "https:', '"url": "http:', "https://"],
    ["an archive without members", '"members": ["pulumi/pulumi"]', '"members": []', "at least one"],
  ])("%s", (_name, from, to, message) => {
    expect(() => parseLock(replaced(from, to), "lock.json")).toThrow(message);
  });

  test("two faults are reported at once", () => {
    const once = replaced('"version": "24.21.0"', '"version": "24"');
    const twice = once.replace('"group": "core"', '"group": "cloud"');
    expect(() => parseLock(twice, "lock.json")).toThrow(/node\.version[\s\S]*tools\.pulumi\.group/);
  });

  test("no JSON", () => {
    expect(() => parseLock("{", "lock.json")).toThrow(/lock\.json is not JSON.*Restore it with git/);
  });
});

test("platformOf names what is not supported", () => {
  expect(platformOf("linux", "x64")).toBe("linux-amd64");
  expect(platformOf("darwin", "arm64")).toBe("darwin-arm64");
  expect(() => platformOf("win32", "x64")).toThrow(/win32\/x64 is not supported.*WSL/);
});
