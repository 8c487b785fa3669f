import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { main, steps } from "@mlops/steps";
import { afterAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { Environment } from "../../../apps/steps/lib/environment.ts";
import { StepFiles } from "../../../apps/steps/lib/files.ts";
import { formatNotification } from "../../../apps/steps/lib/notification.ts";
import { markdownTable } from "../../../apps/steps/usage.ts";

async function run(argv: readonly string[], environment: NodeJS.ProcessEnv = {}) {
  let out = "";
  let err = "";
  const streams = {
    out: (text: string) => {
      out += text;
    },
    err: (text: string) => {
      err += text;
    },
  };
  return { code: await main(argv, environment, streams), out, err };
}

describe("the command", () => {
  it("lists its steps, and each step's flags and outputs", async () => {
    const { code, out } = await run(["--help"]);
    expect(code).toBe(0);
    for (const { name } of steps) expect(out).toContain(`  ${name} `);
    const help = await run(["commit", "--help"]);
    expect(help.code).toBe(0);
    expect(help.out).toContain("--output-epoch PATH");
  });

  it("answers an unknown step, missing flags and a missing environment with exit code 2", async () => {
    expect(await run(["promote"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("unknown step promote; there are show-live,"),
    });
    expect(await run(["commit"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("--version is missing"),
    });
    expect(await run([])).toMatchObject({ code: 2 });
    expect(await run(["show-live", "--model", "digits"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("MLOPS_BUCKET_MODEL_REGISTRY is not set"),
    });
  });

  it("is documented in its README", () => {
    const readme = readFileSync(join(import.meta.dirname, "../../../apps/steps/README.md"), "utf8");
    expect(readme).toContain(markdownTable(steps));
  });
});

describe("environment", () => {
  it("names a variable that cannot be, but not a secret value", () => {
    expect(() =>
      new Environment({ MLFLOW_TRACKING_URI: "sqlite:///x" }).required("MLFLOW_TRACKING_URI"),
    ).toThrow('MLFLOW_TRACKING_URI: "sqlite:///x" cannot be');
    const secret = new Environment({ MLOPS_NOTIFY_URL: "hooks/T0/SECRET" });
    expect(() => secret.optional("MLOPS_NOTIFY_URL")).toThrow(/^(?!.*SECRET)/s);
    const judge = new Environment({
      MLOPS_JUDGE_URL: "https://user:SECRET@host/v1",
      MLOPS_JUDGE_API_KEY: "two lines\nSECRET",
    });
    for (const name of ["MLOPS_JUDGE_URL", "MLOPS_JUDGE_API_KEY"] as const) {
      expect(() => judge.optional(name)).toThrow(/its value cannot be: (?!.*SECRET)/s);
    }
    const fromFile = new Environment({ MLOPS_JUDGE_API_KEY: "the-key\n" });
    expect(fromFile.optional("MLOPS_JUDGE_API_KEY")).toBe("the-key");
    expect(new Environment({ MLOPS_IO_ROOT: "" }).optional("MLOPS_IO_ROOT")).toBeUndefined();
  });
});

describe("files", () => {
  const root = mkdtempSync(join(tmpdir(), "step-files-"));
  const files = new StepFiles(root);
  afterAll(() => rmSync(root, { recursive: true }));

  it("lie below the I/O root", () => {
    files.write("/mlops/out/version", "3");
    expect(readFileSync(join(root, "mlops/out/version"), "utf8")).toBe("3");
    expect(() => files.write("/../../outside", "x")).toThrow("outside of the I/O root");
    expect(() => files.readJson("../outside.json", z.object({}))).toThrow("outside of the I/O root");
  });

  it("are refused if they are missing, not JSON or of another shape", () => {
    const schema = z.object({ n: z.number() });
    expect(() => files.readJson("/none.json", schema)).toThrow("did the step that writes it succeed?");
    writeFileSync(join(root, "nan.json"), '{"n":NaN}');
    expect(() => files.readJson("/nan.json", schema)).toThrow("cannot read");
    writeFileSync(join(root, "odd.json"), '{"n":"3"}');
    expect(() => files.readJson("/odd.json", schema)).toThrow("is not what this step reads");
  });
});

describe("notify", () => {
  const event = {
    event: "promoted",
    model: "digits",
    servedName: "digits-v3",
    workflow: "train-abc",
    message: "a <b> & c",
  } as const;

  it("speaks as Slack takes it", () => {
    expect(formatNotification("slack", event)).toEqual({
      text: "*digits-v3 is live*\na &lt;b&gt; &amp; c\nworkflow train-abc",
    });
  });

  it("speaks as Discord takes it, and calls nobody", () => {
    expect(formatNotification("discord", { event: "failed", model: "digits", message: "@everyone" })).toEqual(
      {
        allowed_mentions: { parse: [] },
        embeds: [{ title: "digits was not deployed", description: "@everyone", color: 0xe01e5a }],
      },
    );
  });

  it("posts once the webhook answers, and keeps its address to itself", async () => {
    const answers = [503, 200, 404];
    const bodies: string[] = [];
    const server = createServer((incoming, outgoing) => {
      let body = "";
      incoming.on("data", (chunk) => {
        body += chunk;
      });
      incoming.on("end", () => {
        bodies.push(body);
        outgoing.writeHead(answers.shift() ?? 500).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const environment = {
      MLOPS_NOTIFY_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/SECRET`,
      MLOPS_NOTIFY_FORMAT: "slack",
    };
    const argv = ["notify", "--event", "promoted", "--model", "digits", "--served-name", "digits-v3"];
    const told = await run(argv, environment);
    expect(told).toMatchObject({ code: 0, err: "notify: slack is told\n" });
    expect(bodies).toEqual(Array(2).fill('{"text":"*digits-v3 is live*"}'));
    const refused = await run(argv, environment);
    expect(refused.code).toBe(1);
    expect(refused.err).toContain("the webhook answers 404; check MLOPS_NOTIFY_URL");
    expect(refused.err).not.toContain("SECRET");
    server.close();
  });

  it("is done where there is nobody to tell", async () => {
    expect(await run(["notify", "--event", "failed", "--model", "digits"])).toMatchObject({ code: 0 });
  });
});
