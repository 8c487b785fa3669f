export * from "./artifacts.ts";
export * from "./client.ts";
export { MlflowError } from "./http.ts";
export * from "./retry.ts";
