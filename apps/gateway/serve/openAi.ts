/** The part of OpenAI's API that names models. */
import type { ModelRecord } from "@mlops/registry";
import { HttpError } from "./answers.ts";

/** A request's body, and the model that it names. */
export interface OpenAiRequest {
  readonly model: string;
  /** The same request for the served name. */
  withModel(servedName: string): Buffer;
}

/** @throws HttpError 400 when the body is no JSON object with a `model`, or, `withModel`, is nested too deep. */
export function parseOpenAi(body: Buffer): OpenAiRequest {
  const parsed = parse(body.toString("utf8"));
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw invalid("the request's body is not a JSON object");
  }
  const { model } = parsed as { model?: unknown };
  if (typeof model !== "string") throw invalid("the request names no `model`");
  return {
    model,
    withModel: (servedName) => {
      try {
        return Buffer.from(JSON.stringify({ ...parsed, model: servedName }));
      } catch {
        // Only the stack ends here: a failure of the client, which must not count as one of the version.
        throw invalid("the request's body is nested too deep");
      }
    },
  };
}

function invalid(message: string): HttpError {
  return new HttpError(400, "invalid_request_error", message);
}

/** What TypeScript's library does not know of JSON yet. */
const { rawJSON } = JSON as JSON & { rawJSON(source: string): unknown };

/** Numbers that a double cannot hold, as many a seed, stay as they were written. */
function parse(text: string): unknown {
  const exact = (_key: string, value: unknown, { source }: { source: string }): unknown =>
    typeof value === "number" ? rawJSON(source) : value;
  try {
    // The slower way only where such a number may be.
    return /\d{16}/.test(text)
      ? JSON.parse(text, exact as Parameters<typeof JSON.parse>[1])
      : JSON.parse(text);
  } catch {
    throw invalid("the request's body is not JSON");
  }
}

/** The list of model names that mean a version now. */
export function modelList(records: readonly ModelRecord[]): object {
  const names = records
    .filter(({ server }) => server === "vllm")
    .flatMap(({ model, live, candidate, updatedAt }) =>
      [
        ...(live === undefined ? [] : [model, `${model}-live`]),
        ...(candidate === undefined ? [] : [`${model}-candidate`]),
      ].map((id) => ({ id, created: Math.floor(Date.parse(updatedAt) / 1000) })),
    );
  return { object: "list", data: names.map((name) => ({ ...name, object: "model", owned_by: "mlops" })) };
}
