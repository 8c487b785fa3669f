import { describe, expect, it } from "vitest";
import type { ConfigurationName } from "../configurations.ts";
import { consumer, type Registered, type Run } from "../harness.ts";

/** What a resource comes after, and therefore goes before, however far away. */
function ancestors(run: Run, start: Registered): ReadonlySet<string> {
  const byUrn = new Map(run.resources.map((resource) => [resource.urn, resource]));
  const found = new Set<string>();
  const visit = (urn: string): void => {
    const resource = byUrn.get(urn);
    if (resource === undefined || found.has(urn)) return;
    found.add(urn);
    // A child goes before its parent, so before all that the parent comes after.
    for (const next of [...resource.dependencies, resource.parent, providerUrn(resource)]) visit(next);
  };
  visit(start.urn);
  found.delete(start.urn);
  return found;
}

/** A provider reference is the provider's URN and id. */
function providerUrn({ provider }: Registered): string {
  return provider.slice(0, provider.lastIndexOf("::"));
}

const isCustom = ({ type }: Registered): boolean => !type.startsWith("mlops:") && !type.startsWith("pulumi:");

/** Whether a resource lies under a component of one of these types. */
function under(run: Run, resource: Registered, types: readonly string[]): boolean {
  const parent = run.resources.find(({ urn }) => urn === resource.parent);
  return parent !== undefined && (types.includes(parent.type) || under(run, parent, types));
}

export function describeOrder(runs: Readonly<Record<ConfigurationName, Run>>): void {
  const names = Object.keys(runs) as ConfigurationName[];
  const missing = (run: Run, from: Registered, needed: readonly Registered[]): string[] => {
    const before = ancestors(run, from);
    return needed.filter(({ urn }) => !before.has(urn)).map(({ type, name }) => `${type} ${name}`);
  };

  describe.each(names)("order of %s", (name) => {
    const run = runs[name];
    const releases = run.all("kubernetes:helm.sh/v3:Release");
    const release = (wanted: string) => run.one("kubernetes:helm.sh/v3:Release", wanted);
    const addon = (wanted: string) => run.one("aws:eks/addon:Addon", wanted);
    const nodeGroups = run.all("aws:eks/nodeGroup:NodeGroup");

    it("has every resource once", () => {
      const urns = run.resources.map(({ urn }) => urn);
      expect(new Set(urns).size).toBe(urns.length);
    });

    it("deletes nothing of network, cluster, nodes and add-ons before the last release is gone", () => {
      const needed = run.resources.filter(
        (resource) =>
          isCustom(resource) &&
          // Roles of service accounts are the concern of the next test but one.
          !resource.type.startsWith("aws:iam/") &&
          under(run, resource, ["mlops:aws:Network", "mlops:aws:Cluster"]),
      );
      expect(needed.length).toBeGreaterThan(40);
      for (const some of releases) expect([some.name, missing(run, some, needed)]).toEqual([some.name, []]);
    });

    it("deletes nodes before what they run on: routes, pod network, and the roles of both", () => {
      const iam = run.resources.filter(
        (resource) =>
          resource.type.startsWith("aws:iam/rolePolicyAttachment") ||
          resource.name === "cluster-identity-provider",
      );
      const network = run.resources.filter(
        (resource) => isCustom(resource) && under(run, resource, ["mlops:aws:Network"]),
      );
      expect(nodeGroups.length).toBeGreaterThan(0);
      for (const group of nodeGroups) {
        expect(missing(run, group, [...iam, ...network, addon("vpc-cni"), addon("kube-proxy")])).toEqual([]);
      }
    });

    it("deletes a system before the permissions of its service account", () => {
      for (const chart of ["aws-load-balancer-controller", "cluster-autoscaler", "external-secrets"]) {
        const policy = run.resources.filter(
          ({ type, name: role }) =>
            type === "aws:iam/rolePolicy:RolePolicy" && role.endsWith(`-${chart}-policy`),
        );
        expect(policy).toHaveLength(1);
        expect(missing(run, release(chart), policy)).toEqual([]);
      }
      const own = run.one("aws:iam/rolePolicy:RolePolicy", "mlflow-mlflow-policy");
      expect(missing(run, release(consumer), [own])).toEqual([]);
    });

    it("takes load balancers away between who asked for them and who makes them", () => {
      const drain = run.one("command:local:Command", "drain-load-balancers");
      const controller = release("aws-load-balancer-controller");
      expect(missing(run, release(consumer), [drain])).toEqual([]);
      expect(missing(run, drain, [controller, ...nodeGroups])).toEqual([]);
      expect(ancestors(run, controller).has(drain.urn)).toBe(false);
    });

    it("deletes volumes between who asked for them and their driver", () => {
      const drain = run.one("command:local:Command", "drain-volumes");
      const policy = run.one("aws:iam/rolePolicy:RolePolicy", "kube-system-ebs-csi-controller-sa-policy");
      for (const some of releases) expect(missing(run, some, [drain])).toEqual([]);
      expect(missing(run, drain, [addon("aws-ebs-csi-driver"), policy, ...nodeGroups])).toEqual([]);
    });

    it("gives MLflow its database, user and bucket first, and takes them last", () => {
      const needed = [
        run.one("aws:rds/instance:Instance", "mlflow-database-instance"),
        run.one("aws:secretsmanager/secretVersion:SecretVersion", "mlflow-database-user-password-version"),
        run.one("kubernetes:batch/v1:Job", "mlflow-database-user-job"),
        run.one("aws:s3/bucket:Bucket", "mlflow-artifacts"),
        run.one("aws:kms/key:Key", "data-key"),
      ];
      expect(missing(run, release(consumer), needed)).toEqual([]);
    });

    it("makes the log group before the cluster would make one itself, and keeps it until after", () => {
      const logs = run.one("aws:cloudwatch/logGroup:LogGroup", "cluster-logs");
      const controlPlane = run.one("eks:index:Cluster", "cluster-control-plane");
      expect(missing(run, controlPlane, [logs, run.one("aws:kms/key:Key", "cluster-key")])).toEqual([]);
    });
  });
}
