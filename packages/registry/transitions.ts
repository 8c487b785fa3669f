/**
 * What may happen to a model's record, as pure functions. Each returns the new state, or the very state that
 * it was given if there is nothing to do, so that a step that runs again changes nothing; and each throws a
 * RefusedError, and so changes nothing, where the step would be a shortcut or comes too late.
 */
import {
  type Evidence,
  type Intent,
  isGone,
  type ModelRecord,
  type ServedVersion,
  type Server,
} from "./record.ts";
import { requiredGates } from "./requirements.ts";

/** A record without what `changeRecord` fills in at every write. */
export type RecordState = Pick<
  ModelRecord,
  | "model"
  | "server"
  | "live"
  | "previous"
  | "candidate"
  | "canaryShare"
  | "intent"
  | "evidence"
  | "retiredThrough"
  | "withdrawn"
>;

/** The state of the model does not allow the change. Trying again does not help: the message says what does. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
}

/** Says that `next` has passed the gates of training and is to be deployed. Makes the record if there is none. */
export function approve(
  state: RecordState | undefined,
  model: { readonly name: string; readonly server: Server },
  next: Intent,
): RecordState {
  if (state === undefined) return { model: model.name, server: model.server, intent: next, evidence: [] };
  if (state.server !== model.server) {
    throw new RefusedError(
      `${model.name} is served by ${state.server}, not by ${model.server}; use another name`,
    );
  }
  const same = JSON.stringify(state.intent) === JSON.stringify(next);
  return same ? state : { ...state, intent: next };
}

/**
 * Makes `version` the candidate, which every replica then loads. It takes the place of an older candidate,
 * whose workflow may be dead; the newer version number wins, so two workflows cannot go on displacing each other.
 *
 * @param files SHA-256 of each file in the version's manifest: among them must be what the gates judged.
 */
export function stage(
  state: RecordState | undefined,
  version: ServedVersion,
  files: readonly string[],
): RecordState {
  const name = version.servedName;
  if (state === undefined)
    throw new RefusedError(`cannot stage ${name}: no version has passed the gates yet`);
  if (state.live?.servedName === name || state.candidate?.servedName === name) return state;
  if (isGone(state, version.version)) {
    throw new RefusedError(
      `cannot stage ${name}: it was withdrawn, or removed as an old version; run claim-version again, which takes a new number`,
    );
  }
  const { candidate, intent } = state;
  if (intent === undefined || !sameSource(intent, version)) {
    const chosen = intent === undefined ? "nothing" : `version ${intent.source.registeredVersion}`;
    throw new RefusedError(
      `cannot stage ${name}, which is registered version ${version.source.registeredVersion}: ${chosen} is ` +
        "chosen for deployment now",
    );
  }
  if (!files.includes(intent.sha256)) {
    throw new RefusedError(`cannot stage ${name}: none of its files is the one that the gates judged`);
  }
  if (candidate !== undefined) {
    if (state.canaryShare !== undefined) {
      throw new RefusedError(
        `cannot stage ${name}: a canary of ${candidate.servedName} is running; end it first`,
      );
    }
    if (candidate.version > version.version) {
      throw new RefusedError(`cannot stage ${name}: the newer ${candidate.servedName} is being deployed`);
    }
  }
  const carried = intent.evidence.map((entry) => ({ ...entry, artifactSha256: version.artifact.sha256 }));
  return pruned({ ...state, candidate: version, evidence: [...state.evidence, ...carried] });
}

/** Adds what a gate found about the candidate; a newer finding of the same gate replaces the older. */
export function addEvidence(state: RecordState | undefined, entry: Evidence): RecordState {
  if (state?.candidate?.artifact.sha256 !== entry.artifactSha256) {
    if (state?.live?.artifact.sha256 === entry.artifactSha256) return state;
    throw new RefusedError(
      `gate ${entry.gate} judged an artifact that is not the candidate any more (${nameOf(state?.candidate)} is)`,
    );
  }
  const others = state.evidence.filter((old) => !isOf(old, entry.gate, entry.artifactSha256));
  return { ...state, evidence: [...others, entry] };
}

/**
 * Takes back what a gate said before about the candidate, because it says no, or cannot tell, now: its last word counts.
 * Without the evidence there is no share of live traffic either. What is not the candidate any more is left as it is.
 */
export function voidEvidence(
  state: RecordState | undefined,
  gate: string,
  artifactSha256: string,
): RecordState | undefined {
  if (state?.candidate?.artifact.sha256 !== artifactSha256) return state;
  const evidence = state.evidence.filter((entry) => !isOf(entry, gate, artifactSha256));
  return evidence.length === state.evidence.length ? state : { ...withoutCanary(state), evidence };
}

/** Gives the candidate a share of live traffic, from above 0 to 1; 0 takes it away. */
export function setCanary(state: RecordState | undefined, servedName: string, share: number): RecordState {
  if (state === undefined || state.candidate?.servedName !== servedName) {
    throw new RefusedError(`${servedName} is not the candidate (${nameOf(state?.candidate)} is)`);
  }
  if (share === 0) return withoutCanary(state);
  if (!(share > 0 && share <= 1)) throw new RangeError(`a share must be from 0 to 1, not ${share}`);
  if (state.live === undefined) throw new RefusedError("nothing is live yet: there is no traffic to share");
  assertEvidence(state, state.candidate);
  return state.canaryShare === share ? state : { ...state, canaryShare: share };
}

