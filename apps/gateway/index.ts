export { Adapters, type AdaptersOptions, type AdaptersStatus } from "./adapters/adapters.ts";
export type { Backend } from "./backends/backend.ts";
export { probingAgent } from "./backends/http.ts";
export { tritonBackend } from "./backends/triton.ts";
export { type VllmOptions, vllmBackend } from "./backends/vllm.ts";
export { Reconciler, type ReconcilerOptions, type ReconcilerStatus } from "./reconcile/reconciler.ts";
export { Gateway, type GatewayOptions, type ModelReport, type ServedBy } from "./serve/gateway.ts";
export { createLogger, type Logger } from "./shared/log.ts";
