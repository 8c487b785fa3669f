import type { Grade } from "@mlops/gates";
import { sumOf } from "@mlops/registry";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CachedJudge } from "../../../apps/steps/judge/cachedJudge.ts";
import { type AnsweredSample, evaluateAnswers } from "../../../apps/steps/judge/evaluate.ts";
import { gradingKey, Judge } from "../../../apps/steps/judge/judge.ts";
import {
  answerSchema,
  type GradedItem,
  labellingOf,
  meanings,
  promptSha256,
  systemPrompt,
} from "../../../apps/steps/judge/prompt.ts";
import { escaped } from "../../../apps/steps/judge/report.ts";
import { safetensorsProblems } from "../../../apps/steps/lib/adapter.ts";
import { concurrently } from "../../../apps/steps/lib/concurrently.ts";
import { latencyOf, totalsOf, trafficBetween } from "../../../apps/steps/lib/gatewayMetrics.ts";
import { isRefusal } from "../../../apps/steps/lib/samples.ts";
import { adapterWeights } from "../../pipelines/llm/world.ts";
import { StubJudge } from "../../support/judge.ts";
import { until } from "../gateway/world.ts";
import { MemoryStore } from "../registry/memoryStore.ts";

const item: GradedItem = { context: "c", question: "q", reference: "It is 4.", answer: "It is 4" };

let stub: StubJudge;
beforeEach(async () => {
  stub = await StubJudge.start();
});
afterEach(() => stub.close());

const judgeAt = (url: string): Judge => new Judge({ url, model: "m", apiKey: "the-key", patience: 1 });

describe("the judge's prompt", () => {
  it("is known by its hash: whoever changes it changes the judge", () => {
    const text = JSON.stringify({ promptVersion: 1, systemPrompt, meanings, answerSchema });
    expect(promptSha256).toBe(sumOf(text));
    expect(promptSha256).toBe("bc70de5545353b13d3f0dd2db1671700f6e5b11605810ba4776723f0726b4b78");
  });

  it("names the three grades in an order that differs between gradings, each as often", () => {
    const firsts: Record<Grade, number> = { A: 0, B: 0, C: 0 };
    const orders = new Set<string>();
    for (let index = 0; index < 3000; index++) {
      const labelling = labellingOf(sumOf(String(index)));
      expect(Object.values(labelling).sort()).toEqual(["A", "B", "C"]);
      firsts[labelling["1"]]++;
      orders.add(Object.values(labelling).join(""));
    }
    expect(orders.size).toBe(6);
    for (const count of Object.values(firsts)) expect(Math.abs(count - 1000)).toBeLessThan(100);
  });
});

