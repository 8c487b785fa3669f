import * as pulumi from "@pulumi/pulumi";
import { awsTraits } from "./components/aws/facts.ts";
import type { AwsTarget } from "./components/aws/target.ts";
import { createLocalCluster } from "./components/local/cluster.ts";
import { localTraits } from "./components/local/facts.ts";
import { Gateway, servingNamespace } from "./components/platform/gateway.ts";
import { Platform, platformOptions, selectCharts } from "./components/platform/platform.ts";
import type { ClusterTarget, ClusterTraits } from "./components/target.ts";
import { Admission } from "./components/tenancy/admission.ts";
import { pipelinesNamespace } from "./components/tenancy/names.ts";
import { Tenancy } from "./components/tenancy/tenancy.ts";
import type { AwsConfig, LocalConfig } from "./config/schema.ts";
import { readConfig } from "./config.ts";
import { Pipelines } from "./pipelines/component.ts";
import { developmentTags } from "./pipelines/images.ts";
import { pipelines } from "./pipelines/index.ts";
import { policyContext } from "./policy/platform.ts";
import { findCharts, requestedOf } from "./tools/stack/findCharts.ts";
import { findCluster } from "./tools/stack/findCluster.ts";
import { stepsAfter } from "./tools/stack/nextSteps.ts";
import { startPlugins } from "./tools/stack/plugins.ts";
import { registrationsSent } from "./tools/stack/sdk.ts";
import { standInsInUse } from "./tools/toolchain/standIn.ts";

const config = readConfig();

// All that can be wrong on the disk is found before there is any resource.
const { traits, nodes, create } = await (config.environment === "aws" ? onAws(config) : onLocal(config));
// Where pods run, our own images can only be named once they were pushed into the registry that is made here.
const servingTag = config.servingImage ?? (traits.runsPods ? undefined : developmentTags.serving);
const options = { ...platformOptions(config), ...(servingTag === undefined ? {} : { servingTag }) };
const charts = await findCharts(selectCharts(traits, options), {
  stack: config.environment,
  chartsDir: config.chartsDir,
  size: config.size,
  allowOutline: !traits.runsPods,
  requireVerified: config.environment === "aws",
});

// In a preview, index.ts has done so.
if (!pulumi.runtime.isDryRun()) await startPlugins();
const target = await create();
await registrationsSent();
const tenancy = new Tenancy("tenancy", { target, teams: config.teams, systems: [...charts.sources.keys()] });
// Not at once: the API server takes its time over these few objects, and everything else waits for the namespaces.
new Admission("admission", { target, policies: policyContext(config) }, { dependsOn: [tenancy] });
const platform = new Platform("platform", {
  target,
  options,
  size: config.size,
  sources: charts.sources,
  leftoverCrds: charts.leftoverCrds,
  namespaceOf: (name) => tenancy.namespace(name),
  ...(target.additions === undefined ? {} : { additions: target.additions }),
});

const imageTags = config.stepImages ?? (traits.runsPods ? undefined : developmentTags);
if (imageTags === undefined) {
  const how =
    config.environment === "local" ? "run `make images`" : "push the images and set mlops:stepImages";
  void pulumi.log.warn(`no pipelines yet: ${how}`);
} else {
  new Pipelines("pipelines", {
    target,
    namespace: tenancy.namespace(pipelinesNamespace),
    workflows: platform.readyOf("argo-workflows"),
    pipelines,
    imageTags,
    llm: options.llm,
    ...(config.keptVersions === undefined ? {} : { keptVersions: config.keptVersions }),
  });
}

// Nobody could wait for a gateway whose image is not there.
const gateway =
  servingTag === undefined
    ? undefined
    : new Gateway("gateway", {
        target,
        options,
        size: config.size,
        imageTag: servingTag,
        namespace: tenancy.namespace(servingNamespace),
        monitoring: platform.readyOf("prometheus-operator-crds"),
      });

/** The stack's outputs. */
export default {
  /** Kind of cluster that the stack lives on. */
  cluster: target.name,
  /** Dashboards and APIs that answer: `{url}`, or `{portForward}` with the command that makes one. */
  urls: platform.urls,
  /** Systems that Kubernetes knows here while no container of theirs runs. */
  simulated: [...platform.simulated, ...(gateway === undefined || traits.runsPods ? [] : ["gateway"])],
  /** Pulumi plugins that a stand-in takes the place of. */
  standIns: standInsInUse(),
  /** Addresses inside the cluster. */
  endpoints: { ...platform.endpoints, ...gateway?.endpoints },
  /** What all systems together ask the scheduler for: cores and GiB. */
  requested: requestedOf({
    outlines: charts.outlines,
    size: config.size,
    nodes,
    others: gateway === undefined ? {} : { gateway: gateway.requests },
  }),
  /** Commands to go on with. */
  nextSteps: stepsAfter(config),
  kubeconfig: target.kubeconfig,
  credentials: platform.credentials,
  // What only one kind of target has; see AwsOutputs.
  ...target.outputs?.(),
};

/** What is known of a cluster before there is any resource, and how to make it. */
interface Chosen {
  readonly traits: ClusterTraits;
  /** How many nodes there are at least. */
  readonly nodes: number;
  readonly create: () => (ClusterTarget & Partial<AwsTarget>) | Promise<AwsTarget>;
}

async function onLocal(config: LocalConfig): Promise<Chosen> {
  const found = await findCluster(config);
  return {
    traits: localTraits(config.cluster),
    nodes: config.nodes.length,
    create: () => createLocalCluster(config, found),
  };
}

async function onAws(config: AwsConfig): Promise<Chosen> {
  // Here and below, because loading AWS's SDK takes longer than the whole local stack's preview.
  const { startAws } = await import("./components/aws/start.ts");
  const stack = pulumi.getStack();
  const { size, nodeGroups } = config;
  return {
    traits: awsTraits(config),
    nodes: nodeGroups.system.zones * nodeGroups.system.minPerZone,
    create: async () => {
      const start = startAws(config, stack);
      await registrationsSent();
      const { createAwsCluster } = await import("./components/aws/target.ts");
      return createAwsCluster(config, { stack, size, start });
    },
  };
}
