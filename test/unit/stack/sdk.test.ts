import * as pulumi from "@pulumi/pulumi";
import engineProto from "@pulumi/pulumi/proto/engine_pb.js";
import debuggable from "@pulumi/pulumi/runtime/debuggable.js";
import { beforeEach, expect, test, vi } from "vitest";
import { type EngineLog, spareSdkWork } from "../../../tools/stack/sdk.ts";

const { LogRequest, LogSeverity } = engineProto;

let sent: string[];
let engine: EngineLog;

beforeEach(() => {
  sent = [];
  engine = {
    log: (request, done) => {
      sent.push((request as InstanceType<typeof LogRequest>).getMessage());
      done();
    },
  };
});

function say(severity: number, message: string): Promise<void> {
  const request = new LogRequest();
  request.setSeverity(severity);
  request.setMessage(message);
  // The SDK sends the next message when this one was answered.
  return new Promise((resolve) => engine.log(request, () => resolve()));
}

async function sayAll(): Promise<void> {
  await say(LogSeverity.DEBUG, "for developers of the SDK");
  await say(LogSeverity.INFO, "news");
  await say(LogSeverity.ERROR, "a failure");
}

test("debug messages are answered here, others reach the engine", async () => {
  spareSdkWork(engine);
  await sayAll();
  expect(sent).toEqual(["news", "a failure"]);
});

test("debug messages reach the engine where they are asked for", async () => {
  vi.stubEnv("MLOPS_SDK_DEBUG", "1");
  spareSdkWork(engine);
  await sayAll();
  expect(sent).toEqual(["for developers of the SDK", "news", "a failure"]);
});

/** What the SDK says of where its caller makes a resource, `skip` frames away. */
const positions = (skip: number): { uri: string; line: number; column: number }[] =>
  (pulumi.Resource as unknown as { stackTrace(skip: number): ReturnType<typeof positions> }).stackTrace(skip);

test("a resource is sent with the place where it is made, and no more of the stack", () => {
  spareSdkWork(engine);
  const made = positions(1);
  expect(made).toHaveLength(1);
  expect(made[0]?.uri).toBe(import.meta.url.replace(/\?.*/, ""));
  expect(made[0]?.line).toBeGreaterThan(1);
  expect(positions(199)).toEqual([]);
});

test("promises are watched for leaks without a stack trace of each; errors keep theirs", async () => {
  const watch = debuggable as unknown as {
    debuggablePromise(promise: Promise<unknown>, context: unknown): Promise<unknown>;
  };
  spareSdkWork(engine);
  const watched = Promise.resolve(7) as Promise<number> & { _debugStackTrace?: string };
  expect(await watch.debuggablePromise(watched, "test")).toBe(7);
  expect(watched._debugStackTrace).not.toContain("sdk.test.ts");
  expect(new Error("still traced").stack).toContain("sdk.test.ts");
});
