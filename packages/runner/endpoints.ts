import { connect } from "node:net";

/** Services that a run cannot do without, by the variable that holds their address. */
const required: Readonly<Record<string, string>> = {
  MLFLOW_TRACKING_URI: "MLflow",
  AWS_ENDPOINT_URL_S3: "the object store",
};

/**
 * Checks that the services which the steps' environment names answer.
 *
 * @throws Error listing each that does not.
 */
export async function checkEndpoints(environment: Readonly<Record<string, string>>): Promise<void> {
  const named = Object.entries(required).flatMap(([variable, service]) => {
    const url = environment[variable];
    return url === undefined || url === "" ? [] : [{ variable, service, url }];
  });
  const problems = await Promise.all(
    named.map(async ({ variable, service, url }) => {
      const because = await refusal(url);
      return because === undefined
        ? []
        : [`  - ${service} does not answer at ${url} (${variable}): ${because}`];
    }),
  );
  const found = problems.flat();
  if (found.length > 0) {
    throw new Error(
      `nothing was started, because steps need what does not answer; run \`make up\`:\n${found.join("\n")}`,
    );
  }
}

/** Why nothing can be reached at a URL; undefined if something can. */
async function refusal(url: string): Promise<string | undefined> {
  if (!URL.canParse(url)) return "not a URL";
  const { hostname, port, protocol } = new URL(url);
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const socket = connect({
    host: hostname.replace(/^\[|\]$/g, ""),
    port: Number(port) || (protocol === "https:" ? 443 : 80),
    timeout: 5_000,
  });
  socket.once("connect", () => resolve(undefined));
  socket.once("timeout", () => resolve("no answer in 5 s"));
  socket.once("error", (error) => resolve(error.message));
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}
