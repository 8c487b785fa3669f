import * as pulumi from "@pulumi/pulumi";
import { createLocalCluster } from "./components/local/cluster.ts";
import { localTraits } from "./components/local/facts.ts";
import { Platform, platformOptions, selectCharts } from "./components/platform/platform.ts";
import { Admission } from "./components/tenancy/admission.ts";
import { Tenancy } from "./components/tenancy/tenancy.ts";
import { readConfig } from "./config.ts";
import { policyContext } from "./policy/platform.ts";
import { findCharts, requestedOf } from "./tools/stack/findCharts.ts";
import { findCluster } from "./tools/stack/findCluster.ts";
import { stepsAfter } from "./tools/stack/nextSteps.ts";
import { standInsInUse } from "./tools/toolchain/standIn.ts";

const config = readConfig();
if (config.environment === "aws") {
  throw new pulumi.RunError("the aws stack is not part of this release yet; use the stack `local`");
}

// All that can be wrong on the disk is found before there is any resource.
const found = await findCluster(config);
const traits = localTraits(config.cluster);
const options = platformOptions(config);
const charts = await findCharts(selectCharts(traits, options), {
  chartsDir: config.chartsDir,
  size: config.size,
  allowOutline: !traits.runsPods,
});

const target = createLocalCluster(config, found);
const tenancy = new Tenancy("tenancy", { target, teams: config.teams, systems: [...charts.sources.keys()] });
new Admission("admission", { target, policies: policyContext(config) });
const platform = new Platform("platform", {
  target,
  options,
  size: config.size,
  sources: charts.sources,
  leftoverCrds: charts.leftoverCrds,
  namespace: (name) => tenancy.namespace(name),
});

/** Kind of cluster that the stack lives on. */
export const cluster = target.name;
/** Dashboards and APIs that answer: `{url}`, or `{portForward}` with the command that makes one. */
export const urls = platform.urls;
/** Systems that Kubernetes knows here while no container of theirs runs. */
export const simulated = platform.simulated;
/** Pulumi plugins that a stand-in takes the place of. */
export const standIns = standInsInUse();
/** Addresses inside the cluster. */
export const endpoints = platform.endpoints;
/** What all systems together ask the scheduler for: cores and GiB. */
export const requested = requestedOf(charts.outlines, config.size, config.nodes.length);

/** Commands to go on with. */
export const nextSteps = stepsAfter(config);
export const kubeconfig = target.kubeconfig;
export const credentials = platform.credentials;
