/** Entry of the image: `node apps/gateway/main.ts serve|reconcile|adapters`. */
import { type ObjectStore, type Server, s3Bucket } from "@mlops/registry";
import type { Dispatcher } from "undici";
import { Adapters } from "./adapters/adapters.ts";
import type { Backend } from "./backends/backend.ts";
import { tritonBackend } from "./backends/triton.ts";
import { vllmBackend } from "./backends/vllm.ts";
import { Reconciler } from "./reconcile/reconciler.ts";
import { Gateway, type ServedBy } from "./serve/gateway.ts";
import {
  adaptersSettings,
  gatewaySettings,
  reconcilerSettings,
  type Settings,
  SettingsError,
  sourcesOf,
} from "./settings.ts";
import { createLogger } from "./shared/log.ts";

const usage = `Usage: node apps/gateway/main.ts COMMAND

  serve      the gateway: stable model names in front of Triton and vLLM
  reconcile  the reconciler: every replica holds what the models' records say
  adapters   beside vLLM: its folder of adapters holds what the records want

Settings come from the environment; apps/gateway/README.md lists them.
`;

function storeOf(settings: Settings): ObjectStore {
  return s3Bucket({
    bucket: settings.MLOPS_BUCKET_MODEL_REGISTRY,
    region: settings.AWS_REGION,
    endpoint: settings.AWS_ENDPOINT_URL_S3,
  });
}

function backendsOf(settings: Settings): Record<Server, (dispatcher: Dispatcher) => Backend> {
  const vllm = {
    adapterDir: settings.MLOPS_VLLM_ADAPTER_DIR,
    adaptersPort: settings.MLOPS_ADAPTERS_PORT,
    slots: settings.MLOPS_VLLM_SLOTS,
    adminToken: settings.MLOPS_VLLM_ADMIN_TOKEN,
  };
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

async function adapters(): Promise<void> {
  const settings = adaptersSettings(process.env);
  const downloads = new Adapters({
    host: settings.MLOPS_LISTEN_HOST,
    port: settings.MLOPS_ADAPTERS_PORT,
    store: storeOf(settings),
    dir: settings.MLOPS_VLLM_ADAPTER_DIR,
    source: settings.MLOPS_VLLM_URLS,
    backend: backendsOf(settings).vllm,
    log: createLogger("adapters"),
    maxBytes: settings.MLOPS_ADAPTERS_MAX_BYTES,
    keepMs: settings.MLOPS_ADAPTERS_KEEP_MS,
    records: { pollMs: settings.MLOPS_RECORD_POLL_MS },
  });
  await downloads.start();
  await ended();
  await downloads.stop();
}

const commands: Readonly<Record<string, () => Promise<void>>> = { serve, reconcile, adapters };
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
