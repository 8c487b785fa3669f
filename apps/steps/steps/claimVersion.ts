import {
  claimVersion as claim,
  folders,
  RefusedError,
  type Server,
  servedName,
  tritonBackends,
} from "@mlops/registry";
import type { StepContext } from "../lib/context.ts";
import { InputError } from "../lib/errors.ts";
import { modelName, optionalText, text } from "../lib/flags.ts";
import { defineStep } from "../lib/step.ts";

/** Raise a server's when `upload` makes other files of the same model: then it is another version. */
const formats = { triton: 2, vllm: 1 } as const satisfies Record<Server, number>;

export const claimVersion = defineStep({
  name: "claim-version",
  about: "Claims the next version number, or finds the one that this registered version has.",
  flags: {
    model: modelName,
    "registered-version": text("the version that `resolve` found"),
    backend: optionalText(
      "Triton backend that runs the model; MLOPS_TRITON_BACKEND, else onnxruntime; adapters have none",
    ),
  },
  outputs: { version: "the version number", "served-name": "name under which servers load it" },
  run: async (context, { model, "registered-version": expected, backend: asked }, write) => {
    const record = await context.record(model);
    const { intent, server } = record;
    if (intent?.source.registeredVersion !== expected) {
      throw new RefusedError(
        `version ${intent?.source.registeredVersion ?? "none"} is chosen for deployment as ${model} meanwhile, not ${expected}`,
      );
    }
    const origin = {
      source: intent.source,
      sha256: intent.sha256,
      format: formatOf(context, server, asked),
    };
    const version = await claim(context.registry, model, origin, context.actor, record);
    context.log(
      `version ${version} of ${model} is registered version ${expected} of ${intent.source.registeredModel}`,
    );
    write({ version: String(version), "served-name": servedName(model, version) });
  },
});

/** How the version's files are made: `lora/1`, or `triton/<backend>/2`. */
function formatOf(context: StepContext, server: Server, asked: string | undefined): string {
  if (server === "vllm") return `${folders.vllm}/${formats.vllm}`;
  const backend = asked ?? context.environment.optional("MLOPS_TRITON_BACKEND") ?? "onnxruntime";
  const known = tritonBackends.find((name) => name === backend);
  if (known !== undefined) return `${folders.triton}/${known}/${formats.triton}`;
  throw new InputError(`--backend ${backend}: must be one of ${tritonBackends.join(", ")}`);
}
