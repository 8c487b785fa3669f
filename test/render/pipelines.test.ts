import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { compile } from "../../pipelines/builder/index.ts";
import { pipelinesChart } from "../../pipelines/component.ts";
import { pipelines } from "../../pipelines/index.ts";
import { cloud } from "../unit/platform/contexts.ts";
import { helm, render } from "./helm.ts";

const chart = fileURLToPath(new URL("../../charts/pipelines", import.meta.url));

describe("charts/pipelines", () => {
  it("has the version that the program names", () => {
    const { stdout } = helm(["show", "chart", chart]);
    expect(stdout).toContain(`version: ${pipelinesChart.version}\n`);
  });

  it("is clean for helm lint", () => {
    const { status, stdout } = helm(["lint", "--strict", chart]);
    expect(stdout).not.toContain("[WARNING]");
    expect(status, stdout).toBe(0);
  });

  it("installs each pipeline as it was compiled, Argo's expressions too", () => {
    const images = { training: "r/t:1.0.0", deployment: "r/d:1.0.0", benchmark: "r/b:1.0.0" };
    const place = { namespace: "pipelines", images, accelerators: cloud.accelerators, gpus: 1 };
    const objects = pipelines
      .map((pipeline) => compile(pipeline, place))
      .flatMap(({ template, cron }) => (cron === undefined ? [template] : [template, cron]));
    expect(JSON.stringify(objects)).toContain("{{workflow.parameters.");
    const manifests = objects.map((object) => JSON.stringify(object, undefined, 1));
    const rendered = render(chart, "pipelines", { manifests });
    expect(rendered.error).toBe("");
    expect(rendered.objects).toHaveLength(objects.length);
    const inOrder = (list: readonly object[]): string[] =>
      list.map((object) => JSON.stringify(object)).sort();
    expect(inOrder(rendered.objects)).toEqual(inOrder(JSON.parse(JSON.stringify(objects))));
  });

  it("installs nothing by default, and refuses what is no text", () => {
    expect(render(chart, "pipelines", {})).toEqual({ ok: true, objects: [], error: "" });
    const { ok, error } = render(chart, "pipelines", { manifests: [{ kind: "WorkflowTemplate" }] });
    expect([ok, error.includes("manifests")]).toEqual([false, true]);
    expect(render(chart, "pipelines", { manifest: [] }).ok).toBe(false);
  });
});
