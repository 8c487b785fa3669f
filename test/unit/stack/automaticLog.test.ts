import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { stopAutomaticLog } from "../../../tools/lib/automaticLog.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "mlops-log-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test("a file takes the place of the log folder, in a home that is not there yet", () => {
  const home = join(root, "home");
  stopAutomaticLog(home);
  stopAutomaticLog(home);
  expect(statSync(join(home, "logs")).isFile()).toBe(true);
});

test("a folder with logs goes", () => {
  mkdirSync(join(root, "logs"));
  writeFileSync(join(root, "logs", "local.log"), "debug");
  stopAutomaticLog(root);
  expect(statSync(join(root, "logs")).isFile()).toBe(true);
});
