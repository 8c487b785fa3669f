import type * as pulumi from "@pulumi/pulumi";
import type { ChartName } from "../../charts.ts";
import type { ClusterTarget, PlatformService, Size, TargetFacts, Values } from "../target.ts";

/** Choices about what is installed, beyond target and size. */
export interface PlatformOptions {
  /** Git repository that ArgoCD's root application follows; nothing is synced without it. */
  readonly gitops?: { readonly repository: string; readonly revision: string; readonly path: string };
  /** Names of the teams, which are also their namespaces. */
  readonly teams: readonly string[];
  /** How Triton runs: on T4 GPUs, or on CPU when no accelerator is named. One replica on CPU by default. */
  readonly triton?: { readonly accelerator?: "t4"; readonly replicas: number };
  /** What vLLM serves, or undefined to leave vLLM out. */
  readonly llm?: {
    readonly model: string;
    /** Commit of the model's repository on the hub; its branch `main` where none is named. */
    readonly revision?: string;
    readonly accelerator?: "l4";
    readonly replicas: number;
    /** Secret in vLLM's namespace whose key `token` opens gated models; none for open ones. */
    readonly tokenSecret?: string;
  };
  /** Tag, with or without digest, of the image `serving`; absent while it was not pushed yet. */
  readonly servingTag?: string;
}

/** What a system's pure values function gets. */
export interface ValuesContext {
  readonly target: TargetFacts;
  readonly size: Size;
  readonly options: PlatformOptions;
}

/** What a system may create before its release. */
export interface PrepareContext extends ValuesContext {
  readonly target: ClusterTarget;
  readonly parent: pulumi.Resource;
  /** The system's namespace, to be waited for. */
  readonly namespace: pulumi.Resource;
  /** Any namespace of the stack, for objects that belong into another system's. */
  readonly namespaceOf: (name: string) => pulumi.Resource;
}

export interface Prepared {
  /** Secrets and the like that the release must wait for. */
  readonly resources: readonly pulumi.Resource[];
  /** What a person needs to log in; goes to the secret output `credentials`. */
  readonly credentials?: Readonly<Record<string, pulumi.Input<string>>>;
}

/** An object by its address. */
export interface KubernetesObject {
  readonly namespace: string;
  /** `<kind>/<name>`, as kubectl takes it. */
  readonly object: string;
}

/** One system of the platform: a chart, pure values for it, and what the chart takes for granted. */
export interface System {
  readonly chart: ChartName;
  /** Values for the real chart; pure, so that tests render it without any engine. */
  readonly values: (context: ValuesContext) => Values;
  readonly prepare?: (context: PrepareContext) => Prepared;
  /**
   * Makes objects that need the chart's CRDs or operator, after the release is ready.
   *
   * @returns what the systems that need this one must wait for besides its release.
   */
  readonly after?: (context: PrepareContext, release: pulumi.Resource) => readonly pulumi.Resource[];
  /** What its operator makes outside of the release and leaves there when it is uninstalled. */
  readonly leftBehind?: readonly KubernetesObject[];
  /** What people reach, for the `urls` output. */
  readonly services?: readonly PlatformService[];
  /** What other pods reach, for the `endpoints` output: name to in-cluster URL. */
  readonly endpoints?: Readonly<Record<string, string>>;
}

/** What one kind of cluster adds to the platform's own systems. */
export interface Additions {
  readonly systems: readonly System[];
  /** Charts that must be ready before another one, besides those that charts.ts names. */
  readonly needs: Partial<Readonly<Record<ChartName, readonly ChartName[]>>>;
}
