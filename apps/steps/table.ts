import type { Step } from "./lib/step.ts";
import { claimVersion } from "./steps/claimVersion.ts";
import { commit } from "./steps/commit.ts";
import { functionalTest } from "./steps/functionalTest.ts";
import { gateAccuracy } from "./steps/gateAccuracy.ts";
import { gateParity } from "./steps/gateParity.ts";
import { load } from "./steps/load.ts";
import { metadata } from "./steps/metadata.ts";
import { notify } from "./steps/notify.ts";
import { registerDeploy } from "./steps/registerDeploy.ts";
import { repairAliases } from "./steps/repairAliases.ts";
import { resolve } from "./steps/resolve.ts";
import { rollback } from "./steps/rollback.ts";
import { showLive } from "./steps/showLive.ts";
import { upload } from "./steps/upload.ts";
import { withdraw } from "./steps/withdraw.ts";

/** Every step, in the order in which workflows use them. */
export const steps: readonly Step[] = [
  showLive,
  gateAccuracy,
  gateParity,
  registerDeploy,
  resolve,
  claimVersion,
  metadata,
  upload,
  load,
  functionalTest,
  commit,
  rollback,
  withdraw,
  repairAliases,
  notify,
];
