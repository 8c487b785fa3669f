/** An object parsed from JSON or YAML whose shape nobody has checked yet. */
export type JsonObject = Record<string, unknown>;

/**
 * What happens on a violation, with CrossGuard's words. `remediate` is mended where a door can mend
 * (the pack) and counts as mandatory where it cannot.
 */
export type Level = "mandatory" | "advisory" | "remediate";

/** What a rule judges: a Kubernetes object, the inputs of a Helm Release, or those of an AWS resource. */
export type Target = "kubernetes" | "release" | "aws";

/** A place in an object that breaks a rule, or that cannot be judged before run time. */
export interface Finding {
  /** `deferred`: the value is only known at run time; Pod admission decides. */
  readonly kind: "violation" | "deferred";
  readonly rule: string;
  /** What is wrong. */
  readonly message: string;
  /** Where: a JSON path such as `$.spec.containers[0].image`. */
  readonly path: string;
  /** How to mend it. */
  readonly fix: string;
  readonly level: Level;
}

/** What is known about a namespace that a team works in. */
export interface NamespaceFacts {
  /** GPUs that the namespace's ResourceQuota grants; 0 is none. */
  readonly gpuQuota: number;
  /** Most GPUs that one workload of the team may hold at a time. */
  readonly maximumGpus: number;
}

/** What surrounds an object and decides how it is judged. */
export interface Context {
  readonly stack: "local" | "aws";
  /** Namespaces of teams by name. Absent: not known here, so that quota rules defer to admission. */
  readonly namespaces?: Readonly<Record<string, NamespaceFacts>>;
  /** Namespaces of the platform itself, the only ones where system workloads keep their privileges. */
  readonly systemNamespaces: readonly string[];
  readonly registries: {
    /** Registries (`host[:port][/path]`) that hold images built by us. */
    readonly own: readonly string[];
    /** Registries that images may come from besides our own. */
    readonly allowed: readonly string[];
  };
  /** Helm repositories that releases may come from: an URL, or an OCI reference that charts lie under. */
  readonly chartRepositories: readonly string[];
  readonly accelerators: {
    /** Extended resource that a GPU is asked for by. */
    readonly resource: string;
    /** Key of the taint on GPU nodes. */
    readonly taint: string;
    /** Node label that carries the accelerator class. */
    readonly label: string;
    readonly classes: readonly string[];
  };
  /** Label keys that say who owns a workload and which queue it waits in. */
  readonly labels: { readonly owner: string; readonly queue: string };
  /** Tags whose values are known, used to mend AWS resources that lack them. */
  readonly tags: Readonly<Record<string, string>>;
  /** Settings by rule name; what is missing takes the rule's default. */
  readonly knobs: Readonly<Record<string, JsonObject>>;
}

/** A value that an object lacks, and where it belongs. */
export interface Addition {
  readonly path: readonly (string | number)[];
  readonly value: unknown;
}

/** The JSON Schema of a rule's settings, as CrossGuard wants it. */
export interface ConfigSchema {
  readonly properties: Readonly<Record<string, JsonObject>>;
}

/** A pure function from an object and its surroundings to findings, and what is to be said about it. */
export interface Rule {
  readonly name: string;
  readonly description: string;
  readonly level: Level;
  readonly target: Target;
  /** Pulumi type tokens that an AWS rule judges; empty for the other targets. */
  readonly types: readonly string[];
  readonly configSchema: ConfigSchema;
  /** What is wrong with the rule's settings in a context; empty when nothing is. */
  readonly problemsWithKnobs: (context: Context) => string[];
  /** Never throws, whatever the object. For an AWS rule of several types, `type` says which. */
  readonly check: (object: unknown, context: Context, type?: string) => Finding[];
  /** What to add to the object so that it passes; empty when nothing can be added safely. */
  readonly remediate?: (object: unknown, context: Context, type?: string) => Addition[];
}

/** A resource of a stack together with the resources that its inputs refer to. */
export interface StackResource {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  readonly inputs: unknown;
  /** URNs that each input depends on. */
  readonly references: Readonly<Record<string, readonly string[]>>;
}

/** A rule on what several resources make up together, such as a bucket and its bucket policy. */
export interface StackRule {
  readonly name: string;
  readonly description: string;
  readonly level: Exclude<Level, "remediate">;
  readonly configSchema: ConfigSchema;
  /** What is wrong with the rule's settings in a context; empty when nothing is. */
  readonly problemsWithKnobs: (context: Context) => string[];
  readonly checkStack: (
    resources: readonly StackResource[],
    context: Context,
  ) => (Finding & { readonly urn: string })[];
}
