import { z } from "zod";
import { type InputParameter, workflowSpec } from "./template.ts";

/** The parameters that a WorkflowTemplate's spec declares, whatever else is in it. */
export function readArguments(spec: unknown): InputParameter[] {
  const parsed = z.object({ arguments: workflowSpec.shape.arguments }).safeParse(spec);
  return parsed.success ? parsed.data.arguments.parameters : [];
}