/** Makes the candidate live, and what was live previous. Needs the evidence of every required gate. */
export function promote(state: RecordState | undefined, servedName: string): RecordState {
  if (state?.live?.servedName === servedName) return state;
  if (state?.candidate?.servedName !== servedName) {
    const instead =
      state?.candidate === undefined ? "there is no candidate" : `${nameOf(state.candidate)} is`;
    throw new RefusedError(
      `cannot promote ${servedName}: it is not the candidate (${instead}); it was withdrawn or displaced, or ` +
        `another version has won; live is ${nameOf(state?.live)}`,
    );
  }
  assertEvidence(state, state.candidate);
  const { candidate, live, previous: _older, canaryShare: _share, ...rest } = state;
  return pruned({ ...rest, live: candidate, ...(live === undefined ? {} : { previous: live }) });
}

/**
 * Goes back from `from` to the previous version; `from` becomes previous, so that the way forward stays open,
 * and is no longer chosen for deployment. A canary ends: the candidate was compared with what was live before.
 */
export function rollback(state: RecordState | undefined, from: string): RecordState {
  if (state?.live === undefined) throw new RefusedError("cannot roll back: nothing is live");
  if (state.live.servedName !== from) {
    if (state.previous?.servedName === from) return state;
    throw new RefusedError(`cannot roll back from ${from}: ${state.live.servedName} is live`);
  }
  if (state.previous === undefined) {
    throw new RefusedError(`cannot roll back from ${from}: there is no version before it`);
  }
  const { live, previous } = state;
  const { candidate, intent, ...rest } = withoutCanary(state);
  const chosen = intent === undefined || sameSource(intent, live) ? {} : { intent };
  // A previous version may be on its way back through the gates: it has arrived.
  const staged =
    candidate === undefined || candidate.servedName === previous?.servedName ? {} : { candidate };
  return { ...rest, ...chosen, ...staged, live: previous, previous: live };
}

/**
 * Takes a version back that has not come to serve, for good: whoever removes its files may be paused for as long as it
 * likes, since the record cannot name the version again. One that is live or previous stays that, and is no candidate
 * any more.
 */
export function withdraw(
  state: RecordState | undefined,
  { servedName, version }: Pick<ServedVersion, "servedName" | "version">,
): RecordState | undefined {
  if (state === undefined) return undefined;
  const serves = [state.live, state.previous].some((one) => one?.servedName === servedName);
  const marked =
    serves || isGone(state, version) ? state : { ...state, withdrawn: [...(state.withdrawn ?? []), version] };
  if (state.candidate?.servedName !== servedName) return marked;
  const { candidate: _gone, ...rest } = withoutCanary(marked);
  return pruned(rest);
}

/** Why `version` may not get live traffic: a sentence for each gate that is missing or void; else empty. */
export function missingEvidence(state: RecordState, version: ServedVersion): string[] {
  const live = state.live?.version;
  return requiredGates[state.server].flatMap(({ gate, comparative }) => {
    const found = state.evidence.find((entry) => isOf(entry, gate, version.artifact.sha256));
    if (found === undefined) return [`gate ${gate} has not passed this artifact`];
    if (!comparative || found.against === live) return [];
    const then = found.against === undefined ? "nothing was live" : `version ${found.against} was live`;
    const now = live === undefined ? "nothing is" : `version ${live} is`;
    return [`gate ${gate} is stale: ${then} when it ran, ${now} now; run the gate again`];
  });
}

function assertEvidence(state: RecordState, version: ServedVersion): void {
  const missing = missingEvidence(state, version);
  if (missing.length === 0) return;
  throw new RefusedError(`${version.servedName} may not get live traffic: ${missing.join("; ")}`);
}

function isOf(entry: Evidence, gate: string, artifactSha256: string): boolean {
  return entry.gate === gate && entry.artifactSha256 === artifactSha256;
}

/** Whether a version, or a claim, is of the registered version that was chosen. */
export function sameSource(intent: Intent, version: Pick<ServedVersion, "source">): boolean {
  const { runId, registeredModel, registeredVersion } = intent.source;
  const { source } = version;
  return (
    source.runId === runId &&
    source.registeredModel === registeredModel &&
    source.registeredVersion === registeredVersion
  );
}

function withoutCanary(state: RecordState): RecordState {
  if (state.canaryShare === undefined) return state;
  const { canaryShare: _share, ...rest } = state;
  return rest;
}

/** Evidence of versions that left the record goes with them. */
function pruned(state: RecordState): RecordState {
  const held = [state.live, state.previous, state.candidate].map((version) => version?.artifact.sha256);
  return { ...state, evidence: state.evidence.filter((entry) => held.includes(entry.artifactSha256)) };
}

function nameOf(version: ServedVersion | undefined): string {
  return version?.servedName ?? "none";
}
