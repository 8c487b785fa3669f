import { z } from "zod";
import { asText, isEmpty, listAt, type Path, textAt, valueAt } from "../json.ts";
import { patternKnob } from "../patternKnob.ts";
import { deferral, defineRule } from "../rule.ts";
import { isRunTimeValue } from "../runTimeValues.ts";
import type { Rule } from "../types.ts";
import { expectAll, isTrue } from "./expect.ts";

const CLUSTER = ["aws:eks/cluster:Cluster"];

const clusterEndpoint = defineRule({
  name: "eks-endpoint",
  description: "A cluster's API is reached privately, and from outside only from named CIDRs.",
  level: "mandatory",
  target: "aws",
  types: CLUSTER,
  check: (inputs) => {
    const privately = expectAll(inputs, [
      {
        path: ["vpcConfig", "endpointPrivateAccess"],
        holds: isTrue,
        message: "nodes reach the API over the internet",
        fix: "set endpointPrivateAccess: true",
      },
    ]);
    // AWS opens the public endpoint, to everyone, unless told otherwise.
    if (valueAt(inputs, "vpcConfig", "endpointPublicAccess") === false) return privately;
    const path = ["vpcConfig", "publicAccessCidrs"];
    const fix = "name the CIDRs in publicAccessCidrs, or set endpointPublicAccess: false";
    const stated = valueAt(inputs, ...path);
    if (isRunTimeValue(stated)) return [...privately, deferral(path, "who reaches the API")];
    const cidrs = listAt(stated);
    // Two halves are the whole, too.
    const open = cidrs.length === 0 || cidrs.some((cidr) => /\/[0-7]$/.test(asText(cidr)));
    return open ? [...privately, { path, message: "the API is open to the whole internet", fix }] : privately;
  },
});

const clusterSecrets = defineRule({
  name: "eks-secrets-encrypted",
  description: "A cluster's Secrets are encrypted with a KMS key of ours.",
  level: "mandatory",
  target: "aws",
  types: CLUSTER,
  check: (inputs) => {
    const path = ["encryptionConfig"];
    const stated = valueAt(inputs, ...path);
    if (isRunTimeValue(stated)) return [deferral(path, "how Secrets are encrypted")];
    const configs = Array.isArray(stated) ? stated : [stated];
    const encrypted = configs.some(
      (config) =>
        listAt(config, "resources").includes("secrets") && !isEmpty(valueAt(config, "provider", "keyArn")),
    );
    if (encrypted) return [];
    return [
      {
        path,
        message: "Secrets are not encrypted with a key of ours",
        fix: 'set encryptionConfig with a key and resources ["secrets"]',
      },
    ];
  },
});

const clusterLogs = defineRule({
  name: "eks-logging",
  description: "A cluster's control plane writes the logs that an investigation needs.",
  level: "mandatory",
  target: "aws",
  types: CLUSTER,
  knobs: z.object({
    required: z
      .array(z.string())
      .default(["api", "audit", "authenticator"])
      .describe("Log types that must be on"),
  }),
  check: (inputs, _context, { required }) => {
    const path = ["enabledClusterLogTypes"];
    const stated = valueAt(inputs, ...path);
    if (isRunTimeValue(stated)) return [deferral(path, "which logs are written")];
    const missing = required.filter((type) => !listAt(stated).includes(type));
    if (missing.length === 0) return [];
    return [{ path, message: `no ${missing.join(", ")} log is written`, fix: `add ${missing.join(", ")}` }];
  },
});

const gpuNodesFromZero = defineRule({
  name: "gpu-nodes-scale-from-zero",
  description: "GPU node groups shrink to nothing, and their taint keeps other pods from holding them up.",
  level: "mandatory",
  target: "aws",
  types: ["aws:eks/nodeGroup:NodeGroup"],
  knobs: z.object({
    instanceTypes: patternKnob.default("^(?:g|gr|p)[0-9]").describe("Pattern of instance types with GPUs"),
    keptNodes: z
      .int()
      .min(0)
      .default(0)
      .describe("GPU nodes that a group may keep although nothing needs them"),
  }),
  check: (inputs, { accelerators }, { instanceTypes, keptNodes }) => {
    const types = listAt(inputs, "instanceTypes").map(asText);
    const gpu =
      types.some((type) => new RegExp(instanceTypes).test(type)) ||
      /NVIDIA|GPU/.test(textAt(inputs, "amiType") ?? "");
    if (!gpu) return [];
    const idle = expectAll(inputs, [
      {
        path: ["scalingConfig", "minSize"],
        holds: (size) => typeof size === "number" && size <= keptNodes,
        message: "a GPU node is kept although nothing needs it",
        fix: `set minSize: ${keptNodes}`,
      },
    ]);
    // A preference keeps nobody away.
    const tainted = listAt(inputs, "taints").some(
      (taint) =>
        textAt(taint, "key") === accelerators.taint && textAt(taint, "effect") !== "PREFER_NO_SCHEDULE",
    );
    if (tainted) return idle;
    return [
      ...idle,
      {
        path: ["taints"],
        message: "pods without GPUs may run there and keep the node",
        fix: `taint it with ${accelerators.taint}`,
      },
    ];
  },
});

const imdsv2 = defineRule({
  name: "ec2-imdsv2",
  description:
    "Instances answer metadata requests with a session token only, and not through a container's hop.",
  level: "remediate",
  target: "aws",
  types: [
    "aws:ec2/launchTemplate:LaunchTemplate",
    "aws:ec2/instance:Instance",
    "aws:ec2/launchConfiguration:LaunchConfiguration",
    "aws:ec2/spotInstanceRequest:SpotInstanceRequest",
  ],
  knobs: z.object({ maximumHops: z.int().min(1).max(64).default(1).describe("Largest response hop limit") }),
  check: (inputs, _context, { maximumHops }) =>
    expectAll(inputs, [
      {
        path: [...METADATA, "httpTokens"],
        holds: (tokens) => tokens === "required",
        message: "the metadata service answers without a token",
        fix: "set metadataOptions.httpTokens: required",
      },
      {
        path: [...METADATA, "httpPutResponseHopLimit"],
        holds: (hops) => isEmpty(hops) || (typeof hops === "number" && hops <= maximumHops),
        message: "containers reach the metadata service",
        fix: `set metadataOptions.httpPutResponseHopLimit: ${maximumHops}`,
      },
    ]),
  remediate: (inputs) => {
    const path = [...METADATA, "httpTokens"];
    return isEmpty(valueAt(inputs, ...path)) ? [{ path, value: "required" }] : [];
  },
});

const METADATA: Path = ["metadataOptions"];

export const computeRules: readonly Rule[] = [
  clusterEndpoint,
  clusterSecrets,
  clusterLogs,
  gpuNodesFromZero,
  imdsv2,
];
