import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { stringify } from "yaml";
import { writeArchive } from "../../tools/charts/archive.ts";
import type { Workspace } from "./workspace.ts";

/** A restricted container that any namespace admits. */
const container = {
  name: "main",
  image: "example",
  securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
};

/** Archive of a chart whose only pod fits on no node, so that its release never gets ready. */
export function neverReadyChart(name: string, version: string): Buffer {
  const labels = { app: "broken" };
  const deployment = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "broken" },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          nodeSelector: { "no-node": "has-this-label" },
          securityContext: {
            runAsNonRoot: true,
            runAsUser: 1000,
            seccompProfile: { type: "RuntimeDefault" },
          },
          containers: [container],
        },
      },
    },
  };
  const files = {
    "Chart.yaml": stringify({ apiVersion: "v2", name, version }),
    "templates/deployment.yaml": stringify(deployment),
  };
  return writeArchive(name, new Map(Object.entries(files).map(([path, text]) => [path, Buffer.from(text)])));
}

/** Puts a chart archive where `make charts` would. */
export function putChart(workspace: Workspace, file: string, archive: Buffer): void {
  mkdirSync(workspace.path(".mlops", "charts"), { recursive: true });
  writeFileSync(workspace.path(".mlops", "charts", file), archive);
}

/** Changes one field of a chart's entry in the workspace's charts.ts. */
export function editChart(workspace: Workspace, name: string, field: string, value: string): void {
  const file = workspace.path("charts.ts");
  const source = readFileSync(file, "utf8");
  const entry = new RegExp(`(\\n {2}"?${name}"?: \\{[^}]*?\\n {4}${field}: )[^\\n]*,`);
  if (!entry.test(source)) throw new Error(`charts.ts has no ${field} of ${name} on a line of its own`);
  writeFileSync(file, source.replace(entry, `$1${value},`));
}
