import { execFileSync, spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { run } from "../../policy/cli/run.ts";
import { createContext } from "../../policy/context.ts";
import { parseManifests } from "../../policy/manifests/parseManifests.ts";
import { MAXIMUM_BYTES, UnreadableError } from "../../policy/manifests/readInput.ts";
import { rules } from "../../policy/rules/catalog.ts";
import { runCli } from "./cliDoor.ts";

const good = `apiVersion: v1
kind: Pod
metadata: {name: cache, namespace: team-a}
spec:
  serviceAccountName: cache
  containers:
    - name: cache
      image: docker.io/library/redis:7.4.1
      resources: {requests: {cpu: 100m, memory: 128Mi}, limits: {memory: 128Mi}}
`;
const bad = good.replace("7.4.1", "latest");
const deferred = good.replace("redis:7.4.1", "redis:{{tag}}");
const advice = `${good}      securityContext: {runAsNonRoot: true}\n`.replace(
  "docker.io/library/redis",
  "own.example/redis",
);
const ownRegistry = "registries: {own: [own.example]}\n";

describe("exit codes", () => {
  test.each([
    ["0 for what is clean", ["a.yaml"], { "a.yaml": good }, 0],
    ["0 for deferred findings", ["a.yaml"], { "a.yaml": deferred }, 0],
    ["0 for advice", ["--context", "c.yaml", "a.yaml"], { "a.yaml": advice, "c.yaml": ownRegistry }, 0],
    ["1 for a mandatory finding", ["a.yaml", "b.yaml"], { "a.yaml": good, "b.yaml": bad }, 1],
    ["1 on standard input", ["-"], { "-": bad }, 1],
    ["2 for a file that is missing", ["no.yaml"], {}, 2],
    [
      "2 for an unreadable file beside a finding",
      ["a.yaml", "b.yaml"],
      { "a.yaml": "a: [", "b.yaml": bad },
      2,
    ],
    ["2 without files", [], {}, 2],
    ["2 for an unknown option", ["--strict", "a.yaml"], { "a.yaml": good }, 2],
    ["2 for an unknown format", ["--format", "xml", "a.yaml"], { "a.yaml": good }, 2],
    ["2 for an unknown stack", ["--stack", "azure", "a.yaml"], { "a.yaml": good }, 2],
    ["2 for a stack whose file is wrong", ["--stack", "torn", "a.yaml"], { "a.yaml": good }, 2],
    [
      "2 for a wrong context",
      ["--context", "c.yaml", "a.yaml"],
      { "a.yaml": good, "c.yaml": "stak: aws" },
      2,
    ],
    ["0 for the list of rules", ["rules"], {}, 0],
    ["0 for help", ["--help"], {}, 0],
  ])("%s", async (_title, argv, files, code) => {
    const result = await runCli(argv, files);
    expect(result.code).toBe(code);
    expect(result.output + result.complaints).not.toBe("");
  });

  test("2 for a mistake of our own, which says nothing about the files", async () => {
    const complaints: string[] = [];
    const code = await run(["a.yaml"], {
      open: async function* () {
        yield new TextEncoder().encode(good);
      },
      list: async () => [],
      stackContext: () => createContext(),
      today: () => "2026-11-21",
      print: () => {
        throw new Error("out of order");
      },
      complain: (text) => complaints.push(text),
    });
    expect([code, complaints]).toEqual([2, [expect.stringContaining("internal error: Error: out of order")]]);
  });

  test("names every wrong setting of a context", async () => {
    const context = `
registries: {own: [HTTPS://x]}
accelerators: {clases: [t4]}
`;
    const { complaints } = await runCli(["--context", "c.yaml", "a.yaml"], {
      "a.yaml": good,
      "c.yaml": context,
    });
    expect(complaints).toContain("own");
    expect(complaints).toContain("clases");
    const knobs =
      'knobs: {image-tag: {tags: ["("], tag: []}, image-tags: {}, gpu-deadline: {maximumSeconds: 0}}';
    const second = await runCli(["--context", "c.yaml", "a.yaml"], { "a.yaml": good, "c.yaml": knobs });
    for (const wrong of ["image-tag.tags.0", '"tag"', "image-tags", "gpu-deadline.maximumSeconds"]) {
      expect(second.complaints).toContain(wrong);
    }
  });
});

describe("what cannot be read", () => {
  const deep = (open: string, count: number): string => `apiVersion: v1\nkind: Pod\nx: ${open.repeat(count)}`;
  const bomb = Array.from({ length: 12 }, (_, i) =>
    i === 0
      ? "a0: &a0 [x, x]"
      : `a${i}: &a${i} [${Array(9)
          .fill(`*a${i - 1}`)
          .join(", ")}]`,
  ).join("\n");
  test.each([
    ["malformed YAML", `${good}  x: [1, 2\n`, /line 11/],
    ["a tab for indentation", `${good}\tx: 1\n`, /[Tt]ab/],
    [
      "a duplicate key",
      good.replace("metadata:", "kind: Secret\nmetadata:"),
      /key kind is there twice, line 3/,
    ],
    ["a cyclic alias", `${good}x: &x\n  - *x\n`, /contains itself/],
    ["an alias bomb", `${good}${bomb}\n`, /alias/],
    ["an alias of nothing", `${good}x: *nothing\n`, /nothing/],
    ["deep lists", deep("[", 20_000), /nested too deeply/],
    ["deep maps", deep("{a: ", 20_000), /nested too deeply/],
    [
      "a carriage return that hides a line",
      good.replace("spec:\n", "spec:\n  #\r  hostPID: true\n"),
      /break.+line 5/,
    ],
    [
      "a next line in a comment",
      good.replace("spec:\n", "spec:\n  #\u0085  hostPID: true\n"),
      /break.+line 5/,
    ],
    ["a line separator in a block", `${good}x: |\n  a\u2028hostPID: true\n`, /break.+line 11/],
    [
      "a merge over what is stated",
      good.replace("metadata:", "spec: {a: 1}\n<<: {kind: ConfigMap}\nmetadata:"),
      /<< brings key kind, which is there already, line 4/,
    ],
    ["merges that disagree", `${good}x: {<<: {a: 1}, <<: {<<: {a: 2}}}\n`, /<< brings key a.+line 10/],
    [
      "merges without end",
      `${good}m: &m {${Array.from({ length: 2000 }, (_, i) => `k${i}`).join(", ")}}\n${"x: [".concat("{<<: *m}, ".repeat(1000), "]\n")}`,
      /too many keys/,
    ],
    ["a merge of itself", `${good}m: &m {<<: *m, a: 1}\n`, /./],
    ["a tag that changes the value", good.replace("kind: Pod", "kind: !!binary UG9k"), /binary.+line 2/],
    ["a tag of nobody", good.replace("spec:", "spec: !secret"), /!secret/],
    ["a number by its tag", good.replace("kind: Pod", "kind: Pod\nx: !!float 8"), /float.+line 3/],
    [
      "a List's item without kind",
      "apiVersion: v1\nkind: List\nitems:\n  - {a: 1}\n",
      /kind is missing, line 4/,
    ],
    ["a list for a key", `${good}? [a, b]\n: 1\n`, /key is no text/],
    ["a document that is a list", "- a\n", /no object/],
    ["a document that is text", "hello\n", /no object/],
    ["an object without kind", "apiVersion: v1\n", /apiVersion or kind is missing, line 1/],
    ["a second document without kind", `${good}---\nkind: 3\n`, /line 11/],
    ["binary data", new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 0, 1]), /binary/],
    ["text in UTF-16", new Uint8Array([0xff, 0xfe, 0x61, 0x62]), /UTF-8/],
    ["a huge file", new Uint8Array(MAXIMUM_BYTES + 1).fill(0x20), /larger than 16 MiB/],
  ])("%s", async (_title, content, message) => {
    const { code, output } = await runCli(["a.yaml"], { "a.yaml": content });
    expect(code).toBe(2);
    expect(output).toMatch(/^a\.yaml: unreadable: /);
    expect(output).toMatch(message);
  });

  test("many keys take no quadratic time", () => {
    const keys = Array.from({ length: 20_000 }, (_, index) => `  k${index}: x`).join("\n");
    // Time of the processor, because a busy machine lets anything wait for seconds.
    const started = process.threadCpuUsage();
    parseManifests(`apiVersion: v1\nkind: ConfigMap\ndata:\n${keys}\n`);
    const { user, system } = process.threadCpuUsage(started);
    // Microseconds. Comparing each with each other one takes more than ten seconds.
    expect(user + system).toBeLessThan(5_000_000);
  });

  test("many steps and sidecars take no quadratic time, and throw nothing", () => {
    const sidecars = Array.from({ length: 60_000 }, (_, index) => ({ name: `s${index}` }));
    const specs = [
      { templates: Array(150_000).fill({ container: {} }) },
      { templates: [{ container: {}, sidecars }], templateDefaults: { sidecars } },
    ];
    const teamMaximum = rules.find(({ name }) => name === "gpu-team-maximum");
    const context = createContext({ namespaces: {} });
    const started = process.threadCpuUsage();
    for (const spec of specs) {
      const workflow = { apiVersion: "argoproj.io/v1alpha1", kind: "Workflow", spec };
      expect(teamMaximum?.check(workflow, context)).toEqual([]);
    }
    const { user, system } = process.threadCpuUsage(started);
    expect(user + system).toBeLessThan(5_000_000);
  });

  test("line breaks between quotes and merges before keys are plain", () => {
    const text = `{"apiVersion": "v1", "kind": "X", "a": "x\u2028y", 'b': 'x\u0085y'}`;
    expect(parseManifests(text)[0]?.value).toMatchObject({ a: "x\u2028y", b: "x\u0085y" });
    const merged =
      "apiVersion: v1\r\nkind: X\r\na: &a {x: 1}\r\nb: {!!merge <<: [*a, {x: 2, z: 2}], z: 3}\r\n";
    expect(parseManifests(merged)[0]?.value.b).toEqual({ x: 1, z: 3 });
  });

  test("empty documents are skipped", () => {
    expect(parseManifests(`---\n# nothing\n---\n${good}---\n`)).toHaveLength(1);
    expect(parseManifests("")).toEqual([]);
  });

  test("YAML is read as Kubernetes reads it", () => {
    const text = "%YAML 1.2\n---\napiVersion: v1\nkind: X\na: [yes, off, 0777, 1_000, 2001-01-01, 22:22]\n";
    expect(parseManifests(text)[0]?.value.a).toEqual([true, false, 511, 1000, "2001-01-01", "22:22"]);
    const numbers = "apiVersion: v1\nkind: X\na: [0o644, -0O10, 0X1f, 0B11, !!int 0o7, 0o8, '0o7']\n";
    expect(parseManifests(numbers)[0]?.value.a).toEqual([420, -8, 31, 3, 7, "0o8", "0o7"]);
    expect(() => parseManifests("a: 1")).toThrow(UnreadableError);
  });
});

