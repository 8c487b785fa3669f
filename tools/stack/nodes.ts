import { acceleratorLabel } from "../../components/local/facts.ts";
import type { LocalNode } from "../../config/schema.ts";
import type { NodeDescriptionInput } from "../embedded/nodeDescription.ts";

/** The configured nodes as the embedded cluster simulates them. */
export function embeddedNodes(nodes: readonly LocalNode[]): NodeDescriptionInput {
  return nodes.map((node) => ({
    name: node.name,
    labels: {
      ...(node.role === "server" ? { "node-role.kubernetes.io/control-plane": "true" } : {}),
      ...node.labels,
      ...(node.accelerator === undefined ? {} : { [acceleratorLabel]: node.accelerator }),
    },
    cpu: node.cpu,
    memory: node.memory,
    gpus: node.gpus,
  }));
}
