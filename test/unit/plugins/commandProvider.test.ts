import { mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { commandProvider } from "../../../tools/plugins/command/provider.ts";
import type { PropertyMap } from "../../../tools/plugins/lib/values.ts";
import { realCommandState } from "./realStates.ts";
import { resourceCalls, secretly, silentLog, unknown, urnOf } from "./support.ts";

const commandType = "command:local:Command";
const folder = realpathSync(mkdtempSync(join(tmpdir(), "command-")));
afterAll(() => rmSync(folder, { recursive: true }));

/** A provider and what it shows to the user. */
function recorded() {
  const shown: { line: string; urn: string }[] = [];
  const progress = (line: string, urn: string) => void shown.push({ line, urn });
  const provider = commandProvider({ ...silentLog, progress });
  return {
    provider,
    shown,
    lines: () => shown.map(({ line }) => line),
    ...resourceCalls(provider, commandType),
  };
}

const command = recorded();

describe("Create", () => {
  test("runs the command and stores inputs and output", async () => {
    const inputs = { create: "echo out; echo err >&2", triggers: ["a", 1] };
    const { id, outs } = await command.create(inputs);
    expect(id).toMatch(/^sample[0-9a-f]{8}$/);
    expect(outs).toEqual({ ...inputs, stdout: "out", stderr: "err" });
  });

  test("runs nothing without a create command", async () => {
    const { outs } = await command.create({ delete: "echo never" });
    expect(outs).toEqual({ delete: "echo never", stdout: "", stderr: "" });
  });

  test("cuts one newline at the end of the output, not more", async () => {
    const { outs } = await command.create({ create: "printf 'a\\n\\n'" });
    expect(outs.stdout).toBe("a\n");
  });

  test.each<[string, PropertyMap, string]>([
    ["environment", { create: "echo $A$B", environment: { A: "1", B: secretly("2") } }, "12"],
    ["its own environment too", { create: 'test -n "$PATH" && echo yes' }, "yes"],
    ["stdin", { create: "cat", stdin: "typed" }, "typed"],
    ["no stdin", { create: "cat" }, ""],
    ["dir", { create: "pwd", dir: folder }, folder],
    ["interpreter", { create: "console.log(6 * 7)", interpreter: ["node", "-e"] }, "42"],
    ["an empty interpreter as the shell", { create: "echo shell", interpreter: [] }, "shell"],
    ["no previous output", { create: "echo [$PULUMI_COMMAND_STDOUT]" }, "[]"],
  ])("gives the command %s", async (_what, inputs, stdout) => {
    const { outs } = await command.create(inputs);
    expect(outs.stdout).toEqual("environment" in inputs ? secretly(stdout) : stdout);
  });

  test("a long input that the command does not read is no error", async () => {
    const { outs } = await command.create({ create: "echo done", stdin: "x".repeat(1_000_000) });
    expect(outs.stdout).toBe("done");
  });

  test.each<[string, PropertyMap]>([
    ["secret environment", { create: "echo $A", environment: { A: secretly("value") } }],
    ["a secret command", { create: secretly("echo value") }],
    ["a secret deep in triggers", { create: "echo value", triggers: [{ a: [secretly("x")] }] }],
  ])("%s makes the output secret, and keeps the inputs as given", async (_what, inputs) => {
    const { outs } = await command.create(inputs);
    expect(outs).toEqual({ ...inputs, stdout: secretly("value"), stderr: secretly("") });
  });
});

describe("Update and Delete", () => {
  const state = { create: "echo first", stdout: "first", stderr: "warned" };

  test("update runs update, else create, with the previous output in the environment", async () => {
    const both = "echo $PULUMI_COMMAND_STDOUT/$PULUMI_COMMAND_STDERR";
    const updated = await command.update(state, { create: "false", update: both });
    expect(updated.outs).toEqual({ create: "false", update: both, stdout: "first/warned", stderr: "" });
    const created = await command.update(state, { create: both });
    expect(created.outs).toEqual({ create: both, stdout: "first/warned", stderr: "" });
  });

  test("previous output stays away where it is not wanted", async () => {
    const create = "echo [$PULUMI_COMMAND_STDOUT]";
    const { outs } = await command.update(state, { create, addPreviousOutputInEnv: false });
    expect(outs.stdout).toBe("[]");
  });

  test("previous secret output arrives in the clear", async () => {
    const { outs } = await command.update(
      { ...state, stdout: secretly("hidden") },
      { create: "test $PULUMI_COMMAND_STDOUT = hidden && echo same" },
    );
    expect(outs.stdout).toBe("same");
  });

  test("update without commands keeps the output", async () => {
    const { outs } = await command.update(state, { delete: "echo gone" });
    expect(outs).toEqual({ delete: "echo gone", stdout: "first", stderr: "warned" });
  });

  test("delete runs delete with the stored environment and output", async () => {
    const file = join(folder, "deleted");
    await command.delete({
      ...state,
      delete: `echo $WHERE $PULUMI_COMMAND_STDOUT > ${file}`,
      environment: { WHERE: "here" },
    });
    expect(readFileSync(file, "utf8")).toBe("here first\n");
    await expect(command.delete({ delete: "exit 4" })).rejects.toThrow(
      "delete command ended with exit code 4",
    );
  });

  test("delete without a command does nothing", async () => {
    await expect(command.delete(state)).resolves.toBeUndefined();
  });
});

describe("failures", () => {
  test.each<[string, PropertyMap, string]>([
    [
      "exit code with the output",
      { create: "echo out; echo err >&2; exit 3" },
      "the create command ended with exit code 3:\n",
    ],
    ["exit code without output", { create: "exit 3" }, "ended with exit code 3 without output"],
    ["a signal", { create: "kill -9 $$" }, "was ended by SIGKILL"],
    ["a missing folder", { create: "pwd", dir: "/no/such/folder" }, "dir /no/such/folder does not exist"],
    [
      "a missing interpreter",
      { create: "x", interpreter: ["no-such-program"] },
      "no-such-program: not found",
    ],
  ])("name %s", async (_what, inputs, message) => {
    await expect(command.create(inputs)).rejects.toThrow(message);
  });

  test("repeat only the end of a long output", async () => {
    const error: Error = await command.create({ create: "seq 100; exit 1" }).catch((caught) => caught);
    expect(error.message.split("\n")).toHaveLength(31);
    expect(error.message).toMatch(/exit code 1 \(last 30 lines\):\n71\n[\s\S]*\n100$/);
  });

  test("show no secret input, in the error or before", async () => {
    const { create, lines } = recorded();
    const inputs = {
      create: "echo $A; echo x-$A-x >&2; exit 1",
      environment: { A: secretly("line one\nline two") },
    };
    const error: Error = await create(inputs).catch((caught) => caught);
    expect(error.message).toContain("x-[secret]");
    expect(`${error.message}${lines().join()}`).not.toMatch(/line (one|two)/);
  });

  test("show nothing that logging forbids", async () => {
    const { create, lines } = recorded();
    const error: Error = await create({ create: "echo hidden; exit 1", logging: "none" }).catch(
      (caught) => caught,
    );
    expect(error.message).toBe("the create command ended with exit code 1");
    expect(lines()).toEqual([]);
  });
});

describe("logging", () => {
  test.each<[string | undefined, string[]]>([
    [undefined, ["err", "out"]],
    ["stdoutAndStderr", ["err", "out"]],
    ["stdout", ["out"]],
    ["stderr", ["err"]],
    ["none", []],
  ])("%s shows %j, as the progress of the resource", async (logging, expected) => {
    const { create, shown, lines } = recorded();
    await create({ create: "echo out; echo err >&2", ...(logging && { logging }) });
    expect(lines().sort()).toEqual(expected);
    expect(shown.every(({ urn }) => urn === urnOf(commandType))).toBe(true);
  });

  test("shows lines as they come", async () => {
    const { create, provider, lines } = recorded();
    const ended = create({ create: "echo begun; exec sleep 60" }).catch((error: Error) => error.message);
    await expect.poll(lines, { timeout: 10_000 }).toEqual(["begun"]);
    await provider.cancel?.();
    expect(await ended).toBe("the create command was cancelled:\nbegun");
  });
});

describe("Cancel", () => {
  test("ends a command whose descendants still hold its output", async () => {
    const { create, provider, lines } = recorded();
    const ended = create({ create: "sleep 20 & echo begun; wait" }).catch((error: Error) => error.message);
    await expect.poll(lines, { timeout: 10_000 }).toEqual(["begun"]);
    await provider.cancel?.();
    expect(await ended).toContain("was cancelled");
  });
});

describe("Check", () => {
  test.each<[PropertyMap, Record<string, string>]>([
    [{ create: 1 }, { create: "must be a string" }],
    [{ environment: { A: 1 } }, { environment: "must be a map of strings" }],
    [{ interpreter: "sh" }, { interpreter: "must be a list of strings" }],
    [{ triggers: "t" }, { triggers: "must be a list" }],
    [{ logging: "loud" }, { logging: "must be one of stdout, stderr, stdoutAndStderr, none" }],
    [{ craete: "x" }, { craete: "is no input of this type" }],
    [{ assetPaths: ["*"] }, { assetPaths: "is not supported by this stand-in" }],
    [{ archivePaths: ["*"] }, { archivePaths: "is not supported by this stand-in" }],
  ])("%j is refused", async (inputs, failures) => {
    expect(await command.failures(inputs)).toEqual(failures);
  });

  test.each<PropertyMap>([
    {},
    { create: secretly("x"), environment: secretly({ A: "1" }), logging: unknown, triggers: unknown },
  ])("%j is accepted as it is", async (inputs) => {
    expect(await command.check(inputs)).toEqual({ inputs, failures: [] });
  });

  test.each([
    "command:remote:Command",
    "command:remote:CopyToRemote",
  ])("%s is refused by name", async (type) => {
    const { failures } = resourceCalls(command.provider, type);
    expect((await failures({}))[""]).toMatch(
      `${type} is not served by the stand-in for pulumi-resource-command 1.2.1`,
    );
    await expect(resourceCalls(command.provider, type).delete({})).rejects.toThrow("is not served");
  });
});

describe("Diff", () => {
  const { inputs, state } = realCommandState;
  const asset = (hash: string, path: string) => ({
    "4dabf18193072939515e22adb298388d": "c44067f5952c0a294b673a41bacd8c17",
    hash,
    path,
  });

  test.each<[string, PropertyMap, { changes: boolean; replaces: string[] }]>([
    ["nothing", inputs, { changes: false, replaces: [] }],
    ["what the engine adds", { ...inputs, __internal: "x", version: "1" }, { changes: false, replaces: [] }],
    ["create", { ...inputs, create: "x" }, { changes: true, replaces: [] }],
    ["update", { ...inputs, update: "x" }, { changes: true, replaces: [] }],
    ["delete", { ...inputs, delete: "x" }, { changes: true, replaces: [] }],
    ["environment", { ...inputs, environment: { A: "2" } }, { changes: true, replaces: [] }],
    ["logging", { ...inputs, logging: "none" }, { changes: true, replaces: [] }],
    ["a trigger", { ...inputs, triggers: ["b", { b: 1 }] }, { changes: true, replaces: ["triggers"] }],
    [
      "a part of a trigger",
      { ...inputs, triggers: ["a", { b: 2 }] },
      { changes: true, replaces: ["triggers"] },
    ],
    [
      "one more trigger",
      { ...inputs, triggers: ["a", { b: 1 }, 2] },
      { changes: true, replaces: ["triggers"] },
    ],
    [
      "an unknown trigger",
      { ...inputs, triggers: [unknown, { b: 1 }] },
      { changes: true, replaces: ["triggers"] },
    ],
    ["no triggers", { ...inputs, triggers: null }, { changes: true, replaces: ["triggers"] }],
  ])("%s", async (_what, now, expected) => {
    expect(await command.diff(state, now)).toEqual(expected);
  });

  test("what is secret in the state only, by additionalSecretOutputs, has not changed", async () => {
    const marked = { ...state, create: secretly("echo create"), environment: secretly({ A: "1" }) };
    expect(await command.diff(marked, inputs)).toEqual({ changes: false, replaces: [] });
  });

  test("an asset is what it contains, not where it lies", async () => {
    const before = { triggers: [asset("1", "here")] };
    expect(await command.diff(before, { triggers: [asset("1", "there")] })).toMatchObject({ changes: false });
    expect(await command.diff(before, { triggers: [asset("2", "here")] })).toMatchObject({ changes: true });
  });

  test("takes over a real state unchanged", async () => {
    expect(await command.read("id", state)).toEqual({ id: "id", props: state });
  });
});

describe("command:local:run", () => {
  const invoke = (token: string, inputs: PropertyMap) => command.provider.invoke?.(token, inputs);

  test("runs a command", async () => {
    const inputs = { command: "echo $A; echo err >&2", environment: { A: "1" } };
    expect(await invoke("command:local:run", inputs)).toEqual({
      outputs: { ...inputs, stdout: "1", stderr: "err" },
    });
  });

  test("fails with its command, and names what is missing", async () => {
    await expect(invoke("command:local:run", { command: "exit 5" })).rejects.toThrow("exit code 5");
    expect(await invoke("command:local:run", {})).toMatchObject({
      failures: [{ property: "command", reason: "is required" }],
    });
    await expect(invoke("command:remote:run", {})).rejects.toThrow("command:remote:run is not served");
  });
});
