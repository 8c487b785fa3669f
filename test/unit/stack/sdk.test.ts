import engineProto from "@pulumi/pulumi/proto/engine_pb.js";
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
