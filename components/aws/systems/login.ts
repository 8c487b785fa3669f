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

const auth = "alb.ingress.kubernetes.io/auth-";
const authType = `${auth}type`;
const onUnauthenticated = `${auth}on-unauthenticated-request`;

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
    [`${auth}idp-oidc`]: JSON.stringify({
      issuer: oidc.issuer,
      authorizationEndpoint: oidc.authorizationEndpoint,
      tokenEndpoint: oidc.tokenEndpoint,
      userInfoEndpoint: oidc.userInfoEndpoint,
      secretName: loginSecret,
    }),
    [onUnauthenticated]: "authenticate",
    [`${auth}scope`]: "openid email",
    [`${auth}session-timeout`]: "28800",
    // Health is asked at `/`, which some dashboards answer with a way to their first page.
    "alb.ingress.kubernetes.io/success-codes": "200-399",
  };
}

/** CEL: an Ingress of our class asks for a login, whoever deploys it, and lets nobody in who has not had one. */
const loginRule =
  `!has(object.spec.ingressClassName) || object.spec.ingressClassName != '${ingressClass}' || ` +
  `(has(object.metadata.annotations) && '${authType}' in object.metadata.annotations && ` +
  `object.metadata.annotations['${authType}'] == 'oidc' && ` +
  `(!('${onUnauthenticated}' in object.metadata.annotations) || ` +
  `object.metadata.annotations['${onUnauthenticated}'] != 'allow'))`;

/** CEL: a Service says nothing about logins, because the controller heeds it more than the Ingress before it. */
const serviceRule =
  "!has(object.metadata.annotations) || " +
  `object.metadata.annotations.all(key, !key.startsWith('${auth}'))`;

/** What may not be applied, as specifications of admission policies by their names. */
export const loginGuards = {
  "dashboards-login-required": guard(
    { apiGroups: ["networking.k8s.io"], resources: ["ingresses"] },
    loginRule,
    `an Ingress of class ${ingressClass} is reachable from outside: it needs the annotation ${authType}: oidc, and ${onUnauthenticated} other than allow`,
  ),
  "dashboards-login-kept": guard(
    { apiGroups: [""], resources: ["services"] },
    serviceRule,
    `annotations ${auth}* belong on the Ingress: on a Service they would undo its login`,
  ),
};

function guard(
  kind: { readonly apiGroups: string[]; readonly resources: string[] },
  expression: string,
  message: string,
) {
  return {
    failurePolicy: "Fail",
    matchConstraints: {
      resourceRules: [{ ...kind, apiVersions: ["v1"], operations: ["CREATE", "UPDATE"] }],
    },
    validations: [{ expression, message }],
  };
}

/** How a guard is put into force. */
export function guardBinding(policyName: string) {
  return { policyName, validationActions: ["Deny"] };
}

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
  const policies = Object.entries(loginGuards).flatMap(([name, spec]) => {
    const policy = new k8s.admissionregistration.v1.ValidatingAdmissionPolicy(
      name,
      { metadata: { name }, spec },
      options,
    );
    const binding = new k8s.admissionregistration.v1.ValidatingAdmissionPolicyBinding(
      name,
      { metadata: { name }, spec: guardBinding(name) },
      { ...options, dependsOn: [release, policy] },
    );
    return [policy, binding];
  });
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
  return [...policies, role, reader];
}
