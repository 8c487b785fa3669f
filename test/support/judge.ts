/**
 * A judge for tests: OpenAI's API with structured output, and grades by rule instead of by a language model. The same
 * request always gets the same answer; noise is drawn from a hash of what is graded and of the labels' order, which
 * differs between replicates, as its own grading would.
 */
import { createHash } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { meanings } from "../../apps/steps/judge/prompt.ts";

type Grade = "A" | "B" | "C";

interface Item {
  readonly question: string;
  readonly reference: string;
  readonly answer: string;
  readonly labels: Readonly<Record<string, string>>;
}

export class StubJudge {
  /** Share of gradings that are wrong, evenly towards the two other grades. */
  errorRate = 0;
  /** What it answers with: grades, text that is none, errors of the service, refusals of the request. */
  mode: "grades" | "garbage" | "down" | "busy" | "refuses" | "quotes" = "grades";
  /** Header of what it answers when it is busy. */
  retryAfter = "";
  /** Requests that it got. */
  requests = 0;
  /** Headers and bodies of the last request. */
  last: { readonly authorization: string | undefined; readonly body: Record<string, unknown> } | undefined;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((incoming, outgoing) => {
      const chunks: Buffer[] = [];
      incoming
        .on("data", (chunk: Buffer) => chunks.push(chunk))
        .on("end", () => {
          this.requests++;
          const body = JSON.parse(Buffer.concat(chunks).toString("utf8")) as Record<string, unknown>;
          this.last = { authorization: incoming.headers.authorization, body };
          const { status, content } = this.#answer(body);
          const answer =
            status === 200 ? { choices: [{ message: { role: "assistant", content } }] } : { error: content };
          const headers = {
            "content-type": "application/json",
            ...(status === 429 ? { "retry-after": this.retryAfter } : {}),
          };
          outgoing.writeHead(status, headers).end(JSON.stringify(answer));
        });
    });
  }

  /** @param port 0 takes any free one. */
  static async start(port = 0): Promise<StubJudge> {
    const stub = new StubJudge();
    await new Promise<void>((resolve) => stub.#server.listen(port, "127.0.0.1", resolve));
    return stub;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(body: Record<string, unknown>): { status: number; content: string } {
    if (this.mode === "down") return { status: 503, content: "overloaded" };
    if (this.mode === "busy") return { status: 429, content: "too many requests" };
    if (this.mode === "quotes")
      return { status: 401, content: `no such key: ${this.last?.authorization ?? "none"}` };
    if (this.mode === "refuses") return { status: 401, content: "no such key" };
    if (this.mode === "garbage") return { status: 200, content: "I think that this is a good answer!" };
    const [, user] = body.messages as { content: string }[];
    const message = user?.content ?? "";
    const item = JSON.parse(message) as Item;
    const meant = meanings[this.#grade(item, message)];
    const label = Object.entries(item.labels).find(([, meaning]) => meaning === meant)?.[0] ?? "";
    return {
      status: 200,
      content: JSON.stringify({ label, reason: `by rule: ${item.answer.length} letters` }),
    };
  }

  /** Noise goes by the whole message and the seed: so replicates, whose seeds differ, are independent. */
  #grade(item: Item, message: string): Grade {
    const right = gradeByRule(item.reference, item.answer);
    const seed = String((this.last?.body as { seed?: number } | undefined)?.seed);
    const draw = createHash("sha256").update(`noise ${seed} ${message}`).digest();
    if (draw.readUInt32BE(0) / 2 ** 32 >= this.errorRate) return right;
    const others = (["A", "B", "C"] as const).filter((grade) => grade !== right);
    return others[draw.readUInt32BE(4) % 2] ?? right;
  }
}

/** The reference itself is right, a text that holds it or a part of it usable, all else wrong. */
export function gradeByRule(reference: string, answer: string): Grade {
  const normal = (text: string): string => text.toLowerCase().replace(/\s+/g, " ").trim().replace(/\.$/, "");
  const [wanted, given] = [normal(reference), normal(answer)];
  if (given === wanted) return "A";
  return given !== "" && (wanted.includes(given) || given.includes(wanted)) ? "B" : "C";
}

// `node test/support/judge.ts [PORT]`: a judge for pipelines by hand.
if (import.meta.main) {
  const judge = await StubJudge.start(Number(process.argv[2] ?? 0));
  console.log(`MLOPS_JUDGE_URL=${judge.url} MLOPS_JUDGE_MODEL=by-rule`);
}
