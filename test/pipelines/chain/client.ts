/** A client that asks a stable model name all the while, and somebody who reads the model's record beside it. */
import { type ModelRecord, type ObjectStore, readRecord } from "@mlops/registry";

export interface Question {
  /** Below the gateway's address. */
  readonly path: string;
  readonly body: object;
}

export interface Asked {
  readonly question: Question;
  /** By the clock of `performance.now()`. */
  readonly sentAt: number;
  /** 0 when there was no whole answer. */
  readonly status: number;
  readonly version: string | undefined;
  /** Of the record by which the gateway chose the version. */
  readonly epoch: number;
  readonly text: string;
}

/** About an empty picture, as the digits' models take them. */
export function inference(model: string): Question {
  const data = new Array(28 * 28).fill(0);
  return {
    path: `/v2/models/${model}/infer`,
    body: { inputs: [{ name: "input", shape: [1, 1, 28, 28], datatype: "FP32", data }] },
  };
}

async function ask(gateway: string, question: Question): Promise<Asked> {
  const sentAt = performance.now();
  try {
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify(question.body);
    const response = await fetch(`${gateway}${question.path}`, { method: "POST", body, headers });
    const text = await response.text();
    return {
      question,
      sentAt,
      status: response.status,
      version: response.headers.get("x-mlops-model-version") ?? undefined,
      epoch: Number(response.headers.get("x-mlops-epoch")),
      text,
    };
  } catch (error) {
    return { question, sentAt, status: 0, version: undefined, epoch: 0, text: String(error) };
  }
}

export class Client {
  readonly asked: Asked[] = [];
  /** What the record said, by epoch. */
  readonly records = new Map<number, ModelRecord>();
  private going = true;
  private readonly ended: Promise<unknown>;

  /** Asks the questions in turn, again and again, each `pauseMs` after the answer to the one before. */
  constructor(
    gateway: string,
    store: ObjectStore,
    model: string,
    questions: readonly Question[],
    pauseMs = 20,
  ) {
    const asking = async (): Promise<void> => {
      while (this.going) {
        const question = questions[this.asked.length % questions.length];
        if (question !== undefined) this.asked.push(await ask(gateway, question));
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    };
    const reading = async (): Promise<void> => {
      while (this.going) {
        const found = await readRecord(store, model);
        if (found !== undefined) this.records.set(found.record.epoch, found.record);
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    };
    this.ended = Promise.all([asking(), reading()]);
  }

  async stop(): Promise<void> {
    this.going = false;
    await this.ended;
  }

  /** Versions that got requests of live at `epoch`; two where the record was not read at that very epoch and changed around it. */
  liveAt(epoch: number): Set<string | undefined> {
    const known = [...this.records.keys()].sort((a, b) => a - b);
    const before = known.findLast((one) => one <= epoch);
    const after = known.find((one) => one >= epoch);
    const around = [before, after].flatMap((one) => (one === undefined ? [] : [this.records.get(one)]));
    return new Set(
      around.flatMap((record) => [
        record?.live?.servedName,
        ...((record?.canaryShare ?? 0) > 0 ? [record?.candidate?.servedName] : []),
      ]),
    );
  }
}
