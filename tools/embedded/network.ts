/** Address ranges as k3s has them, so that what a chart assumes of a local cluster holds here too. */
export const podRange = "10.42.0.1/16";
export const serviceRange = "10.43.0.0/16";

/** Cluster address of the API server: the first of the services' range. */
export const serviceAddress = "10.43.0.1";

/**
 * Addresses of the blocks that RFC 5737 reserves for documentation, given where Kubernetes wants one that
 * is not a loopback address and nothing here could answer: the API server's own endpoint (pods that would
 * use it are simulated), and load balancers.
 */
export const advertisedAddress = "192.0.2.1";
export const loadBalancerAddress = "192.0.2.2";
