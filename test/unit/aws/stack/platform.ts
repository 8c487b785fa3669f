import { describe, expect, it } from "vitest";
import { acceleratorLabel } from "../../../../components/aws/accelerators.ts";
import { acceleratorLabel as localAcceleratorLabel } from "../../../../components/local/facts.ts";
import type { ConfigurationName } from "../configurations.ts";
import type { Run } from "../harness.ts";

const grafana = { name: "grafana", namespace: "monitoring", service: "grafana", port: 80 };

export function describePlatform(runs: Readonly<Record<ConfigurationName, Run>>): void {
  const valuesOf = (name: ConfigurationName, chart: string) =>
    runs[name].one("kubernetes:helm.sh/v3:Release", chart).inputs.values as Record<string, unknown>;

  describe("what the platform sees", () => {
    it("is S3, PostgreSQL and roles, without a key pair or an endpoint", () => {
      const { target } = runs.default;
      expect(target).toMatchObject({
        name: "eks",
        objectStore: { region: "us-east-1" },
        selfHostsObjectStore: false,
        database: { kind: "postgres", port: 5432, name: "mlflow" },
        storageClass: "gp3",
        fakeGpus: false,
        runsPods: true,
      });
      expect(target.objectStore).not.toHaveProperty("keys");
      expect(target.objectStore).not.toHaveProperty("endpoint");
      expect(target).not.toHaveProperty("deletedWith");
    });

    it("has as many GPUs as nodes can come", () => {
      const capacities = (name: ConfigurationName) => {
        const { l4, t4 } = runs[name].target.accelerators;
        return [l4.capacity, t4.capacity];
      };
      expect(capacities("default")).toEqual([1, 1]);
      expect(capacities("spotOnly")).toEqual([2, 8]);
      expect(capacities("noGpu")).toEqual([0, 0]);
      expect(runs.default.target.accelerators.l4.tolerations).toEqual([
        { key: "nvidia.com/gpu", operator: "Exists", effect: "NoSchedule" },
      ]);
      // One label on every cluster, or manifests would fit only one of them.
      expect(acceleratorLabel).toBe(localAcceleratorLabel);
    });

    it("exposes nothing without a domain, and with one only behind a login", () => {
      expect(runs.default.target.ingress).toBeUndefined();
      expect(runs.default.target.url(grafana)).toEqual({
        portForward: "kubectl -n monitoring port-forward service/grafana 80",
      });
      const { ingress, url } = runs.production.target;
      expect(url(grafana)).toEqual({ url: "https://grafana.mlops.example.com" });
      expect(ingress?.className).toBe("alb");
      const { annotations = {} } = ingress ?? {};
      expect(annotations["alb.ingress.kubernetes.io/auth-type"]).toBe("oidc");
      expect(annotations["alb.ingress.kubernetes.io/auth-on-unauthenticated-request"]).toBe("authenticate");
      expect(JSON.parse(annotations["alb.ingress.kubernetes.io/auth-idp-oidc"] ?? "")).toEqual({
        issuer: "https://login.example.com",
        authorizationEndpoint: "https://login.example.com/authorize",
        tokenEndpoint: "https://login.example.com/token",
        userInfoEndpoint: "https://login.example.com/userinfo",
        secretName: "dashboards-login",
      });
    });
  });

  describe("charts of the aws stack", () => {
    const always = ["aws-load-balancer-controller", "cluster-autoscaler", "external-secrets"];
    const gpu = ["nvidia-device-plugin", "dcgm-exporter"];
    it.each([
      ["smallest", [...always, ...gpu]],
      ["default", [...always, ...gpu]],
      ["production", [...always, ...gpu, "external-dns", "cert-manager"]],
      ["spotOnly", [...always, ...gpu]],
      ["noGpu", always],
    ] as const)("%s has the ones that it needs", (name, charts) => {
      const { ownCharts, additions } = runs[name].target;
      expect(ownCharts).toEqual(charts);
      expect(additions.systems.map(({ chart }) => chart).sort()).toEqual([...charts].sort());
    });

    it("tell controllers what they cannot ask the metadata service", () => {
      expect(valuesOf("default", "aws-load-balancer-controller")).toMatchObject({
        clusterName: "mlops-aws-a1b2c3",
        region: "us-east-1",
        vpcId: "network-vpc-id",
        enableServiceMutatorWebhook: false,
        disableIngressClassAnnotation: true,
        defaultLoadBalancerScheme: "internal",
        ingressClassParams: { spec: { scheme: "internal" } },
        serviceAccount: {
          name: "aws-load-balancer-controller",
          annotations: {
            "eks.amazonaws.com/role-arn":
              "arn:aws:iam::123456789012:role/aws-controllers-aws-load-balancer-controller-id",
          },
        },
      });
      expect(valuesOf("default", "cluster-autoscaler")).toMatchObject({
        awsRegion: "us-east-1",
        autoDiscovery: { clusterName: "mlops-aws-a1b2c3" },
        image: { tag: "v1.35.0" },
        rbac: { serviceAccount: { name: "cluster-autoscaler" } },
      });
    });

    it("make one public load balancer, for the named networks, with TLS", () => {
      const { ingressClassParams } = valuesOf("production", "aws-load-balancer-controller") as {
        ingressClassParams: { spec: object };
      };
      expect(ingressClassParams.spec).toMatchObject({
        scheme: "internet-facing",
        inboundCIDRs: ["203.0.113.0/24"],
        group: { name: "dashboards" },
        subnets: { ids: ["network-public-a-id", "network-public-b-id", "network-public-c-id"] },
        certificateArn: ["arn:aws:mock:us-east-1:123456789012:dashboards-certificate"],
        sslRedirectPort: "443",
        sslPolicy: "ELBSecurityPolicy-TLS13-1-2-2021-06",
      });
    });

    it("run GPU pods on GPU nodes only, and wait for none", () => {
      for (const chart of gpu) {
        expect(valuesOf("default", chart)).toMatchObject({
          nodeSelector: { "nvidia.com/gpu.present": "true" },
          tolerations: [{ key: "nvidia.com/gpu", operator: "Exists", effect: "NoSchedule" }],
        });
      }
    });

    it("keep names and certificates to the domain's zone", () => {
      expect(valuesOf("production", "external-dns")).toMatchObject({
        domainFilters: ["mlops.example.com"],
        txtOwnerId: "mlops-aws-a1b2c3",
        extraArgs: ["--zone-id-filter=Z0123456789ABCDEFGHIJ", "--ingress-class=alb"],
      });
      const certificate = runs.production.one("aws:acm/certificate:Certificate", "dashboards-certificate");
      expect(certificate.inputs).toEqual({
        domainName: "mlops.example.com",
        subjectAlternativeNames: ["*.mlops.example.com"],
        validationMethod: "DNS",
      });
    });

    it.each([
      ["dashboards-login-required", "ingresses"],
      ["dashboards-login-kept", "services"],
    ])("are guarded by %s, which judges %s", (name, resource) => {
      const kind = "kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicy";
      expect(runs.production.one(`${kind}Binding`, name).inputs.spec).toEqual({
        policyName: name,
        validationActions: ["Deny"],
      });
      expect(runs.production.one(kind, name).inputs.spec).toMatchObject({
        failurePolicy: "Fail",
        matchConstraints: { resourceRules: [{ resources: [resource], operations: ["CREATE", "UPDATE"] }] },
      });
    });

    it("let the controller read the login's Secret only", () => {
      const role = runs.production.one(
        "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole",
        "dashboards-login-reader",
      );
      expect(role.inputs.rules).toEqual([
        {
          apiGroups: [""],
          resources: ["secrets"],
          resourceNames: ["dashboards-login"],
          verbs: ["get", "list", "watch"],
        },
      ]);
    });
  });
}
