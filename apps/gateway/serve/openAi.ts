/** The part of OpenAI's API that names models. */
import type { ModelRecord } from "@mlops/registry";
import { HttpError } from "./answers.ts";

/** A request's body, and the model that it names. */
export interface OpenAiRequest {
  readonly model: string;
  /** The same request for the served name. */
  withModel(servedName: string): Buffer;
}

/** @throws HttpError 400 when the body is no JSON object with a `model`. */
export function parseOpenAi(body: Buffer): OpenAiRequest {
  const invalid = (message: string): HttpError => new HttpError(400, "invalid_request_error", message);
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString("utf8"));
  } catch {
    throw invalid("the request's body is not JSON");
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw invalid("the request's body is not a JSON object");
  }
  const { model } = parsed as { model?: unknown };
  if (typeof model !== "string") throw invalid("the request names no `model`");
  return {
    model,
    withModel: (servedName) => Buffer.from(JSON.stringify({ ...parsed, model: servedName })),
  };
}

/** The list of model names that mean a version now. */
export function modelList(records: readonly ModelRecord[]): object {
  const names = records
    .filter(({ server }) => server === "vllm")
    .flatMap(({ model, live, candidate }) => [
      ...(live === undefined ? [] : [model, `${model}-live`]),
      ...(candidate === undefined ? [] : [`${model}-candidate`]),
    ]);
  return { object: "list", data: names.map((id) => ({ id, object: "model", owned_by: "mlops" })) };
}
