import * as pulumi from "@pulumi/pulumi";
import { charts } from "./charts.ts";
import { createLocalCluster } from "./components/local/cluster.ts";
import { Platform, selectCharts } from "./components/platform/platform.ts";
import { Tenancy } from "./components/tenancy/tenancy.ts";
import { readConfig } from "./config.ts";
import { leftoverCrds, loadOutlines, requestedBy } from "./tools/charts/outline.ts";
import { resolveCharts } from "./tools/charts/resolve.ts";
import { findCluster } from "./tools/stack/findCluster.ts";

const projectRoot = import.meta.dirname;

const config = readConfig();
if (config.environment === "aws") {
  throw new pulumi.RunError("the aws stack is not part of this release yet; use the stack `local`");
}

const target = createLocalCluster(config, await findCluster(config, projectRoot), dataDir);
