import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ArchiveError, readArchive, writeArchive } from "../../../tools/charts/archive.ts";
import { chartArchive, chartFiles, temporaryFolder, writeFolder } from "./support.ts";

const pathPart = fc.stringMatching(/^[a-zA-Zäß0-9_][a-zA-Zäß0-9_.-]{0,60}$/);
const anyFiles = fc
  .array(fc.tuple(fc.array(pathPart, { minLength: 1, maxLength: 4 }), fc.uint8Array({ maxLength: 1500 })), {
    minLength: 1,
    maxLength: 8,
  })
  .map((list) => new Map(list.map(([parts, bytes]) => [parts.join("/"), Buffer.from(bytes)])));

describe("chart archives", () => {
  it("hold what was packed, whatever the names' lengths", () => {
    fc.assert(
      fc.property(anyFiles, (files) => {
        const read = readArchive(writeArchive("chart", files));
        expect(new Map([...read].sort())).toEqual(new Map([...files].sort()));
      }),
      { numRuns: 60 },
    );
  });

  it("are the same bytes for the same files in any order", () => {
    const files = chartFiles();
    expect(writeArchive("tiny", new Map([...files].reverse()))).toEqual(writeArchive("tiny", files));
  });

  it.each(["ustar", "pax", "gnu"])("of tar's %s format are read, and tar reads ours", (format) => {
    const folder = temporaryFolder();
    const long = `templates/${"long".repeat(40)}.yaml`;
    const files = new Map([
      ...chartFiles(),
      ...(format === "ustar" ? [] : [[long, Buffer.from("x")] as const]),
    ]);
    writeFolder(join(folder, "tiny"), files);
    execFileSync("tar", ["czf", "tiny.tgz", `--format=${format}`, "tiny"], { cwd: folder });
    expect(new Map([...readArchive(readFileSync(join(folder, "tiny.tgz")))].sort())).toEqual(
      new Map([...files].sort()),
    );
    const listed = execFileSync("tar", ["tzf", "-"], { input: writeArchive("tiny", files) }).toString();
    expect(listed.trim().split("\n").sort()).toEqual([...files.keys()].map((path) => `tiny/${path}`).sort());
  });

  it("cut short anywhere are refused", () => {
    const archive = chartArchive();
    for (let length = 0; length < archive.length; length += 7) {
      expect(() => readArchive(archive.subarray(0, length))).toThrow(ArchiveError);
    }
  });

  it("with a changed byte are refused", () => {
    const archive = Buffer.from(chartArchive());
    const middle = archive.length >> 1;
    archive.writeUInt8(archive.readUInt8(middle) ^ 0xff, middle);
    expect(() => readArchive(archive)).toThrow(ArchiveError);
  });

  it("that lead out of their folder are refused", () => {
    const archive = writeArchive("tiny", new Map([["../../outside", Buffer.from("x")]]));
    expect(() => readArchive(archive)).toThrow(/leaves it/);
  });

  it("that are no archive at all are refused", () => {
    expect(() => readArchive(Buffer.from("<html>not found</html>"))).toThrow(ArchiveError);
  });
});
