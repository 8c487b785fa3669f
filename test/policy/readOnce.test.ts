/** CrossGuard's own handlers of the engine's calls, with the change that `readMessagesOnce` makes to them. */
import crossGuard from "@pulumi/policy/deserialize.js";
import handlers from "@pulumi/policy/server.js";
import { AnalyzeRequest, AnalyzerResourceOptions } from "@pulumi/pulumi/proto/analyzer_pb.js";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type MessageReader, readMessagesOnce } from "../../policy/pack/readOnce.ts";

type Handler = (call: { request: AnalyzeRequest }, done: (error: unknown) => void) => void;
type MakeHandler = (pack: string, version: string, level: string, policies: readonly object[]) => Handler;
const { makeAnalyzeRpcFun, makeRemediateRpcFun } = handlers as unknown as Record<
  "makeAnalyzeRpcFun" | "makeRemediateRpcFun",
  MakeHandler
>;
const reader = crossGuard as unknown as MessageReader;
const { deserializeProperties } = reader;

beforeAll(() => readMessagesOnce());
afterAll(() => {
  reader.deserializeProperties = deserializeProperties;
});

function handle(make: MakeHandler, request: AnalyzeRequest, policies: readonly object[]): Promise<void> {
  return new Promise((resolve, reject) => {
    make("test", "1.0.0", "mandatory", policies)({ request }, (error) => (error ? reject(error) : resolve()));
  });
}

/** A request's field 2, its properties, without any. */
const emptyProperties = Uint8Array.of(0x12, 0);

type Properties = NonNullable<ReturnType<AnalyzeRequest["getProperties"]>>;

/** A call's request, and what takes its inputs apart. */
function requestWith(inputs: ReturnType<Properties["toJavaScript"]>) {
  const request = AnalyzeRequest.deserializeBinary(emptyProperties);
  request.setType("aws:s3/bucket:Bucket");
  request.setOptions(new AnalyzerResourceOptions());
  const properties = request.getProperties() as Properties;
  const read = vi.spyOn(properties, "toJavaScript").mockImplementation(() => structuredClone(inputs));
  return { request, read };
}

/** Three policies, and what each was given. */
function watching(): { seen: unknown[]; policies: object[] } {
  const seen: unknown[] = [];
  const validateResource = ({ props }: { props: object }) => seen.push(JSON.parse(JSON.stringify(props)));
  const policies = ["a", "b", "c"].map((name) => ({ name, description: name, validateResource }));
  return { seen, policies };
}

describe("what the engine sends of a resource", () => {
  test("is taken apart once for all policies, and anew for the next resource", async () => {
    const [first, second] = [requestWith({ bucket: "a", tags: { k: ["v"] } }), requestWith({ bucket: "b" })];
    const { seen, policies } = watching();
    await handle(makeAnalyzeRpcFun, first.request, policies);
    await handle(makeAnalyzeRpcFun, second.request, policies);
    expect(seen).toEqual([
      ...Array(3).fill({ bucket: "a", tags: { k: ["v"] } }),
      ...Array(3).fill({ bucket: "b" }),
    ]);
    for (const { read } of [first, second]) expect(read).toHaveBeenCalledTimes(1);
  });

  test("is not what a remediation changes", async () => {
    const { request } = requestWith({ tags: {} });
    const remediateResource = ({ props }: { props: { tags: Record<string, string> } }) => {
      props.tags.owner = "ada";
      return props;
    };
    const { seen, policies } = watching();
    await handle(makeAnalyzeRpcFun, request, policies);
    const remediation = { name: "r", description: "r", enforcementLevel: "remediate", remediateResource };
    await handle(makeRemediateRpcFun, request, [remediation]);
    await handle(makeAnalyzeRpcFun, request, policies);
    expect(seen).toEqual(Array(6).fill({ tags: {} }));
  });
});
