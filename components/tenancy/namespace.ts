import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { ClusterTarget } from "../target.ts";
import { limitRangeSpec, namespaceLabels, quotaSpec, runsWorkflows, type Team } from "./limits.ts";
import { pipelinesNamespace, serviceAccounts, workflowsUser, workflowsUserRole } from "./names.ts";
import type { NetworkPolicy } from "./networkPolicies.ts";
import { allWorkloads, deploymentWorkload, identityOf, trainingWorkload } from "./workloads.ts";

export interface NamespaceArgs {
  readonly target: ClusterTarget;
  readonly name: string;
  readonly teams: readonly Team[];
  /** Policies of this namespace. */
  readonly policies: readonly NetworkPolicy[];
}

/**
 * One namespace with all that must be there before anything runs in it: Pod Security level, network
 * policies, credentials of the object store and, where users' pods run, service accounts and limits.
 */
export class Namespace extends pulumi.ComponentResource {
  private readonly args: NamespaceArgs;
  /** The Namespace alone, for what is no pod and needs none of the rest. */
  readonly resource: k8s.core.v1.Namespace;

  constructor(name: string, args: NamespaceArgs, opts?: pulumi.ComponentResourceOptions) {
    super("mlops:tenancy:Namespace", name, {}, opts);
    this.args = args;
    this.resource = this.createNamespace();
    this.createNetworkPolicies();
    this.createObjectStoreSecrets();
    if (runsWorkflows(args.name, this.teamNames)) {
      this.createLimits();
      this.createServiceAccounts();
      this.createExecutor();
      this.letUserIn();
    }
    this.registerOutputs({ name: args.name });
  }

  private get teamNames(): string[] {
    return this.args.teams.map((team) => team.name);
  }

  private createNamespace(): k8s.core.v1.Namespace {
    const { name, target } = this.args;
    return new k8s.core.v1.Namespace(
      name,
      { metadata: { name, labels: namespaceLabels(name, this.teamNames) } },
      {
        parent: this,
        provider: target.provider,
        dependsOn: [...target.dependsOn],
        ...(target.deletedWith === undefined ? {} : { deletedWith: target.deletedWith }),
      },
    );
  }

  /** Options of what lies in the namespace, and goes with it. */
  private inside(...dependsOn: readonly pulumi.Resource[]): pulumi.CustomResourceOptions {
    return {
      parent: this,
      provider: this.args.target.provider,
      dependsOn: [this.resource, ...dependsOn],
      deletedWith: this.resource,
    };
  }

  private metadata(name: string): { name: string; namespace: string } {
    return { name, namespace: this.args.name };
  }

  private createNetworkPolicies(): void {
    for (const { metadata, spec } of this.args.policies) {
      new k8s.networking.v1.NetworkPolicy(
        `${this.args.name}-${metadata.name}`,
        { metadata, spec },
        this.inside(),
      );
    }
  }

  /** The keys of the object store, once for each Secret that a workload here names. */
  private createObjectStoreSecrets(): void {
    const { name, target } = this.args;
    const { keys } = target.objectStore;
    if (keys === undefined) return;
    const names = allWorkloads(this.teamNames)
      .filter((workload) => workload.namespace === name)
      .flatMap((workload) => identityOf(target, workload).secretName ?? []);
    for (const secretName of new Set(names)) {
      new k8s.core.v1.Secret(
        `${name}-${secretName}`,
        {
          metadata: this.metadata(secretName),
          type: "Opaque",
          stringData: { AWS_ACCESS_KEY_ID: keys.accessKeyId, AWS_SECRET_ACCESS_KEY: keys.secretAccessKey },
        },
        { ...this.inside(), additionalSecretOutputs: ["data", "stringData"] },
      );
    }
  }

  private createLimits(): void {
    const { name, teams } = this.args;
    const team = teams.find((one) => one.name === name);
    new k8s.core.v1.LimitRange(
      `${name}-containers`,
      { metadata: this.metadata("containers"), spec: limitRangeSpec(team) },
      this.inside(),
    );
    if (team === undefined) return;
    new k8s.core.v1.ResourceQuota(
      `${name}-share`,
      { metadata: this.metadata("share"), spec: quotaSpec(team) },
      this.inside(),
    );
  }

  /** No token by default: steps talk to MLflow and the object store, not to the API server. */
  private createServiceAccounts(): void {
    const { name, target } = this.args;
    const workloads = [trainingWorkload(name), ...(name === pipelinesNamespace ? [deploymentWorkload] : [])];
    for (const workload of workloads) {
      new k8s.core.v1.ServiceAccount(
        `${name}-${workload.serviceAccount}`,
        {
          metadata: {
            ...this.metadata(workload.serviceAccount),
            annotations: identityOf(target, workload).annotations,
          },
          automountServiceAccountToken: false,
        },
        this.inside(),
      );
    }
  }

  /** The account with which Argo's containers in a step's pod report results; it can do nothing else. */
  private createExecutor(): void {
    const account = serviceAccounts.executor;
    const id = `${this.args.name}-${account}`;
    const serviceAccount = new k8s.core.v1.ServiceAccount(
      id,
      { metadata: this.metadata(account), automountServiceAccountToken: false },
      this.inside(),
    );
    // Argo mounts this Secret, by this name, into its own containers only.
    new k8s.core.v1.Secret(
      `${id}-token`,
      {
        metadata: {
          ...this.metadata(`${account}.service-account-token`),
          annotations: { "kubernetes.io/service-account.name": account },
        },
        type: "kubernetes.io/service-account-token",
      },
      { ...this.inside(serviceAccount), additionalSecretOutputs: ["data"] },
    );
    const role = new k8s.rbac.v1.Role(
      id,
      {
        metadata: this.metadata(account),
        rules: [
          { apiGroups: ["argoproj.io"], resources: ["workflowtaskresults"], verbs: ["create", "patch"] },
        ],
      },
      this.inside(),
    );
    new k8s.rbac.v1.RoleBinding(
      id,
      {
        metadata: this.metadata(account),
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: account },
        subjects: [{ kind: "ServiceAccount", name: account, namespace: this.args.name }],
      },
      this.inside(role),
    );
  }

  /** Lets the user of the Argo Workflows UI see and run workflows here. */
  private letUserIn(): void {
    new k8s.rbac.v1.RoleBinding(
      `${this.args.name}-${workflowsUser.name}`,
      {
        metadata: this.metadata(workflowsUser.name),
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: workflowsUserRole },
        subjects: [{ kind: "ServiceAccount", ...workflowsUser }],
      },
      this.inside(),
    );
  }
}
