import { createRequire } from "node:module";
import { describe, expect, test } from "vitest";
import { commandSchema, runSchema } from "../../../tools/plugins/command/command.ts";
import { commandProvider } from "../../../tools/plugins/command/provider.ts";
import { randomProvider, resources } from "../../../tools/plugins/random/provider.ts";
import { standInNotice, standIns } from "../../../tools/plugins/standIns.ts";
import { declaredBySdk } from "./sdkDeclarations.ts";
import { silentLog } from "./support.ts";

const require = createRequire(import.meta.url);

/** An input's type and whether it must be given, as the SDK declares it too. */
function asDeclared(inputs: Readonly<Record<string, { type: string; required?: true }>>) {
  const entries = Object.entries(inputs).map(([name, { type, required }]) => [
    name,
    { type, ...(required && { required }) },
  ]);
  return Object.fromEntries(entries);
}

describe.each(Object.values(standIns))("stand-in for $name", (standIn) => {
  test("has the version of the installed SDK, which asks for that plugin", () => {
    expect(standIn.version).toBe(require(`@pulumi/${standIn.name}/package.json`).version);
  });

  test("is named as a stand-in", () => {
    expect(standInNotice(standIn)).toBe(
      `stand-in for pulumi-resource-${standIn.name} ${standIn.version} (the real plugin could not be had here)`,
    );
  });
});

describe.each(Object.entries(resources))("%s", (token, resource) => {
  const className = token.split(":").at(-1) ?? "";
  const declared = declaredBySdk(`@pulumi/random/r${className.slice(1)}`, className);

  test("has the token, inputs, outputs and secrets that the SDK declares", () => {
    expect(declared.token).toBe(token);
    expect(asDeclared(resource.inputs)).toEqual(declared.inputs);
    expect(Object.keys(resource.outputs).sort()).toEqual([...declared.outputs].sort());
    const secrets = Object.entries(resource.outputs).filter(([, spec]) => spec.secret);
    expect(secrets.map(([name]) => name).sort()).toEqual([...declared.secrets].sort());
  });
});

describe("command:local:Command", () => {
  const declared = declaredBySdk("@pulumi/command/local/command", "Command");

  test("has the token, inputs and outputs that the SDK declares, but for archive and assets", () => {
    expect(declared.token).toBe("command:local:Command");
    expect(asDeclared(commandSchema.inputs)).toEqual(declared.inputs);
    expect([...Object.keys(commandSchema.outputs), "archive", "assets"].sort()).toEqual(
      [...declared.outputs].sort(),
    );
  });

  test("command:local:run takes what the SDK declares", () => {
    const { create, delete: remove, triggers, update, ...base } = commandSchema.inputs;
    expect(runSchema.inputs).toEqual({ ...base, command: { type: "string", required: true } });
  });
});

describe("GetSchema", () => {
  test("describes the random package", async () => {
    const schema = JSON.parse((await randomProvider.getSchema?.()) ?? "");
    expect(schema).toMatchObject({ name: "random", version: "4.21.2" });
    expect(schema.resources["random:index/randomPassword:RandomPassword"]).toMatchObject({
      requiredInputs: ["length"],
      inputProperties: { keepers: { type: "object", additionalProperties: { type: "string" } } },
      properties: { length: { type: "integer" }, result: { type: "string", secret: true } },
    });
    expect(schema.resources["random:index/randomPassword:RandomPassword"].required).toEqual(
      expect.arrayContaining(["bcryptHash", "length", "numeric", "result"]),
    );
  });

  test("describes the command package", async () => {
    const schema = JSON.parse((await commandProvider(silentLog).getSchema?.()) ?? "");
    expect(schema).toMatchObject({ name: "command", version: "1.2.1" });
    expect(schema.resources["command:local:Command"].inputProperties.triggers).toEqual({
      type: "array",
      items: { $ref: "pulumi.json#/Any" },
    });
    expect(schema.functions["command:local:run"].inputs.required).toEqual(["command"]);
  });
});
