import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { charts } from "../../../charts.ts";
import type { AwsSettings } from "../../../config/awsSchema.ts";
import type { PrepareContext } from "../../platform/system.ts";

/** Ingress class of dashboards. */
export const ingressClass = "alb";
/** Secret with the identity provider's client, in every namespace with a dashboard. */
export const loginSecret = "dashboards-login";

/** Namespaces with a dashboard behind the load balancer. */
export const dashboardNamespaces: readonly string[] = (
  ["argo-cd", "argo-workflows", "kube-prometheus-stack", "mlflow", "ray-cluster"] as const
).map((chart) => charts[chart].namespace);

const authType = "alb.ingress.kubernetes.io/auth-type";

/**
 * Annotations of a dashboard's Ingress: above all, the load balancer lets a request through only after a login
 * at the identity provider.
 *
 * @see https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/ingress/annotations/#authentication
 */
export function ingressAnnotations(
  oidc: NonNullable<NonNullable<AwsSettings["domain"]>["oidc"]>,
): Readonly<Record<string, string>> {
  return {
    [authType]: "oidc",
    "alb.ingress.kubernetes.io/auth-idp-oidc": JSON.stringify({
      issuer: oidc.issuer,
      authorizationEndpoint: oidc.authorizationEndpoint,
      tokenEndpoint: oidc.tokenEndpoint,
      userInfoEndpoint: oidc.userInfoEndpoint,
      secretName: loginSecret,
    }),
    "alb.ingress.kubernetes.io/auth-on-unauthenticated-request": "authenticate",
    "alb.ingress.kubernetes.io/auth-scope": "openid email",
    "alb.ingress.kubernetes.io/auth-session-timeout": "28800",
    // Health is asked at `/`, which some dashboards answer with a way to their first page.
    "alb.ingress.kubernetes.io/success-codes": "200-399",
  };
}

/** CEL: an Ingress of our class asks for a login, whoever deploys it. */
export const loginRule =
  `!has(object.spec.ingressClassName) || object.spec.ingressClassName != '${ingressClass}' || ` +
  `(has(object.metadata.annotations) && '${authType}' in object.metadata.annotations && ` +
  `object.metadata.annotations['${authType}'] == 'oidc')`;

/**
 * Makes sure that nothing gets onto the public load balancer without a login, and that its controller can read
 * the login's secret, and that one only.
 */
export function guardDashboards(
  context: PrepareContext,
  release: pulumi.Resource,
  controller: { readonly namespace: string; readonly serviceAccount: string },
): pulumi.Resource[] {
  const options = { parent: context.parent, provider: context.target.provider, dependsOn: [release] };
  const policy = new k8s.admissionregistration.v1.ValidatingAdmissionPolicy(
    "dashboards-login-required",
    {
      metadata: { name: "dashboards-login-required" },
      spec: {
        failurePolicy: "Fail",
        matchConstraints: {
          resourceRules: [
            {
              apiGroups: ["networking.k8s.io"],
              apiVersions: ["v1"],
              operations: ["CREATE", "UPDATE"],
              resources: ["ingresses"],
            },
          ],
        },
        validations: [
          {
            expression: loginRule,
            message: `an Ingress of class ${ingressClass} is reachable from outside: it needs the annotation ${authType}: oidc`,
          },
        ],
      },
    },
    options,
  );
  const binding = new k8s.admissionregistration.v1.ValidatingAdmissionPolicyBinding(
    "dashboards-login-required",
    {
      metadata: { name: "dashboards-login-required" },
      spec: { policyName: "dashboards-login-required", validationActions: ["Deny"] },
    },
    { ...options, dependsOn: [release, policy] },
  );
  const role = new k8s.rbac.v1.ClusterRole(
    "dashboards-login-reader",
    {
      metadata: { name: "dashboards-login-reader" },
      rules: [
        {
          apiGroups: [""],
          resources: ["secrets"],
          resourceNames: [loginSecret],
          verbs: ["get", "list", "watch"],
        },
      ],
    },
    options,
  );
  const reader = new k8s.rbac.v1.ClusterRoleBinding(
    "dashboards-login-reader",
    {
      metadata: { name: "dashboards-login-reader" },
      roleRef: {
        apiGroup: "rbac.authorization.k8s.io",
        kind: "ClusterRole",
        name: "dashboards-login-reader",
      },
      subjects: [
        { kind: "ServiceAccount", name: controller.serviceAccount, namespace: controller.namespace },
      ],
    },
    { ...options, dependsOn: [release, role] },
  );
  return [policy, binding, role, reader];
}
