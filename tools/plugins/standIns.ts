/** A program that takes the place of a Pulumi resource plugin which could not be had on this machine. */
export interface StandIn {
  /** Package name, as in `pulumi-resource-<name>`. */
  readonly name: string;
  /** Version of the real plugin that is stood in for: the one that the installed SDK asks for. */
  readonly version: string;
  /**
   * Program that serves the plugin. The engine starts it in the Pulumi program's folder with its own address as
   * the argument: `node <main> <engine address>`; a launcher must keep both, and `exec` so that signals arrive.
   */
  readonly main: URL;
  /** Why it is in use. By default, because the real plugin could not be had. */
  readonly why?: string;
}

/** Every stand-in, so that whoever installs one can say so. */
export const standIns = {
  random: { name: "random", version: "4.21.2", main: new URL("random/main.ts", import.meta.url) },
  command: { name: "command", version: "1.2.1", main: new URL("command/main.ts", import.meta.url) },
} as const satisfies Record<string, StandIn>;

const rehearsed = "a rehearsal: nothing is asked of AWS";

/**
 * Plugins that record what AWS would be told and answer as it might. For rehearsals and tests, which have a
 * PULUMI_HOME and a backend of their own: the toolchain never installs them, so no real stack meets them.
 */
export const rehearsalPlugins = {
  aws: {
    name: "aws",
    version: "7.48.0",
    main: new URL("aws/main.ts", import.meta.url),
    why: rehearsed,
  },
  eks: {
    name: "eks",
    version: "4.3.0",
    main: new URL("eks/main.ts", import.meta.url),
    why: rehearsed,
  },
} as const satisfies Record<string, StandIn>;

/** What a user is told wherever a stand-in is used. */
export function standInNotice({ name, version, why }: StandIn): string {
  return `stand-in for pulumi-resource-${name} ${version} (${why ?? "the real plugin could not be had here"})`;
}
