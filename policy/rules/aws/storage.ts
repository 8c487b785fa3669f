import { isEmpty, valueAt } from "../json.ts";
import { defineRule } from "../rule.ts";
import type { Rule } from "../types.ts";
import { expectAll, isTrue } from "./expect.ts";

const databaseEncrypted = defineRule({
  name: "rds-encrypted",
  description: "Databases encrypt what they store.",
  level: "mandatory",
  target: "aws",
  types: ["aws:rds/instance:Instance", "aws:rds/cluster:Cluster"],
  check: (inputs) =>
    expectAll(inputs, [
      {
        path: ["storageEncrypted"],
        holds: isTrue,
        message: "the database's storage is not encrypted",
        fix: "set storageEncrypted: true",
      },
    ]),
});

const databasePrivate = defineRule({
  name: "rds-private",
  description: "Databases have no address on the internet.",
  level: "mandatory",
  target: "aws",
  types: ["aws:rds/instance:Instance", "aws:rds/clusterInstance:ClusterInstance"],
  check: (inputs) =>
    expectAll(inputs, [
      {
        path: ["publiclyAccessible"],
        // Missing, it depends on the subnet group: say it.
        holds: (accessible) => accessible === false || accessible === "false",
        message: "the database may be reached from the internet",
        fix: "set publiclyAccessible: false",
      },
    ]),
});

const REPOSITORY = ["aws:ecr/repository:Repository"];

const repositoryImmutable = defineRule({
  name: "ecr-immutable",
  description: "A tag in a registry of ours always names the same image.",
  level: "mandatory",
  target: "aws",
  types: REPOSITORY,
  check: (inputs) =>
    expectAll(inputs, [
      {
        path: ["imageTagMutability"],
        holds: (value) => value === "IMMUTABLE",
        message: "tags can be moved",
        fix: "set imageTagMutability: IMMUTABLE",
      },
    ]),
});

const SCAN = ["imageScanningConfiguration", "scanOnPush"];

const repositoryScanned = defineRule({
  name: "ecr-scanned",
  description: "Images are scanned for known vulnerabilities when they are pushed.",
  level: "remediate",
  target: "aws",
  types: REPOSITORY,
  check: (inputs) =>
    expectAll(inputs, [
      { path: SCAN, holds: isTrue, message: "images are not scanned", fix: `set ${SCAN.join(".")}: true` },
    ]),
  remediate: (inputs) => (isEmpty(valueAt(inputs, ...SCAN)) ? [{ path: SCAN, value: true }] : []),
});

export const storageRules: readonly Rule[] = [
  databaseEncrypted,
  databasePrivate,
  repositoryImmutable,
  repositoryScanned,
];