test("lists every rule with its settings", async () => {
  const { output } = await runCli(["rules"], {});
  for (const { name, configSchema } of rules) {
    for (const word of [name, ...Object.keys(configSchema.properties)]) expect(output).toContain(word);
  }
});

describe("formats", () => {
  const files = { "dir/a b.yaml": `${good}---\n${bad}` };

  test("text names file, line, rule, object, path and fix", async () => {
    const { output } = await runCli(["dir/a b.yaml"], files);
    expect(output).toContain("dir/a b.yaml:18:14: error [image-tag] Pod team-a/cache: ");
    expect(output).toContain("at $.spec.containers[0].image");
    expect(output).toMatch(/fix: .+\nobjects 2, errors 1, advice 0, deferred 0, unreadable files 0\n$/);
  });

  test("text does what no name of an object says", async () => {
    const name = String.raw`"a\nobjects 1, errors 0\e[2J"`;
    const { output } = await runCli(["a.yaml"], { "a.yaml": bad.replace("name: cache", `name: ${name}`) });
    expect(output).toContain(String.raw`Pod team-a/a\u000aobjects 1, errors 0\u001b[2J: image`);
    expect(output.split("\n")).toHaveLength(5);
  });

  test("JSON holds findings, what was unreadable and a summary", async () => {
    const { output } = await runCli(["--format", "json", "dir/a b.yaml", "no.yaml"], files);
    expect(JSON.parse(output)).toMatchObject({
      summary: { objects: 2, error: 1, advice: 0, deferred: 0 },
      findings: [
        { rule: "image-tag", kind: "violation", level: "mandatory", line: 18, file: "dir/a b.yaml" },
      ],
      unreadable: [{ file: "no.yaml" }],
    });
  });

  test("SARIF has the shape of 2.1.0", async () => {
    const { output } = await runCli(["--format", "sarif", "dir/a b.yaml", "-"], { ...files, "-": deferred });
    const [run] = sarif.parse(JSON.parse(output)).runs;
    expect(run?.results.map(({ ruleId, level }) => [ruleId, level])).toEqual([
      ["image-tag", "error"],
      ["image-reference", "note"],
    ]);
    for (const { ruleId, ruleIndex, locations } of run?.results ?? []) {
      expect(run?.tool.driver.rules[ruleIndex]?.id).toBe(ruleId);
      const { uri } = locations[0].physicalLocation.artifactLocation;
      expect(["dir/a%20b.yaml", "stdin"]).toContain(uri);
    }
    const failed = await runCli(["--format", "sarif", "no.yaml"], {});
    expect(sarif.parse(JSON.parse(failed.output)).runs[0]?.invocations[0]?.executionSuccessful).toBe(false);
  });
});

