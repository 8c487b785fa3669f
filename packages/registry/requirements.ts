import type { Server } from "./record.ts";

export interface RequiredGate {
  readonly gate: string;
  /** Compares with the live model: what it said is void once another one is live. */
  readonly comparative: boolean;
}

/** Gates that an artifact must have passed before it gets live traffic, by server, in their order. */
export const requiredGates: Readonly<Record<Server, readonly RequiredGate[]>> = {
  triton: [
    { gate: "accuracy", comparative: true },
    { gate: "parity", comparative: false },
    { gate: "functional", comparative: false },
  ],
  vllm: [
    { gate: "loss", comparative: false },
    { gate: "smoke", comparative: false },
    { gate: "evaluation", comparative: true },
    { gate: "performance", comparative: true },
  ],
};
