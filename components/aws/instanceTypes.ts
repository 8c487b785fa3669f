/** EC2 instance types that nodes can be, with what the scheduler and the bill see of them. */
import type { AcceleratorClass } from "../target.ts";

export interface InstanceType {
  readonly vcpus: number;
  /** GiB, nominal. */
  readonly memory: number;
  readonly gpus: number;
  readonly accelerator?: AcceleratorClass;
  /** Network interfaces and IPv4 addresses of each: together they bound the number of pods. */
  readonly interfaces: number;
  readonly addressesPerInterface: number;
  /** On demand, Linux, us-east-1, USD an hour. */
  readonly hourlyUsd: number;
}

/** Day of the prices below, as in Karpenter's generated price table (generated at 2026-07-20). */
export const instancePricesDate = "2026-07-20";

const system = { gpus: 0 } as const;
const l4 = { gpus: 1, accelerator: "l4", interfaces: 4, addressesPerInterface: 15 } as const;
const t4 = { gpus: 1, accelerator: "t4", interfaces: 3, addressesPerInterface: 10 } as const;
const wide = { interfaces: 4, addressesPerInterface: 15 } as const;

/** All are x86-64: not every image of the platform exists for arm64. */
export const instanceTypes: Readonly<Record<string, InstanceType>> = {
  "t3a.large": {
    ...system,
    vcpus: 2,
    memory: 8,
    interfaces: 3,
    addressesPerInterface: 12,
    hourlyUsd: 0.0752,
  },
  "t3.large": { ...system, vcpus: 2, memory: 8, interfaces: 3, addressesPerInterface: 12, hourlyUsd: 0.0832 },
  "m7i-flex.large": {
    ...system,
    vcpus: 2,
    memory: 8,
    interfaces: 3,
    addressesPerInterface: 10,
    hourlyUsd: 0.09576,
  },
  "m6i.large": { ...system, vcpus: 2, memory: 8, interfaces: 3, addressesPerInterface: 10, hourlyUsd: 0.096 },
  "t3a.xlarge": { ...system, ...wide, vcpus: 4, memory: 16, hourlyUsd: 0.1504 },
  "t3.xlarge": { ...system, ...wide, vcpus: 4, memory: 16, hourlyUsd: 0.1664 },
  "m6i.xlarge": { ...system, ...wide, vcpus: 4, memory: 16, hourlyUsd: 0.192 },
  "m6i.2xlarge": { ...system, ...wide, vcpus: 8, memory: 32, hourlyUsd: 0.384 },
  "g6.xlarge": { ...l4, vcpus: 4, memory: 16, hourlyUsd: 0.8048 },
  "g6.2xlarge": { ...l4, vcpus: 8, memory: 32, hourlyUsd: 0.9776 },
  "g4dn.xlarge": { ...t4, vcpus: 4, memory: 16, hourlyUsd: 0.526 },
  "g4dn.2xlarge": { ...t4, vcpus: 8, memory: 32, hourlyUsd: 0.752 },
};

/**
 * The instance type of a checked configuration.
 *
 * @throws Error when it is not in the table; config/awsCombinations.ts says so first.
 */
export function instanceType(name: string): InstanceType {
  const known = instanceTypes[name];
  if (known === undefined) throw new Error(`${name} is not in components/aws/instanceTypes.ts`);
  return known;
}

/**
 * Pods that a node of this type can hold: every pod takes an address, the first of each interface is the
 * interface's own, and two pods (aws-node, kube-proxy) use the host's.
 *
 * @see https://github.com/awslabs/amazon-eks-ami (eni-max-pods)
 */
export function maximumPods({ interfaces, addressesPerInterface }: InstanceType): number {
  return interfaces * (addressesPerInterface - 1) + 2;
}

/** What is left of a node for pods. */
export interface Allocatable {
  /** Thousandths of a core. */
  readonly cpuMillis: number;
  readonly memoryMiB: number;
  readonly gpus: number;
  readonly pods: number;
}

/** Share of the nominal memory that the hypervisor and the kernel keep; Karpenter's estimate. */
const memoryOverhead = 0.075;

/**
 * Allocatable capacity of a node with Amazon Linux 2023: nodeadm reserves 6 % of the first core, 1 % of the
 * second, 0.5 % of the next two and 0.25 % of the others, 255 MiB and 11 MiB a pod; the kubelet
 * evicts below 100 MiB.
 *
 * @see https://github.com/awslabs/amazon-eks-ami (nodeadm/internal/kubelet/config.go)
 */
export function allocatable(type: InstanceType): Allocatable {
  const shares = [60, 10, 5, 5];
  const reservedCpu = Array.from({ length: type.vcpus }, (_, core) => shares[core] ?? 2.5).reduce(
    (sum, share) => sum + share,
    0,
  );
  const pods = maximumPods(type);
  return {
    cpuMillis: Math.floor(type.vcpus * 1000 - reservedCpu),
    memoryMiB: Math.floor(type.memory * 1024 * (1 - memoryOverhead)) - (255 + 11 * pods) - 100,
    gpus: type.gpus,
    pods,
  };
}
