/** From a stable name to the version that one request gets; pure. */
import type { ModelRecord, ServedVersion, Server } from "@mlops/registry";

/** What a request was resolved to; it keeps it to its end, whatever the record becomes. */
export interface Resolved {
  readonly model: string;
  readonly server: Server;
  readonly version: ServedVersion;
  /** Epoch of the record that said so. */
  readonly epoch: number;
}

export interface ResolveArgs {
  readonly records: { get(model: string): ModelRecord | undefined };
  /** `<model>` and `<model>-live` mean the live version, `<model>-candidate` the candidate. */
  readonly name: string;
  /** Uniform in [0, 1): decides which requests a canary gets. */
  readonly random: () => number;
  /** Whether any replica answers for a version now; a canary that none does gets no traffic. */
  readonly available: (server: Server, servedName: string) => boolean;
}

/** The version for one request, or undefined if the name means none. A model of that very name comes first. */
export function resolveName({ records, name, random, available }: ResolveArgs): Resolved | undefined {
  const [record, role] = find(records, name) ?? [];
  if (record === undefined) return undefined;
  const { model, server, epoch, live, candidate } = record;
  const share = live === undefined ? 0 : (record.canaryShare ?? 0);
  const canary = candidate !== undefined && random() < share && available(server, candidate.servedName);
  const version = role === "candidate" || canary ? candidate : live;
  return version === undefined ? undefined : { model, server, version, epoch };
}

function find(
  records: ResolveArgs["records"],
  name: string,
): readonly [ModelRecord, "live" | "candidate"] | undefined {
  const exact = records.get(name);
  if (exact !== undefined) return [exact, "live"];
  const [, model, role] = /^(.+)-(live|candidate)$/.exec(name) ?? [];
  const record = model === undefined ? undefined : records.get(model);
  return record === undefined ? undefined : [record, role as "live" | "candidate"];
}
