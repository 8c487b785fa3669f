import type { Step } from "./lib/step.ts";
import { canary } from "./steps/canary.ts";
import { claimVersion } from "./steps/claimVersion.ts";
import { commit } from "./steps/commit.ts";
import { endCanary } from "./steps/endCanary.ts";
import { evaluateLlm } from "./steps/evaluateLlm.ts";
import { fixAnchor } from "./steps/fixAnchor.ts";
import { functionalTest } from "./steps/functionalTest.ts";
import { gateAccuracy } from "./steps/gateAccuracy.ts";
import { gateEvaluation } from "./steps/gateEvaluation.ts";
import { gateLoss } from "./steps/gateLoss.ts";
import { gateParity } from "./steps/gateParity.ts";
import { gatePerformance } from "./steps/gatePerformance.ts";
import { load } from "./steps/load.ts";
import { metadata } from "./steps/metadata.ts";
import { notify } from "./steps/notify.ts";
import { registerCandidate } from "./steps/registerCandidate.ts";
import { registerDeploy } from "./steps/registerDeploy.ts";
import { removeOldVersions } from "./steps/removeOldVersions.ts";
import { repairAliases } from "./steps/repairAliases.ts";
import { resolve } from "./steps/resolve.ts";
import { rollback } from "./steps/rollback.ts";
import { showLive } from "./steps/showLive.ts";
import { smoke } from "./steps/smoke.ts";
import { upload } from "./steps/upload.ts";
import { withdraw } from "./steps/withdraw.ts";

/** Every step, in the order in which workflows use them. */
export const steps: readonly Step[] = [
  showLive,
  gateAccuracy,
  gateParity,
  registerDeploy,
  gateLoss,
  registerCandidate,
  resolve,
  removeOldVersions,
  claimVersion,
  metadata,
  upload,
  load,
  functionalTest,
  smoke,
  evaluateLlm,
  gateEvaluation,
  gatePerformance,
  fixAnchor,
  canary,
  endCanary,
  commit,
  rollback,
  withdraw,
  repairAliases,
  notify,
];
