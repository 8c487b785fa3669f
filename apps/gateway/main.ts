/** Entry of the image: `node apps/gateway/main.ts serve|reconcile`. */
import { type ObjectStore, type Server, s3Bucket } from "@mlops/registry";
import type { Dispatcher } from "undici";
import type { Backend } from "./backends/backend.ts";
import { tritonBackend } from "./backends/triton.ts";
import { vllmBackend } from "./backends/vllm.ts";
import { Reconciler } from "./reconcile/reconciler.ts";
import { Gateway, type ServedBy } from "./serve/gateway.ts";
import {
  type GatewaySettings,
  gatewaySettings,
  type ReconcilerSettings,
  reconcilerSettings,
  SettingsError,
  sourcesOf,
} from "./settings.ts";
import { createLogger } from "./shared/log.ts";

const usage = `Usage: node apps/gateway/main.ts COMMAND

  serve      the gateway: stable model names in front of Triton and vLLM
  reconcile  the reconciler: every replica holds what the models' records say

Settings come from the environment; apps/gateway/README.md lists them.
`;

function storeOf(settings: GatewaySettings | ReconcilerSettings): ObjectStore {
  return s3Bucket({
    bucket: settings.MLOPS_BUCKET_MODEL_REGISTRY,
    region: settings.AWS_REGION,
    endpoint: settings.AWS_ENDPOINT_URL_S3,
  });
}

function backendsOf(
  settings: GatewaySettings | ReconcilerSettings,
): Record<Server, (dispatcher: Dispatcher) => Backend> {
  const vllm = { adapterDir: settings.MLOPS_VLLM_ADAPTER_DIR, slots: settings.MLOPS_VLLM_SLOTS };
  return { triton: tritonBackend, vllm: (dispatcher) => vllmBackend(dispatcher, vllm) };
}

/** Resolves at the first SIGTERM or SIGINT; a second one ends the process at once. */
function ended(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve());
  });
}

async function serve(): Promise<void> {
  const settings = gatewaySettings(process.env);
  const backends = backendsOf(settings);
  const timeoutMs = { triton: settings.MLOPS_TRITON_TIMEOUT_MS, vllm: settings.MLOPS_VLLM_TIMEOUT_MS };
  const servers = Object.entries(sourcesOf(settings)).map(([name, source]): [Server, ServedBy] => {
    const server = name as Server;
    return [server, { source, backend: backends[server], timeoutMs: timeoutMs[server] }];
  });
  const gateway = new Gateway({
    host: settings.MLOPS_LISTEN_HOST,
    port: settings.MLOPS_GATEWAY_PORT,
    adminPort: settings.MLOPS_GATEWAY_ADMIN_PORT,
    store: storeOf(settings),
    servers: Object.fromEntries(servers),
    log: createLogger("gateway"),
    waitMs: settings.MLOPS_GATEWAY_WAIT_MS,
    body: { keep: settings.MLOPS_GATEWAY_BODY_KEPT, accept: settings.MLOPS_GATEWAY_BODY_MAX },
    maxInFlight: settings.MLOPS_GATEWAY_MAX_IN_FLIGHT,
    records: { pollMs: settings.MLOPS_RECORD_POLL_MS },
  });
  await gateway.start();
  await ended();
  await gateway.stop({
    noticeMs: settings.MLOPS_GATEWAY_NOTICE_MS,
    limitMs: settings.MLOPS_GATEWAY_DRAIN_MS,
  });
}

async function reconcile(): Promise<void> {
  const settings = reconcilerSettings(process.env);
  const backends = backendsOf(settings);
  const servers = Object.entries(sourcesOf(settings)).map(([server, source]) => {
    return [server, { source, backend: backends[server as Server] }] as const;
  });
  const reconciler = new Reconciler({
    host: settings.MLOPS_LISTEN_HOST,
    port: settings.MLOPS_RECONCILER_PORT,
    store: storeOf(settings),
    servers: Object.fromEntries(servers),
    gateways: settings.MLOPS_GATEWAY_ADMIN_URLS,
    log: createLogger("reconciler"),
    records: { pollMs: settings.MLOPS_RECORD_POLL_MS },
  });
  await reconciler.start();
  await ended();
  await reconciler.stop();
}

const commands: Readonly<Record<string, () => Promise<void>>> = { serve, reconcile };
const [name = "", ...rest] = process.argv.slice(2);
const command = commands[name];
if (command === undefined || rest.length > 0) {
  process.stderr.write(usage);
  process.exitCode = 2;
} else {
  try {
    await command();
  } catch (error) {
    process.stderr.write(`error: ${(error as Error).message}\n`);
    process.exitCode = error instanceof SettingsError ? 2 : 1;
  }
}
