/** Who is compared: the candidate of a record, and what is live. */
import type { ModelReference } from "@mlops/gates";
import { type ModelRecord, RefusedError, readClaim, type ServedVersion, servedName } from "@mlops/registry";
import type { StepContext } from "./context.ts";
import { InputError } from "./errors.ts";

export interface Subjects {
  readonly candidate: ServedVersion;
  /** Undefined if nothing is live. */
  readonly live: ServedVersion | undefined;
}

/**
 * The candidate, which must be this version, and what is live now.
 *
 * @throws RefusedError if another version is the candidate, or a canary mixes the two.
 */
export async function subjectsOf(
  context: StepContext,
  model: string,
  version: number,
  { canary = false }: { readonly canary?: boolean } = {},
): Promise<Subjects & { readonly record: ModelRecord }> {
  const record = await context.record(model);
  const { candidate, live, canaryShare } = record;
  const name = servedName(model, version);
  if (candidate?.version !== version) {
    throw new RefusedError(
      `${name} is not the candidate of ${model}: ${candidate?.servedName ?? "none"} is; stage it with load first`,
    );
  }
  if (canaryShare !== undefined && !canary) {
    throw new RefusedError(
      `a canary sends a part of live's requests to ${name}, so the two cannot be told apart; end it first`,
    );
  }
  return { candidate, live, record };
}

/** How measurements name a served adapter: by its weights, which its claim holds. */
export async function referenceTo(
  context: StepContext,
  model: string,
  { version, source }: ServedVersion,
): Promise<ModelReference> {
  const claim = await readClaim(context.registry, model, version);
  if (claim === undefined) throw new InputError(`version ${version} of ${model} was never claimed`);
  const { registeredModel, registeredVersion } = source;
  return { registeredModel, registeredVersion, sha256: claim.sha256 };
}

/** The same in the form of files between steps. */
export function writtenReference({ registeredModel, registeredVersion, sha256 }: ModelReference): {
  model_name: string;
  model_version: string;
  model_sha256: string;
} {
  return { model_name: registeredModel, model_version: registeredVersion, model_sha256: sha256 };
}

/**
 * The served versions that a measurement is about, if they are candidate and live still.
 *
 * @throws RefusedError if live is another one than was measured: then the measurement is stale.
 */
export async function measuredSubjects(
  context: StepContext,
  model: string,
  version: number,
  measured: { readonly candidate: ModelReference; readonly live?: ModelReference | undefined },
): Promise<Subjects> {
  const subjects = await subjectsOf(context, model, version, { canary: true });
  const candidate = await referenceTo(context, model, subjects.candidate);
  const live = subjects.live && (await referenceTo(context, model, subjects.live));
  if (!same(candidate, measured.candidate)) {
    throw new RefusedError(
      `${named(measured.candidate)} was measured, but ${subjects.candidate.servedName} is ${named(candidate)}: ` +
        "measure it again",
    );
  }
  if (!same(live, measured.live)) {
    throw new RefusedError(
      `the candidate was compared with ${named(measured.live)}, but ${named(live)} is live: measure it again`,
    );
  }
  return subjects;
}

function same(a: ModelReference | undefined, b: ModelReference | undefined): boolean {
  return (
    a?.registeredModel === b?.registeredModel &&
    a?.registeredVersion === b?.registeredVersion &&
    a?.sha256 === b?.sha256
  );
}

function named(reference: ModelReference | undefined): string {
  if (reference === undefined) return "nothing";
  return `version ${reference.registeredVersion} of ${reference.registeredModel}`;
}
