import { readManifest } from "@mlops/registry";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Fate } from "../faultProxy.ts";
import { type Services, startServices } from "../services.ts";
import { Platform } from "./platform.ts";
import { approve, deploy, prepare, succeeding } from "./workflow.ts";

let services: Services;
const platforms: Platform[] = [];

beforeAll(async () => {
  services = await startServices({ mlflow: true });
  Object.assign(process.env, services.environment);
});

afterAll(async () => {
  await Promise.all(platforms.map((platform) => platform.close()));
  await services?.dispose();
});

async function platformOf(model: string): Promise<Platform> {
  const platform = await Platform.start(services, model);
  platforms.push(platform);
  return platform;
}

/** Holds the next writes of a model's record on their way to the object store, until they are released. */
function holdRecordWrite(platform: Platform, model: string): { arrived: Promise<void>; release: () => void } {
  const held = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  platform.minio.decide = async ({ method, path }): Promise<Fate> => {
    if (method === "PUT" && path.includes(`state/${model}.json`)) {
      arrived.resolve();
      await held.promise;
    }
    return "pass";
  };
  return { arrived: arrived.promise, release: held.resolve };
}

async function filesOf(platform: Platform, version: string): Promise<string[]> {
  const prefix = `triton/${platform.model}-v${version}/`;
  return (await platform.store.list(prefix)).map(({ key }) => key.slice(prefix.length));
}

describe("a deployment", () => {
  it("goes live, keeps what was live, and does nothing when its steps run again", async () => {
    const platform = await platformOf("whole");
    const run = succeeding(platform);
    const first = await platform.train();
    const version = await deploy(platform, first, run);
    expect(version).toBe("1");
    expect(await filesOf(platform, "1")).toEqual([
      "1/model.onnx",
      "1/model.py",
      "config.pbtxt",
      "manifest.json",
      "metadata.json",
    ]);
    const { outputs } = await run("show-live", { model: "whole" }, ["served-name", "registered-version"]);
    expect(outputs).toEqual({ "served-name": "whole-v1", "registered-version": first.registeredVersion });

    const second = await platform.train({ opponent: first.registeredVersion });
    expect(await deploy(platform, second, run)).toBe("2");
    const record = await platform.record();
    expect(record?.live?.servedName).toBe("whole-v2");
    expect(record?.previous?.servedName).toBe("whole-v1");
    const aliases = await platform.client.getAliases("whole");
    expect(Object.fromEntries(aliases)).toEqual({ champion: "2", deploy: "2", live: "2", previous: "1" });
    const manifest = await readManifest(platform.store, "triton/whole-v2");
    expect(manifest?.sha256).toBe(record?.live?.artifact.sha256);

    expect(await prepare(platform, second, run)).toBe("2");
    await run("commit", { model: "whole", version: "2" });
    expect(await platform.record()).toEqual(record);
  });

  it("ends in the same state when every step is killed after each of its writes", async () => {
    const platform = await platformOf("killed");
    const calm = succeeding(platform);
    const first = await platform.train();
    await deploy(platform, first, calm);
    const second = await platform.train({ opponent: first.registeredVersion });
    let kills = 0;
    const stubborn: typeof calm = async (step, flags, outputs) => {
      for (let fatal = 1; ; fatal++) {
        let writes = 0;
        let kill = (): void => {};
        const afterWrite = ({ method }: { method: string }): void => {
          if (method !== "GET" && ++writes === fatal) kill();
        };
        platform.minio.answered = afterWrite;
        platform.mlflow.answered = afterWrite;
        const result = await platform.spawn(step, flags, outputs, (end) => {
          kill = end;
        });
        if (result.code !== undefined) {
          expect(result.code, result.log).toBe(0);
          return result;
        }
        kills++;
        // Whatever was cut off, what is live serves on.
        const live = (await platform.record())?.live?.servedName;
        expect(live).toBe(step === "commit" ? "killed-v2" : "killed-v1");
      }
    };
    expect(await deploy(platform, second, stubborn)).toBe("2");
    platform.minio.reset();
    platform.mlflow.reset();
    // More than one write in most of the nine steps.
    expect(kills).toBeGreaterThan(15);
    const record = await platform.record();
    expect(record?.live?.servedName).toBe("killed-v2");
    expect(record?.previous?.servedName).toBe("killed-v1");
    expect(record?.candidate).toBeUndefined();
    expect((await platform.store.list("versions/killed/")).map(({ key }) => key)).toEqual([
      "versions/killed/1",
      "versions/killed/2",
    ]);
    expect(Object.fromEntries(await platform.client.getAliases("killed"))).toEqual({
      champion: "2",
      deploy: "2",
      live: "2",
      previous: "1",
    });
  });
});