describe("the judge", () => {
  it("is asked by OpenAI's API for structured output, and read whatever the labels' order", async () => {
    const judge = judgeAt(stub.url);
    for (let replicate = 0; replicate < 12; replicate++) {
      expect(await judge.grade(item, replicate)).toMatchObject({ grade: "A" });
      expect(await judge.grade({ ...item, answer: "4" }, replicate)).toMatchObject({ grade: "B" });
      expect(await judge.grade({ ...item, answer: "It is 5." }, replicate)).toMatchObject({ grade: "C" });
    }
    expect(stub.last?.authorization).toBe("Bearer the-key");
    expect(stub.last?.body).toMatchObject({
      model: "m",
      temperature: 0,
      response_format: { type: "json_schema", json_schema: { strict: true, schema: answerSchema } },
    });
  });

  it("gives no grade when it cannot be read, after three attempts", async () => {
    stub.mode = "garbage";
    expect(await judgeAt(stub.url).grade(item, 0)).toMatchObject({ grade: null });
    expect(stub.requests).toBe(3);
  });

  it("is waited for when it is away, and refusals are final and without the key", async () => {
    stub.mode = "down";
    await expect(judgeAt(stub.url).grade(item, 0)).rejects.toThrow(
      /answers 503 \(gave up after \d+ attempts/,
    );
    stub.mode = "refuses";
    const before = stub.requests;
    const refused = judgeAt(stub.url).grade(item, 0);
    await expect(refused).rejects.toThrow("refuses with 401");
    await expect(refused).rejects.not.toThrow("the-key");
    expect(stub.requests).toBe(before + 1);
  });

  it("is left alone for as long as it asks, and not waited for longer than that is worth", async () => {
    stub.mode = "busy";
    stub.retryAfter = "1";
    const start = performance.now();
    const graded = new Judge({ url: stub.url, model: "m", patience: 30 }).grade(item, 0);
    await until(() => stub.requests === 1);
    stub.mode = "grades";
    expect(await graded).toMatchObject({ grade: "A" });
    expect(performance.now() - start).toBeGreaterThan(1000);
    stub.mode = "busy";
    stub.retryAfter = new Date(Date.now() + 3_600_000).toUTCString();
    await expect(judgeAt(stub.url).grade(item, 0)).rejects.toThrow(
      /answers 429 and asks to wait 3[56]\d\d s \(gave up after 1 attempts/,
    );
  });

  it("is not quoted with the key that it was given", async () => {
    stub.mode = "quotes";
    const refused = judgeAt(stub.url).grade(item, 0);
    await expect(refused).rejects.toThrow("no such key: Bearer (the key)");
    await expect(refused).rejects.not.toThrow("the-key");
  });

  it("is asked for each content and replicate once; what could not be read is asked again", async () => {
    const cached = new CachedJudge(judgeAt(stub.url), new MemoryStore());
    stub.mode = "garbage";
    expect((await cached.grade(item, 0)).grade).toBeNull();
    stub.mode = "grades";
    const asked = stub.requests;
    for (const replicate of [0, 0, 1, 1]) await cached.grade(item, replicate);
    await cached.grade({ ...item, answer: "other" }, 0);
    expect(stub.requests - asked).toBe(3);
    expect(gradingKey("m", item, 0)).not.toBe(gradingKey("m", item, 1));
    expect(gradingKey("m", item, 0)).not.toBe(gradingKey("n", item, 0));
  });
});

describe("an evaluation", () => {
  const answered = (count: number, live: boolean): AnsweredSample[] =>
    Array.from({ length: count }, (_, index) => ({
      id: `q${index}`,
      document: `d${index % 40}`,
      context: "c",
      question: `q ${index}`,
      answer: `It is ${index}.`,
      negative: false,
      prompt: "p",
      candidateAnswer: `It is ${index}`,
      liveAnswer: live ? `It is ${index}.` : null,
    }));
  const run = (samples: readonly AnsweredSample[], judge: Judge) =>
    evaluateAnswers(samples, {
      grade: (one, replicate) => judge.grade(one, replicate),
      concurrency: 8,
      log: () => {},
    });

  it("grades live twice and the candidate once; without live the candidate twice", async () => {
    const [one] = await run(answered(400, true), judgeAt(stub.url));
    expect(one).toMatchObject({ candidate: "A", live: "A", again: "A" });
    expect(stub.requests).toBe(1200);
    const [alone] = await run(answered(100, false), judgeAt(stub.url));
    expect(alone).toMatchObject({ candidate: "A", live: null, again: "A" });
    expect(stub.requests).toBe(1400);
  });

  it("grades no candidate by a judge that is too noisy", async () => {
    stub.errorRate = 0.15;
    const graded = await run(answered(300, true), judgeAt(stub.url));
    expect(stub.requests).toBe(600);
    expect(graded.every(({ candidate }) => candidate === null)).toBe(true);
    const flips = graded.filter(({ live, again }) => live !== again).length / 300;
    // 2e - 1.5 e², evenly towards the other two grades.
    expect(flips).toBeGreaterThan(0.2);
    expect(flips).toBeLessThan(0.33);
  });
});

describe("text", () => {
  it("is a refusal if it begins with the sentence", () => {
    expect(isRefusal("  the documentation does not say. Sorry")).toBe(true);
    expect(isRefusal("I think the documentation does not say.")).toBe(false);
  });

  it("of a page is escaped", () => {
    expect(escaped(`<a href="x" onclick='y'>&`)).toBe(
      "&lt;a href=&quot;x&quot; onclick=&#39;y&#39;&gt;&amp;",
    );
  });
});

describe("weights", () => {
  const whole = adapterWeights("x");
  it("are those of a file that is whole", () => {
    expect(safetensorsProblems(whole)).toEqual([]);
    expect(safetensorsProblems(whole.subarray(0, 60))).toEqual([expect.stringContaining("no header")]);
    expect(safetensorsProblems(whole.subarray(0, -1))).toEqual([expect.stringContaining("cut off")]);
    expect(safetensorsProblems(Buffer.concat([whole, Buffer.from("x")]))).toHaveLength(1);
    expect(safetensorsProblems(Buffer.alloc(100))).toHaveLength(1);
    expect(safetensorsProblems(Buffer.from(whole).fill(0x7f, 8, 12))).toEqual([
      expect.stringContaining("header that is corrupted"),
    ]);
  });
});

describe("a gateway's metrics", () => {
  const text = (ok: number, broken: number, slow: number): string =>
    [
      "# HELP mlops_gateway_requests_total Requests",
      `mlops_gateway_requests_total{model="m",version="m-v2",code="200"} ${ok}`,
      `mlops_gateway_requests_total{model="m",version="m-v2",code="broken"} ${broken}`,
      `mlops_gateway_requests_total{model="m",version="m-v2",code="client_gone"} 50`,
      `mlops_gateway_requests_total{model="m",version="m-v2",code="404"} 1`,
      `mlops_gateway_requests_total{model="m",version="m-v1",code="503"} 9`,
      `mlops_gateway_request_duration_seconds_bucket{le="0.1",model="m",version="m-v2"} ${ok - slow}`,
      `mlops_gateway_request_duration_seconds_bucket{le="1",model="m",version="m-v2"} ${ok}`,
      `mlops_gateway_request_duration_seconds_bucket{le="+Inf",model="m",version="m-v2"} ${ok}`,
    ].join("\n");

  it("count requests and errors of one version, not the clients' own", () => {
    expect(totalsOf(text(10, 2, 0), "m-v2")).toMatchObject({ requests: 13, errors: 2 });
    expect(totalsOf(text(10, 2, 0), "m-v1")).toMatchObject({ requests: 9, errors: 9 });
  });

  it("are added over gateways, of which one may have started anew", () => {
    const before = new Map([
      ["a", text(10, 0, 0)],
      ["b", text(100, 0, 0)],
    ]);
    const after = new Map([
      ["a", text(20, 1, 5)],
      ["b", text(6, 0, 0)],
    ]);
    const sum = trafficBetween(before, after, "m-v2");
    expect(sum).toMatchObject({ requests: 11 + 7, errors: 1 });
    // 16 answers, 5 of them between 0.1 and 1 s.
    expect(latencyOf(sum)).toEqual({ bounds: [0.1, 1], counts: [11, 5, 0] });
    expect(latencyOf({ requests: 0, errors: 0, buckets: new Map() })).toEqual({ bounds: [], counts: [] });
  });
});

describe("work side by side", () => {
  it("keeps its order and its limit, and ends at the first error", async () => {
    let running = 0;
    let most = 0;
    const work = async (value: number): Promise<number> => {
      most = Math.max(most, ++running);
      await Promise.resolve();
      running--;
      return value * 2;
    };
    expect(await concurrently([1, 2, 3, 4, 5], 2, work)).toEqual([2, 4, 6, 8, 10]);
    expect(most).toBe(2);
    const begun: number[] = [];
    const failing = concurrently([1, 2, 3, 4, 5, 6], 2, async (value) => {
      begun.push(value);
      await Promise.resolve();
      if (value === 2) throw new Error("two");
    });
    await expect(failing).rejects.toThrow("two");
    expect(begun.length).toBeLessThan(6);
  });
});
