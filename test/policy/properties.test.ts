import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { rules, stackRules } from "../../policy/rules/catalog.ts";
import { parseImage, REFERENCE_PATTERN } from "../../policy/rules/images/reference.ts";
import { formatPath, parsePath, valueAt, withValue } from "../../policy/rules/json.ts";
import { POD_KINDS } from "../../policy/rules/pods/podKinds.ts";
import { parseQuantity } from "../../policy/rules/quantity.ts";
import type { Finding } from "../../policy/rules/types.ts";
import { corpusContext } from "./corpus.ts";

const contexts = [corpusContext("local"), corpusContext("aws")];

/** Field names that rules look at, so that junk lands where it hurts. */
const fields = [
  ..."apiVersion kind metadata namespace labels annotations ownerReferences spec template items name".split(
    " ",
  ),
  ..."containers initContainers ephemeralContainers sidecars container script containerSet steps dag tasks".split(
    " ",
  ),
  ..."inline templates templateDefaults podSpecPatch podMetadata resource plugin volumes hostPath image".split(
    " ",
  ),
  ..."reference resources limits requests nvidia.com/gpu cpu memory nodeSelector tolerations key operator".split(
    " ",
  ),
  ..."mlops.dev/accelerator mlops.dev/owner affinity nodeAffinity matchExpressions values env value".split(
    " ",
  ),
  ..."securityContext capabilities add privileged runAsUser replicas parallelism activeDeadlineSeconds".split(
    " ",
  ),
  ..."requiredDuringSchedulingIgnoredDuringExecution nodeSelectorTerms headGroupSpec workerGroupSpecs".split(
    " ",
  ),
  ..."rayClusterSpec rayClusterConfig jobTemplate workflowSpec chart version repositoryOpts repo tag".split(
    " ",
  ),
  ..."repository registry digest password policy Statement Action Resource Effect Principal Condition".split(
    " ",
  ),
  ..."assumeRolePolicy inlinePolicies managedPolicyArns vpcConfig publicAccessCidrs encryptionConfig tags".split(
    " ",
  ),
  ..."scalingConfig taints instanceTypes metadataOptions bucket acl rules __proto__ constructor toString valueOf toJSON length".split(
    " ",
  ),
];

const leaf = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom(
    "1",
    "1.5",
    "nvidia.com/gpu",
    "In",
    "Exists",
    "{{x}}",
    "a:latest",
    "*",
    "Allow",
    "t4",
    "{",
    -1,
    0,
  ),
);
const junk = fc.letrec<{ node: unknown }>((tie) => ({
  node: fc.oneof(
    { depthSize: "medium", withCrossShrink: true },
    leaf,
    fc.dictionary(fc.constantFrom(...fields), tie("node"), { maxKeys: 6 }),
    fc.array(tie("node"), { maxLength: 3 }),
  ),
})).node;

/** Junk that says that it is of a kind that makes pods. */
const podBearing = fc
  .tuple(
    fc.constantFrom(...Object.keys(POD_KINDS)),
    fc.dictionary(fc.constantFrom(...fields), junk, { maxKeys: 8 }),
  )
  .map(([groupKind, object]) => {
    const [group, kind] = groupKind.includes("/") ? groupKind.split("/") : ["", groupKind];
    return { ...object, apiVersion: group === "" ? "v1" : `${group}/v1`, kind };
  });

const runs = { numRuns: 300 };

describe("no rule throws", () => {
  const judge = (object: unknown): Finding[] =>
    contexts.flatMap((context) =>
      rules.flatMap((rule) =>
        (rule.types.length === 0 ? [""] : rule.types.slice(0, 4)).flatMap((type) => {
          const additions = rule.remediate?.(object, context, type) ?? [];
          for (const { path } of additions) formatPath(path);
          return rule.check(object, context, type);
        }),
      ),
    );

  test("on any JSON", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (object) => {
        judge(object);
      }),
      runs,
    );
  });

  test("on junk under the names that it looks at", () => {
    fc.assert(
      fc.property(fc.oneof(junk, podBearing), (object) => {
        for (const { path, message, fix } of judge(object)) {
          expect(formatPath(parsePath(path))).toBe(path);
          expect(message).not.toContain("[object Object]");
          expect(fix).not.toBe("");
        }
      }),
      runs,
    );
  });

  test("on junk in a stack", () => {
    const types = rules.flatMap((rule) => [...rule.types]);
    const resource = fc.record({
      urn: fc.string(),
      type: fc.constantFrom(...types),
      name: fc.string(),
      inputs: junk,
      references: fc.dictionary(fc.constantFrom("bucket"), fc.array(fc.string()), { maxKeys: 1 }),
    });
    fc.assert(
      fc.property(fc.array(resource, { maxLength: 6 }), (resources) => {
        for (const rule of stackRules) rule.checkStack(resources, contexts[0] as never);
      }),
      runs,
    );
  });
});

describe("paths", () => {
  const path = fc.array(fc.oneof(fc.string(), fc.nat(), fc.constantFrom(...fields)), { maxLength: 6 });

  test("are read as they are written", () => {
    fc.assert(
      fc.property(path, (steps) => {
        expect(parsePath(formatPath(steps))).toEqual(steps);
      }),
    );
  });

  test("lead to what was put there", () => {
    const plain = fc.array(fc.constantFrom("a", "b", "nvidia.com/gpu"), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.jsonValue(), plain, fc.jsonValue(), (object, steps, value) => {
        fc.pre(typeof object !== "object" || !Array.isArray(object));
        fc.pre(!JSON.stringify(object).includes('"a"') && !JSON.stringify(object).includes('"b"'));
        expect(valueAt(withValue(object, steps, value), ...steps)).toEqual(value);
      }),
    );
  });
});

describe("image references", () => {
  const part = fc.constantFrom(
    "a",
    "B",
    "nginx",
    "ghcr.io",
    "host:5000",
    "/",
    ":",
    "@",
    "latest",
    "1.2.3",
    ".",
    "-",
    "_",
    "sha256:",
    "0".repeat(64),
    " ",
  );
  const text = fc.array(part, { maxLength: 7 }).map((parts) => parts.join(""));

  test("are malformed exactly where the admission policy's pattern says so", () => {
    const pattern = new RegExp(REFERENCE_PATTERN);
    fc.assert(
      fc.property(fc.oneof(text, fc.string()), (image) => {
        expect("malformed" in parseImage(image)).toBe(!pattern.test(image));
      }),
      { numRuns: 3000 },
    );
  });

  test("are the same after they were normalised", () => {
    fc.assert(
      fc.property(text, (image) => {
        const parsed = parseImage(image);
        fc.pre(!("malformed" in parsed));
        expect(parseImage(parsed.repository)).toMatchObject({ repository: parsed.repository });
      }),
    );
  });
});

test("quantities are read as numbers of base units", () => {
  const examples = {
    "1": 1,
    "500m": 0.5,
    "2Gi": 2 * 2 ** 30,
    "1e3": 1000,
    "1E3": 1000,
    "1.5k": 1500,
    ".5": 0.5,
    "2000m": 2,
    "1E": 1e18,
  };
  for (const [text, number] of Object.entries(examples)) expect(parseQuantity(text)).toBe(number);
  for (const wrong of ["", "one", "1 ", "1GB", "1mi", "--1", "1e", null, {}, Number.NaN]) {
    expect(parseQuantity(wrong)).toBeUndefined();
  }
});
