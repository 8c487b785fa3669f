import { readFileSync } from "node:fs";
// Not the whole SDK: its other parts take longer to load than all that this plugin does.
import { all, type Input, type Inputs, interpolate, type Output, output } from "@pulumi/pulumi/output.js";
import {
  ComponentResource,
  type ComponentResourceOptions,
  CustomResource,
  type CustomResourceOptions,
  ProviderResource,
  type ResourceOptions,
} from "@pulumi/pulumi/resource.js";
import { parse } from "yaml";
import type { Place } from "../aws/answers.ts";

export const clusterType = "eks:index:Cluster";

/** aws.eks.Cluster, without loading the whole SDK for it. */
class ControlPlane extends CustomResource {
  declare readonly arn: Output<string>;
  declare readonly endpoint: Output<string>;
  declare readonly certificateAuthority: Output<{ readonly data: string }>;
  declare readonly identities: Output<{ readonly oidcs: { readonly issuer: string }[] }[]>;
  declare readonly vpcConfig: Output<{ readonly clusterSecurityGroupId: string }>;

  constructor(name: string, inputs: Inputs, opts: CustomResourceOptions) {
    const outputs = {
      arn: undefined,
      endpoint: undefined,
      certificateAuthority: undefined,
      identities: undefined,
    };
    super("aws:eks/cluster:Cluster", name, { ...outputs, ...inputs }, opts);
  }
}

/** What the rehearsal puts in the place of AWS. */
export interface Stage {
  readonly place: Place;
  readonly kubeconfig: string | undefined;
}

/** Inputs that only switch parts of the real component off or on; whatever else there is must be rehearsed too. */
const switches: Readonly<Record<string, unknown>> = {
  createInstanceRole: false,
  createOidcProvider: false,
  nodeAssociatePublicIpAddress: false,
  skipDefaultNodeGroup: true,
  skipDefaultSecurityGroups: true,
  useDefaultVpcCni: true,
};

const known = new Set([
  ...Object.keys(switches),
  "authenticationMode",
  "bootstrapSelfManagedAddons",
  "corednsAddonOptions",
  "enabledClusterLogTypes",
  "encryptionConfigKeyArn",
  "endpointPrivateAccess",
  "endpointPublicAccess",
  "ipFamily",
  "kubeProxyAddonOptions",
  "kubernetesServiceIpAddressRange",
  "name",
  "privateSubnetIds",
  "publicAccessCidrs",
  "serviceRole",
  "tags",
  "upgradePolicy",
  "version",
  "vpcId",
]);

/**
 * Refuses what the real component would make other resources for.
 *
 * @throws Error naming each input.
 */
function assertRehearsed(inputs: Inputs): void {
  const given = Object.keys(inputs).filter((name) => inputs[name] !== undefined);
  const wrong = [
    ...given.filter((name) => !known.has(name)),
    ...Object.entries(switches).flatMap(([name, value]) => (inputs[name] === value ? [] : [name])),
    ...["corednsAddonOptions", "kubeProxyAddonOptions"].filter(
      (name) => (inputs[name] as { enabled?: boolean } | undefined)?.enabled !== false,
    ),
  ];
  if (wrong.length > 0) throw new Error(`eks.Cluster: not rehearsed with these inputs: ${wrong.join(", ")}`);
}

/**
 * The cluster of @pulumi/eks 4.3.0, with the children that it makes for the inputs that this project gives it:
 * the control plane and a Kubernetes provider.
 */
export class RehearsedCluster extends ComponentResource {
  /** What the component hands back to the program. */
  readonly state: Inputs;

  constructor(name: string, inputs: Inputs, stage: Stage, opts: ComponentResourceOptions) {
    super(clusterType, name, {}, opts);
    assertRehearsed(inputs);
    const controlPlane = new ControlPlane(
      `${name}-eksCluster`,
      controlPlaneInputs(name, inputs, stage.place),
      {
        parent: this,
        ignoreChanges: ["accessConfig.bootstrapClusterCreatorAdminPermissions", "bootstrapSelfManagedAddons"],
      },
    );
    const kubeconfig = all([
      controlPlane.arn,
      controlPlane.endpoint,
      controlPlane.certificateAuthority,
    ]).apply(([arn, endpoint, { data }]) => kubeconfigOf(stage, { arn, endpoint, authority: data }));
    const kubeconfigJson = kubeconfig.apply((config) => JSON.stringify(config));
    new KubernetesProvider(`${name}-eks-k8s`, { kubeconfig: kubeconfigJson }, { parent: this });
    const issuer = controlPlane.identities.apply(([identity]) => identity?.oidcs[0]?.issuer ?? "");
    this.state = {
      kubeconfig,
      kubeconfigJson,
      clusterSecurityGroupId: controlPlane.vpcConfig.clusterSecurityGroupId,
      oidcProviderUrl: issuer,
      oidcIssuer: issuer.apply((url) => url.replace("https://", "")),
    };
    this.registerOutputs(this.state);
  }
}

class KubernetesProvider extends ProviderResource {
  constructor(name: string, inputs: Inputs, opts: ResourceOptions) {
    super("kubernetes", name, inputs, opts);
  }
}

function controlPlaneInputs(name: string, inputs: Inputs, { accountId }: Place): Inputs {
  // A reference to a resource of a package that is not loaded here arrives as the resource's id, a role's name.
  const roleName = output(inputs.serviceRole as Input<string>);
  return {
    name: inputs.name,
    roleArn: interpolate`arn:aws:iam::${accountId}:role/${roleName}`,
    version: inputs.version,
    bootstrapSelfManagedAddons: inputs.bootstrapSelfManagedAddons,
    enabledClusterLogTypes: inputs.enabledClusterLogTypes,
    upgradePolicy: inputs.upgradePolicy,
    kubernetesNetworkConfig: {
      ipFamily: inputs.ipFamily,
      serviceIpv4Cidr: inputs.kubernetesServiceIpAddressRange,
    },
    vpcConfig: {
      subnetIds: inputs.privateSubnetIds,
      endpointPrivateAccess: inputs.endpointPrivateAccess,
      endpointPublicAccess: inputs.endpointPublicAccess,
      publicAccessCidrs: inputs.publicAccessCidrs,
    },
    encryptionConfig: { provider: { keyArn: inputs.encryptionConfigKeyArn }, resources: ["secrets"] },
    accessConfig: {
      authenticationMode: inputs.authenticationMode,
      bootstrapClusterCreatorAdminPermissions: true,
    },
    tags: output(inputs.tags).apply((tags) => ({ Name: `${name}-eksCluster`, ...tags })),
  };
}

interface ControlPlaneFacts {
  readonly arn: string;
  readonly endpoint: string;
  /** Certificate in base64. */
  readonly authority: string;
}

/** The stage's kubeconfig, or one that asks the aws CLI for tokens, as the real component gives. */
function kubeconfigOf({ place, kubeconfig }: Stage, facts: ControlPlaneFacts): object {
  if (kubeconfig !== undefined) return parse(readFileSync(kubeconfig, "utf8")) as object;
  const clusterName = facts.arn.split("/").at(-1) ?? "";
  const args = ["--region", place.region, "eks", "get-token", "--cluster-name", clusterName];
  return {
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      { name: facts.arn, cluster: { server: facts.endpoint, "certificate-authority-data": facts.authority } },
    ],
    contexts: [{ name: "aws", context: { cluster: facts.arn, user: "aws" } }],
    "current-context": "aws",
    users: [
      {
        name: "aws",
        user: { exec: { apiVersion: "client.authentication.k8s.io/v1beta1", command: "aws", args } },
      },
    ],
  };
}