describe("old versions", () => {
  /** Deploys new models one after the other, each better than the one before. */
  async function deployMany(platform: Platform, count: number): Promise<void> {
    for (let n = 0; n < count; n++) {
      const opponent = (await platform.record())?.live?.source.registeredVersion;
      const trained = await platform.train(opponent === undefined ? {} : { opponent });
      await deploy(platform, trained, succeeding(platform));
    }
  }

  /** Numbers of the versions of which there is a file, and of those that exist for a reader. */
  async function storedIn(platform: Platform) {
    const keys = (await platform.store.list(`triton/${platform.model}-v`)).map(({ key }) => key);
    const numbers = (list: readonly string[]): number[] => [
      ...new Set(list.map((key) => Number(/-v(\d+)\//.exec(key)?.[1]))),
    ];
    const complete = keys.filter((key) => key.endsWith("/manifest.json"));
    return { any: numbers(keys), complete: numbers(complete), keys };
  }

  it("make room in a deployment, all but live, previous and as many others as are configured", async () => {
    const platform = await platformOf("many");
    platform.settings.MLOPS_KEPT_VERSIONS = "1";
    await deployMany(platform, 4);
    // When 4 was deployed, 3 was live, 2 previous, 1 the newest of the others.
    expect((await storedIn(platform)).any).toEqual([1, 2, 3, 4]);
    await deployMany(platform, 1);
    const stored = await storedIn(platform);
    expect(stored.any).toEqual([2, 3, 4, 5]);
    expect(stored.complete).toEqual(stored.any);
    // What is kept can be rolled back to; numbers of what is gone are not used again.
    await succeeding(platform)("rollback", { model: "many", from: "many-v5" });
    expect((await platform.record())?.live?.servedName).toBe("many-v4");
    const claims = (await platform.store.list("versions/many/")).map(({ key }) => key);
    expect(claims).toHaveLength(5);
  });

  it("that are gone are deployed again under a new number", async () => {
    const platform = await platformOf("again");
    platform.settings.MLOPS_KEPT_VERSIONS = "0";
    const run = succeeding(platform);
    const first = await platform.train();
    await deploy(platform, first, run);
    await deployMany(platform, 3);
    const live = await platform.record();
    expect((await storedIn(platform)).any).toEqual([2, 3, 4]);
    const opponent = live?.live?.source.registeredVersion ?? "";
    const judged = await platform.train({ opponent, again: first });
    expect(await deploy(platform, judged, run)).toBe("5");
    expect((await platform.record())?.live?.source.registeredVersion).toBe(first.registeredVersion);
  });

  it("are never seen by half, wherever the removal is killed", async () => {
    const platform = await platformOf("halves");
    await deployMany(platform, 4);
    const before = await platform.record();
    platform.settings.MLOPS_KEPT_VERSIONS = "0";
    const whole = (await storedIn(platform)).keys.filter((key) => key.startsWith("triton/halves-v1/")).length;
    let kills = 0;
    for (let fatal = 1; ; fatal++) {
      let writes = 0;
      let kill = (): void => {};
      platform.minio.answered = ({ method }) => {
        if (method !== "GET" && ++writes === fatal) kill();
      };
      const { code, log } = await platform.spawn("remove-old-versions", { model: "halves" }, [], (end) => {
        kill = end;
      });
      const { complete, keys } = await storedIn(platform);
      for (const version of complete) {
        const files = keys.filter((key) => key.startsWith(`triton/halves-v${version}/`));
        expect(files, `version ${version}`).toHaveLength(whole);
      }
      if (code === undefined) {
        kills++;
        continue;
      }
      expect(code, log).toBe(0);
      break;
    }
    platform.minio.reset();
    expect(kills).toBeGreaterThan(3);
    expect((await storedIn(platform)).any).toEqual([3, 4]);
    const { live, previous, retiredThrough } = (await platform.record()) ?? {};
    expect({ live, previous, retiredThrough }).toEqual({
      live: before?.live,
      previous: before?.previous,
      retiredThrough: 2,
    });
  });

  it("stay when one of them is staged meanwhile, however long the removal was paused", async () => {
    const platform = await platformOf("meanwhile");
    const run = succeeding(platform);
    await deployMany(platform, 3);
    const opponent = (await platform.record())?.live?.source.registeredVersion ?? "";
    const next = await platform.train({ opponent });
    await approve(platform, next, run);
    platform.settings.MLOPS_KEPT_VERSIONS = "0";
    const write = holdRecordWrite(platform, "meanwhile");
    const paused = platform.spawn("remove-old-versions", { model: "meanwhile" });
    await write.arrived;
    platform.minio.reset();
    platform.settings.MLOPS_KEPT_VERSIONS = "5";
    const version = await prepare(platform, next, run);
    write.release();
    const { code, log } = await paused;
    expect(code, log).toBe(0);
    await run("commit", { model: "meanwhile", version });
    expect((await storedIn(platform)).complete).toEqual([2, 3, 4]);
    expect((await platform.record())?.live?.servedName).toBe("meanwhile-v4");
  });

  it("are counted by a setting that must be a number", async () => {
    const platform = await platformOf("setting");
    platform.settings.MLOPS_KEPT_VERSIONS = "some";
    const { code, log } = await platform.run("remove-old-versions", { model: "setting" });
    expect(code).toBe(2);
    expect(log).toContain('environment variable MLOPS_KEPT_VERSIONS: "some" cannot be');
  });
});

describe("a gate", () => {
  it("stops a model that is no better than live, and nothing changes", async () => {
    const platform = await platformOf("equal");
    const run = succeeding(platform);
    const first = await platform.train();
    await deploy(platform, first, run);
    const before = await platform.record();
    const equal = await platform.train({
      opponent: first.registeredVersion,
      right: { alone: 5, live: 5, both: 380 },
    });
    const { code, log, outputs } = await platform.run(
      "gate-accuracy",
      { model: "equal", measurement: equal.accuracy },
      ["verdict", "report"],
    );
    expect(code).toBe(3);
    expect(log).toContain("gate accuracy is inconclusive: better than live");
    expect(outputs.verdict).toBe("inconclusive");
    const logged = await platform.client.artifacts.read(
      await platform.client.getRun(equal.runId),
      "gates/accuracy.json",
    );
    expect(new TextDecoder().decode(logged)).toBe(outputs.report);
    // No way around it.
    await succeeding(platform)("gate-parity", { measurement: equal.parity });
    const refused = await platform.run("register-deploy", {
      model: "equal",
      "registered-model": "equal",
      "registered-version": equal.registeredVersion,
    });
    expect(refused.code).toBe(3);
    expect(await platform.record()).toEqual(before);
  });

  it("stops an exported file that is not the one that was measured", async () => {
    const platform = await platformOf("corrupt");
    const trained = await platform.train({ spoil: (onnx) => Buffer.from(onnx).fill(0, 4, 8) });
    await succeeding(platform)("gate-accuracy", { model: "corrupt", measurement: trained.accuracy });
    const { code, log } = await platform.run("gate-parity", { measurement: trained.parity });
    expect(code).toBe(3);
    expect(log).toContain("stored file: onnx/model.onnx of run");
    expect(await platform.record()).toBeUndefined();
  });

  it("refuses a comparison with a model that is not live", async () => {
    const platform = await platformOf("stale");
    const run = succeeding(platform);
    const first = await platform.train();
    await deploy(platform, first, run);
    const alone = await platform.train();
    const { code, log } = await platform.run("gate-accuracy", {
      model: "stale",
      measurement: alone.accuracy,
    });
    expect(code).toBe(3);
    expect(log).toContain("was compared with nothing, but version 1 of stale is live");
  });

  it("is needed for staging: files that were never judged are not deployed", async () => {
    const platform = await platformOf("unjudged");
    const trained = await platform.train();
    const { code, log } = await platform.run("register-deploy", {
      model: "unjudged",
      "registered-model": "unjudged",
      "registered-version": trained.registeredVersion,
    });
    expect(code).toBe(2);
    expect(log).toContain("gate accuracy has not judged version 1 of unjudged yet");
  });
});

describe("two deployments at once", () => {
  it("one wins; the other, paused in the middle of its promotion, is told why", async () => {
    const platform = await platformOf("paused");
    const run = succeeding(platform);
    const first = await platform.train();
    await deploy(platform, first, run);
    const slow = await platform.train({ opponent: first.registeredVersion });
    await approve(platform, slow, run);
    const slowVersion = await prepare(platform, slow, run);

    // Its write is on the way, and stays there for as long as the other takes for everything.
    const write = holdRecordWrite(platform, "paused");
    const paused = platform.spawn("commit", { model: "paused", version: slowVersion });
    await write.arrived;
    platform.minio.reset();

    const quick = await platform.train({ opponent: first.registeredVersion });
    const quickVersion = await deploy(platform, quick, run);
    write.release();
    const { code, log } = await paused;
    expect(code).toBe(3);
    expect(log).toContain(`cannot promote paused-v${slowVersion}: it is not the candidate`);
    expect(log).toContain(`live is paused-v${quickVersion}`);
    const record = await platform.record();
    expect(record?.live?.servedName).toBe(`paused-v${quickVersion}`);
    expect(record?.previous?.servedName).toBe("paused-v1");
  });

  it("started together, exactly one goes live", async () => {
    const platform = await platformOf("racing");
    const run = succeeding(platform);
    const first = await platform.train();
    await deploy(platform, first, run);
    const rivals = [
      await platform.train({ opponent: first.registeredVersion }),
      await platform.train({ opponent: first.registeredVersion }),
    ];
    const outcomes = await Promise.allSettled(
      rivals.map((rival) =>
        deploy(platform, rival, async (step, flags, outputs) => {
          const result = await platform.spawn(step, flags, outputs);
          if (result.code !== 0) throw new Error(`${result.code}: ${result.log}`);
          return result;
        }),
      ),
    );
    const lost = outcomes.filter((outcome) => outcome.status === "rejected");
    expect(lost).toHaveLength(1);
    expect((lost[0]?.reason as Error).message).toMatch(/^3: /);
    const record = await platform.record();
    const won = outcomes.findIndex((outcome) => outcome.status === "fulfilled");
    expect(record?.live?.source.registeredVersion).toBe(rivals[won]?.registeredVersion);
    expect(record?.previous?.servedName).toBe("racing-v1");
  });
});

describe("a failure", () => {
  it("in the functional test leaves the old version serving, and withdraw removes the new one", async () => {
    const platform = await platformOf("wrong");
    const run = succeeding(platform);
    const first = await platform.train();
    await deploy(platform, first, run);
    const second = await platform.train({ opponent: first.registeredVersion });
    await approve(platform, second, run);
    platform.serving.probabilities = [0.7, 0.2, 0.1, 0.7, 0.2, null];
    await expect(prepare(platform, second, run)).rejects.toThrow("gate functional failed");
    const commit = await platform.run("commit", { model: "wrong", version: "2" });
    expect(commit.code).toBe(3);
    expect(commit.log).toContain("gate functional has not passed this artifact");
    for (let time = 0; time < 2; time++) await run("withdraw", { model: "wrong", version: "2" });
    const record = await platform.record();
    expect(record?.live?.servedName).toBe("wrong-v1");
    expect(record?.candidate).toBeUndefined();
    expect(await filesOf(platform, "2")).toEqual([]);
    // A clean-up that comes after a success, or before there is anything, touches nothing.
    await run("withdraw", { model: "wrong", version: "1" });
    await run("withdraw", { model: "wrong", version: "" });
    expect((await filesOf(platform, "1")).length).toBe(5);
    // Mended, the same registered version goes live under a new number: one that was taken back never comes again.
    platform.serving.probabilities = [0.1, 0.2, 0.7, 0.7, 0.2, 0.1];
    expect(await deploy(platform, second, run)).toBe("3");
    expect((await platform.record())?.withdrawn).toEqual([2]);
  });

  it("to load says what was awaited, after the deadline", async () => {
    const platform = await platformOf("unloaded");
    const run = succeeding(platform);
    const trained = await platform.train();
    await approve(platform, trained, run);
    platform.serving.loads = false;
    await expect(
      prepare(platform, trained, (step, flags, outputs) =>
        run(step, step === "load" ? { ...flags, timeout: "1" } : flags, outputs),
      ),
    ).rejects.toThrow(/unloaded-v1 ready on every replica: not within 1 s: not ready at http/);
  });

  it("of gateways to acknowledge fails the step, which can be run again", async () => {
    const platform = await platformOf("silent");
    const run = succeeding(platform);
    const trained = await platform.train();
    await approve(platform, trained, run);
    const version = await prepare(platform, trained, run);
    platform.serving.acknowledges = false;
    const { code, log } = await platform.run("commit", { model: "silent", version, timeout: "1" });
    expect(code).toBe(1);
    expect(log).toMatch(/gateways at epoch \d+ of silent: not within 1 s: http.* is at epoch 0/);
    platform.serving.acknowledges = true;
    await run("commit", { model: "silent", version });
  });

  it("to keep the files is noticed before the version goes live, though replicas still hold it", async () => {
    const platform = await platformOf("lost");
    const run = succeeding(platform);
    const trained = await platform.train();
    await approve(platform, trained, run);
    const version = await prepare(platform, trained, run);
    await platform.store.remove("triton/lost-v1/manifest.json");
    const { code, log } = await platform.run("commit", { model: "lost", version });
    expect(code).toBe(2);
    expect(log).toContain("lost-v1 has no manifest");
    expect((await platform.record())?.live).toBeUndefined();
  });

  it("of the disk leaves no half version that anybody could see", async () => {
    const platform = await platformOf("full");
    const run = succeeding(platform);
    const trained = await platform.train();
    await approve(platform, trained, run);
    await run("claim-version", { model: "full", "registered-version": trained.registeredVersion });
    await run("metadata", { model: "full", version: "1" });
    const full = "<Error><Code>XMinioStorageFull</Code><Message>no space</Message></Error>";
    platform.minio.decide = ({ method, path }) =>
      method === "PUT" && path.includes("model.onnx") ? { status: 507, body: full } : "pass";
    const { code, log } = await platform.run("upload", { model: "full", version: "1" });
    expect(code).toBe(1);
    expect(log).toContain("the object store is full: free space, then run this again");
    expect(await readManifest(platform.store, "triton/full-v1")).toBeUndefined();
    const load = await platform.run("load", { model: "full", version: "1" });
    expect(load.code).toBe(2);
    expect(load.log).toContain("its upload is not complete");
    platform.minio.reset();
    await run("upload", { model: "full", version: "1" });
  });
});

describe("servers that are away for 20 s", () => {
  const outage = (end: () => unknown) => setTimeout(end, 20_000);

  it("are waited for: MLflow", async () => {
    const platform = await platformOf("no-mlflow");
    const trained = await platform.train();
    platform.mlflow.decide = () => "lose request";
    outage(() => platform.mlflow.reset());
    await approve(platform, trained, succeeding(platform));
  });

  it("are waited for: the object store, stopped and started", async () => {
    const platform = await platformOf("no-minio");
    const run = succeeding(platform);
    const trained = await platform.train();
    await approve(platform, trained, run);
    await run("claim-version", { model: "no-minio", "registered-version": trained.registeredVersion });
    await run("metadata", { model: "no-minio", version: "1" });
    await services.stop("minio");
    const started = new Promise<void>((resolve, reject) => {
      outage(() => services.start("minio").then(resolve, reject));
    });
    await run("upload", { model: "no-minio", version: "1" });
    await started;
    expect((await filesOf(platform, "1")).length).toBe(5);
  });
});

describe("rollback", () => {
  it("goes back once, however often it runs, and takes back the choice for deployment", async () => {
    const platform = await platformOf("back");
    const run = succeeding(platform);
    const first = await platform.train();
    await deploy(platform, first, run);
    const second = await platform.train({ opponent: first.registeredVersion });
    await deploy(platform, second, run);
    const { outputs } = await run("show-live", { model: "back" }, ["served-name"]);
    const from = outputs["served-name"] ?? "";
    for (let time = 0; time < 2; time++) await run("rollback", { model: "back", from });
    expect((await platform.record())?.live?.servedName).toBe("back-v1");
    expect(Object.fromEntries(await platform.client.getAliases("back"))).toEqual({
      live: "1",
      previous: "2",
    });
    const again = await platform.run("resolve", { model: "back" });
    expect(again.code).toBe(3);
    expect(again.log).toContain("alias deploy is missing");
  });

  it("repairs aliases that somebody moved by hand", async () => {
    const platform = await platformOf("moved");
    const run = succeeding(platform);
    const first = await platform.train();
    await deploy(platform, first, run);
    const other = await platform.train({ opponent: first.registeredVersion });
    await platform.client.setAlias("moved", "live", other.registeredVersion);
    await platform.client.setAlias("moved", "mine", other.registeredVersion);
    const { log } = await run("repair-aliases", { model: "moved" });
    expect(log).toContain("alias live: 2 -> 1");
    expect(Object.fromEntries(await platform.client.getAliases("moved"))).toEqual({
      champion: "1",
      deploy: "1",
      live: "1",
      mine: "2",
    });
  });
});

describe("bad input", () => {
  it("of an unknown model, version or file is told, with exit code 2", async () => {
    const platform = await platformOf("bad");
    const cases: [string, Record<string, string>, string][] = [
      ["resolve", { model: "nobody" }, "nothing is known of model nobody"],
      ["upload", { model: "bad", version: "9" }, "version 9 of bad was never claimed"],
      [
        "gate-accuracy",
        { model: "bad", measurement: "/missing.json" },
        "did the step that writes it succeed?",
      ],
      [
        "gate-accuracy",
        { model: "bad", measurement: platform.write("odd.json", { schema: 1, candidate: {} }) },
        "is not what this step reads",
      ],
      [
        "register-deploy",
        { model: "bad", "registered-model": "bad", "registered-version": "77" },
        "MLflow has no version 77 of bad",
      ],
    ];
    for (const [step, flags, message] of cases) {
      const { code, log } = await platform.run(step, flags);
      expect(log).toContain(message);
      expect(code, log).toBe(2);
    }
    expect(await platform.record()).toBeUndefined();
  });
});
