/** Versions of the managed parts of a cluster, by Kubernetes minor version. */

/** EKS add-ons that every cluster has. */
export const addonNames = [
  "vpc-cni",
  "kube-proxy",
  "coredns",
  "aws-ebs-csi-driver",
  "metrics-server",
] as const;
export type AddonName = (typeof addonNames)[number];

export interface KubernetesRelease {
  /** Last day of EKS standard support; afterwards the control plane costs $0.60 instead of $0.10 an hour. */
  readonly standardSupportEnds: string;
  readonly addons: Readonly<Record<AddonName, string>>;
}

/**
 * Kubernetes versions that this program can run, each with add-ons that EKS offers as defaults for it.
 *
 * A newer version is a new row: `aws eks describe-addon-versions --kubernetes-version VERSION` lists
 * its add-ons. Source of the rows: that command's output as published in August 2026.
 */
export const kubernetesReleases: Readonly<Record<string, KubernetesRelease>> = {
  "1.35": {
    standardSupportEnds: "2027-03-27",
    addons: {
      "vpc-cni": "v1.22.3-eksbuild.1",
      "kube-proxy": "v1.35.3-eksbuild.17",
      coredns: "v1.13.2-eksbuild.11",
      "aws-ebs-csi-driver": "v1.63.1-eksbuild.1",
      "metrics-server": "v0.9.0-eksbuild.5",
    },
  },
};

export const currentKubernetesVersion = "1.35";

/**
 * The release that a checked configuration names.
 *
 * @throws Error when the version is not in the table; config/awsCombinations.ts says so first.
 */
export function kubernetesRelease(version: string): KubernetesRelease {
  const release = kubernetesReleases[version];
  if (release === undefined) throw new Error(`Kubernetes ${version} is not in components/aws/versions.ts`);
  return release;
}
