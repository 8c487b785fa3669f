import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Context } from "../../../tools/toolchain/context.ts";
import { blockers, diagnose, renderFindings } from "../../../tools/toolchain/doctor.ts";
import type { Finding } from "../../../tools/toolchain/machine.ts";
import { execWithGo, goFolder, temporaryFolder, testContext, widgetLock, writeScript } from "./context.ts";

/** Answers for docker and python3; everything else as `fallback`. */
function execWith(answers: Readonly<Record<string, string>>, fallback: Context["exec"]): Context["exec"] {
  return async (command, args, options) => {
    if (command !== "docker" && command !== "python3") return await fallback(command, args, options);
    const stdout = answers[command];
    if (stdout === undefined) throw new Error(`${command}: not found`);
    return { code: 0, stdout, stderr: "" };
  };
}

const python = { python3: "3.12.1 /usr/bin/python3\n" };

function of(findings: readonly Finding[], name: string): Finding | undefined {
  return findings.find((finding) => finding.name === name);
}

/** No test may wait for the network: a platform without releases has nothing to reach. */
const platform = "darwin-amd64" as const;

describe("doctor", () => {
  test("a tool on PATH is ok, with its version and where it is", async () => {
    const folder = temporaryFolder();
    writeScript(join(folder, "widget"), 'echo "widget v1.5.0"');
    const context = testContext({
      platform,
      searchPath: [folder],
      exec: execWith(python, execWithGo(undefined)),
    });
    const findings = await diagnose(context);
    expect(of(findings, "widget")).toMatchObject({
      state: "ok",
      found: `1.5.0 path: ${join(folder, "widget")}`,
    });
    expect(blockers(findings)).toEqual([]);
  });

  test("one that can only be built is no blocker where Go is", async () => {
    const exec = execWith(python, execWithGo("1.26.0"));
    const context = testContext({ platform, exec, searchPath: [goFolder(temporaryFolder())] });
    const findings = await diagnose(context);
    expect(of(findings, "widget")).toMatchObject({ state: "can be had", hint: "install builds it with Go" });
    expect(blockers(findings)).toEqual([]);
  });

  test("a disk too small for all builds is told before the first", async () => {
    const exec = execWith(python, execWithGo("1.26.0"));
    const searchPath = [goFolder(temporaryFolder())];
    const gib = 1024 ** 3;
    const context = { ...testContext({ platform, exec, searchPath }), freeBytes: () => 17.5 * gib };
    const findings = await diagnose(context);
    expect(of(findings, "free disk")).toMatchObject({ state: "missing", wanted: "18 GiB" });
    expect(blockers(findings)).toEqual(["free disk"]);
  });

  test("one that cannot be had blocks, and the table says how to get it and what was found instead", async () => {
    const folder = temporaryFolder();
    writeScript(join(folder, "widget"), 'echo "widget v0.1.0"');
    const context = testContext({
      platform,
      searchPath: [folder],
      exec: execWith(python, execWithGo(undefined)),
    });
    const findings = await diagnose(context);
    expect(blockers(findings)).toEqual(["widget"]);
    const table = renderFindings(findings);
    expect(table).toMatch(
      /missing +widget +1\.2\.3 \(PATH: >=1\.0\.0 <2\.0\.0\) +\S+widget 0\.1\.0 +put widget/,
    );
  });

  test("tools of k3d matter only with a running Docker engine, those of the embedded cluster only without", async () => {
    const lock = widgetLock((draft) => {
      const widget = draft.tools.widget;
      if (widget !== undefined)
        draft.tools = { k3d: { ...widget, group: "k3d" }, etcd: { ...widget, group: "embedded" } };
    });
    const nothing = execWithGo(undefined);
    const without = await diagnose(testContext({ platform, lock, exec: execWith(python, nothing) }));
    expect(blockers(without)).toEqual(["etcd"]);
    const docker = { ...python, docker: "27.0.1\n" };
    const running = await diagnose(testContext({ platform, lock, exec: execWith(docker, nothing) }));
    expect(blockers(running)).toEqual(["k3d"]);
  });

  test("python3 is needed beside the embedded cluster only", async () => {
    const lock = widgetLock((draft) => {
      draft.tools = {};
    });
    const nothing = execWithGo(undefined);
    expect(blockers(await diagnose(testContext({ lock, exec: execWith({}, nothing) })))).toEqual(["python3"]);
    const docker = execWith({ docker: "27.0.1" }, nothing);
    expect(blockers(await diagnose(testContext({ lock, exec: docker })))).toEqual([]);
  });
});
