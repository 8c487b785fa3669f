import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { vllmGuardSource } from "../../../components/platform/vllmGuard.ts";

/** Runs requests (method, path, authorization) through the guard; 200 stands for the server behind it. */
const driver = `
import asyncio, json, sys

async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})

async def ask(guard, method, path, authorization):
    sent = []
    headers = [] if authorization is None else [(b"authorization", authorization.encode())]
    scope = {"type": "http", "method": method, "path": path, "headers": headers}
    async def send(message):
        sent.append(message)
    await guard(scope, None, send)
    return sent[0]["status"]

guard = Guard(app)
print(json.dumps([asyncio.run(ask(guard, *case)) for case in json.load(sys.stdin)]))
`;

type Case = readonly [method: string, path: string, authorization: string | null];

function statuses(cases: readonly Case[], word = "sesame"): number[] {
  const { status, stdout, stderr } = spawnSync("python3", ["-c", vllmGuardSource + driver], {
    input: JSON.stringify(cases),
    encoding: "utf8",
    env: { ...process.env, MLOPS_VLLM_ADMIN_TOKEN: word },
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as number[];
}

describe("the guard of vLLM's servers", () => {
  const administration: [string, string][] = [
    ["POST", "/v1/load_lora_adapter"],
    ["POST", "/v1/unload_lora_adapter"],
    ["POST", "/adapters"],
    ["DELETE", "/adapters/qa-v1"],
    ["POST", "/invocations"],
    ["POST", "/v1/completions/"],
    ["GET", "/v1/completions"],
    ["POST", "/sleep"],
  ];

  it("lets inference and monitoring pass", () => {
    const open: Case[] = [
      ["POST", "/v1/completions", null],
      ["POST", "/v1/chat/completions", "Bearer of a client"],
      ["GET", "/v1/models", null],
      ["GET", "/metrics", null],
      ["GET", "/health", null],
    ];
    expect(statuses(open)).toEqual(open.map(() => 200));
  });

  it("lets only who knows the word do anything else", () => {
    const asked = (authorization: string | null): Case[] =>
      administration.map(([method, path]) => [method, path, authorization]);
    for (const authorization of [null, "Bearer ", "Bearer sesam", "sesame"]) {
      expect(statuses(asked(authorization)), String(authorization)).toEqual(administration.map(() => 403));
    }
    expect(statuses(asked("Bearer sesame"))).toEqual(administration.map(() => 200));
  });

  it("does not start without a word, which everybody would know", () => {
    expect(() => statuses([], "")).toThrow("MLOPS_VLLM_ADMIN_TOKEN is empty");
  });

  /**
   * What the production stack's router 0.1.12 asks its engines with our values (k8s discovery by pod, round robin), read
   * from its source: discovery and statistics on its own account, without credentials, and what clients ask of it, with
   * their headers. `/is_sleeping` it asks only of engines started with `--enable-sleep-mode`, which ours are not, and
   * takes a refusal for "awake".
   */
  const router = {
    needed: [
      "GET /v1/models",
      "GET /metrics",
      "POST /v1/chat/completions",
      "POST /v1/completions",
      "POST /tokenize",
    ],
    closed: [
      ...["GET /is_sleeping", "POST /sleep", "POST /wake_up", "POST /detokenize"],
      ...["POST /v1/embeddings", "POST /v1/rerank", "POST /rerank", "POST /v1/score", "POST /score"],
      ...["POST /v1/responses", "POST /v1/messages", "GET /v1/audio/voices", "POST /v1/audio/speech"],
      ...["POST /v1/audio/transcriptions", "POST /v1/audio/translations"],
      ...["POST /v1/images/generations", "POST /v1/images/edits"],
    ],
  };
  const fromRouter = (requests: readonly string[], authorization: string | null): Case[] =>
    requests.map((request) => {
      const [method = "", path = ""] = request.split(" ");
      return [method, path, authorization];
    });

  it("lets pass what the router needs, and nobody put an engine to sleep through the router", () => {
    expect(statuses(fromRouter(router.needed, null))).toEqual(router.needed.map(() => 200));
    for (const authorization of [null, "Bearer of a client"]) {
      expect(statuses(fromRouter(router.closed, authorization))).toEqual(router.closed.map(() => 403));
    }
  });
});