/** The parts of the SARIF 2.1.0 schema that we write, closed against others. */
const artifact = z.strictObject({
  artifactLocation: z.strictObject({ uri: z.string().regex(/^[\w%./-]+$/) }),
});
const message = z.strictObject({ text: z.string().min(1) });
const level = z.enum(["none", "note", "warning", "error"]);
const sarif = z.strictObject({
  $schema: z.url(),
  version: z.literal("2.1.0"),
  runs: z.array(
    z.strictObject({
      tool: z.strictObject({
        driver: z.strictObject({
          name: z.string(),
          rules: z.array(
            z.strictObject({
              id: z.string(),
              shortDescription: message,
              defaultConfiguration: z.strictObject({ level }),
            }),
          ),
        }),
      }),
      columnKind: z.enum(["utf16CodeUnits", "unicodeCodePoints"]),
      results: z.array(
        z.strictObject({
          ruleId: z.string(),
          ruleIndex: z.int().min(0),
          level,
          message,
          locations: z.tuple([
            z.strictObject({
              physicalLocation: artifact.extend({
                region: z.strictObject({ startLine: z.int().min(1), startColumn: z.int().min(1) }),
              }),
              logicalLocations: z.array(z.strictObject({ fullyQualifiedName: z.string(), kind: z.string() })),
            }),
          ]),
        }),
      ),
      invocations: z.array(
        z.strictObject({
          executionSuccessful: z.boolean(),
          toolExecutionNotifications: z.array(
            z.strictObject({
              level,
              message,
              locations: z.array(z.strictObject({ physicalLocation: artifact })),
            }),
          ),
        }),
      ),
    }),
  ),
});

describe("the program", () => {
  const main = `${import.meta.dirname}/../../policy/cli/main.ts`;
  const corpus = `${import.meta.dirname}/corpus`;

  test("reads files and standard input, and exits with the code", () => {
    const clean = execFileSync(process.execPath, [main, `${corpus}/good/pod-cpu.yaml`], { encoding: "utf8" });
    expect(clean).toContain("errors 0");
    const piped = spawnSync(process.execPath, [main, "-"], { input: bad, encoding: "utf8" });
    expect([piped.status, piped.stderr]).toEqual([1, ""]);
    const missing = spawnSync(process.execPath, [main, "/no/such/file", "/dev/null"], { encoding: "utf8" });
    expect(missing.status).toBe(2);
    expect(missing.stdout).toContain("ENOENT");
  });
});
