import { defineConfig } from "vitest/config";

/** Nothing waits here; but a busy machine can take several seconds for a test of half a second. */
const testTimeout = 60_000;
/** Tests that start clusters and servers. */
const patient = { testTimeout: 900_000, hookTimeout: 900_000 };
/** On a machine of two cores the default is one worker. */
const maxWorkers = "100%";
/** These need all of a small machine, so their files run one after the other. */
const slow = { ...patient, fileParallelism: false };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/unit/**/*.test.ts"],
          exclude: ["**/*.slow.test.ts"],
          testTimeout,
          maxWorkers,
          // Half of the time would go into importing the same modules for each file anew.
          isolate: false,
          unstubEnvs: true,
        },
      },
      // Simulations, processes and servers: with them, the unit tests take more than a minute.
      { test: { name: "slow", include: ["test/unit/**/*.slow.test.ts"], testTimeout, maxWorkers } },
      { test: { name: "policy", include: ["test/policy/**/*.test.ts"], testTimeout } },
      // Charts rendered by helm; needs the toolchain on PATH.
      { test: { name: "render", include: ["test/render/**/*.test.ts"], testTimeout } },
      {
        test: {
          name: "engine",
          include: ["test/engine/**/*.test.ts"],
          exclude: ["test/engine/aws/**"],
          ...patient,
          // Each file has a checkout and a cluster of its own, and mostly waits.
          maxWorkers: 3,
        },
      },
      // The aws stack on stand-ins for AWS.
      { test: { name: "aws", include: ["test/engine/aws/**/*.test.ts"], ...slow } },
      // Real servers, training and pipelines.
      { test: { name: "pipelines", include: ["test/pipelines/**/*.test.ts"], ...slow } },
    ],
  },
});
