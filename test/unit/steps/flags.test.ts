import { describe, expect, it } from "vitest";
import {
  modelName,
  number,
  optionalText,
  parseFlags,
  text,
  versionNumber,
} from "../../../apps/steps/lib/flags.ts";

const flags = {
  model: modelName,
  version: versionNumber,
  file: text("a file"),
  note: optionalText("a note"),
  timeout: number("seconds", 60, 1, 3600),
};
const outputs = { epoch: "the epoch" };
const good = ["--model", "digits", "--version", "3", "--file", "/in/a"];

describe("parseFlags", () => {
  it("reads flags and outputs, and fills in defaults", () => {
    const { values, outputs: paths } = parseFlags([...good, "--output-epoch", "/out/epoch"], flags, outputs);
    expect(values).toEqual({ model: "digits", version: 3, file: "/in/a", note: undefined, timeout: 60 });
    expect([...paths]).toEqual([["epoch", "/out/epoch"]]);
  });

  it("takes an empty value for an absent one, and values with an equals sign or a hyphen in front", () => {
    const { values } = parseFlags([...good, "--timeout", "", "--note=--x=1"], flags, outputs);
    expect(values).toMatchObject({ timeout: 60, note: "--x=1" });
  });

  it("names every problem at once", () => {
    const wrong = [
      "--model",
      "Digits/..",
      "--version",
      "0",
      "--timeout",
      "soon",
      "--colour",
      "red",
      "stray",
      "--note",
      "a",
      "--note",
      "b",
    ];
    expect(() => parseFlags(wrong, flags, outputs)).toThrow(
      [
        "stray is not a flag",
        "--note is given twice",
        "--model Digits/..: must be of lower-case letters, digits and hyphens",
        "--version 0: must be a version number from 1",
        "--file is missing: a file",
        "--timeout soon: must be a number from 1 to 3600",
        "--colour is unknown",
      ].join("\n"),
    );
  });

  it("notices a flag without a value at the end", () => {
    expect(() => parseFlags([...good, "--note"], flags, outputs)).toThrow("--note has no value");
  });
});
