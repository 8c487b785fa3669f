/** What the gateway and the reconciler need of a server, whichever it is. */
import type { ServedVersion, Server } from "@mlops/registry";

/** The administrative side of one kind of server. Every method throws an Error with the server's own words. */
export interface Backend {
  readonly server: Server;
  /** Versions that one replica can hold at most. */
  readonly slots: number;
  /** Which of `names` answer requests on this replica now. */
  ready(url: string, names: readonly string[], signal: AbortSignal): Promise<ReadonlySet<string>>;
  /** Every version that this replica holds, whoever loaded it. */
  held(url: string, signal: AbortSignal): Promise<readonly string[]>;
  /** Resolves when the version answers. Loading one that is loaded already changes nothing. */
  load(url: string, version: ServedVersion, signal: AbortSignal): Promise<void>;
  /** Resolves when the version is gone. Unloading one that is not loaded changes nothing. */
  unload(url: string, servedName: string, signal: AbortSignal): Promise<void>;
}
