import { computeRules } from "./aws/compute.ts";
import { iamRules } from "./aws/iam.ts";
import { s3Rules, s3StackRules } from "./aws/s3.ts";
import { storageRules } from "./aws/storage.ts";
import { tagRules } from "./aws/tags.ts";
import { workflowRunTime } from "./deferred.ts";
import { gpuPlacementRules } from "./gpu/placement.ts";
import { gpuQuotaRules } from "./gpu/quota.ts";
import { gpuRequestRules } from "./gpu/request.ts";
import { imageRulesOfAllDoors } from "./images/rules.ts";
import { releaseRules } from "./releases/rules.ts";
import { secretRules } from "./releases/secretLiterals.ts";
import { containerRules } from "./safety/containers.ts";
import { privilegeRules } from "./safety/privileges.ts";
import type { Rule, StackRule } from "./types.ts";

/** Every rule on a single object, resource or release. */
export const rules: readonly Rule[] = [
  ...gpuRequestRules,
  ...gpuPlacementRules,
  ...gpuQuotaRules,
  ...imageRulesOfAllDoors,
  ...privilegeRules,
  ...containerRules,
  workflowRunTime,
  ...releaseRules,
  ...secretRules,
  ...iamRules,
  ...s3Rules,
  ...computeRules,
  ...storageRules,
  ...tagRules,
];

/** Every rule on what resources make up together. */
export const stackRules: readonly StackRule[] = s3StackRules;
